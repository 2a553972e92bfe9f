"""Files: one writer for Parquet, JSONL and CSV, with an account of what is done; backfill, sync, record."""

from cc_async.export.backfill import export
from cc_async.export.layout import Target
from cc_async.export.privacy import Privacy
from cc_async.export.progress import Exported, Progress
from cc_async.export.record import Poll, record
from cc_async.export.sync import sync
from cc_async.export.verify import Damage, verify

__all__ = ["Damage", "Exported", "Poll", "Privacy", "Progress", "Target", "export", "record", "sync", "verify"]
