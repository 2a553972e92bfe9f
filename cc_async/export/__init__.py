"""Files: Parquet, JSONL and CSV with an account of what is done; backfill, sync, record, many writers."""

from cc_async.export.backfill import export
from cc_async.export.lacking import Lacking, lacking
from cc_async.export.layout import Target
from cc_async.export.privacy import Privacy
from cc_async.export.progress import Exported, Progress, Recorded
from cc_async.export.record import record
from cc_async.export.shared import fill
from cc_async.export.sync import sync
from cc_async.export.verify import Damage, verify

__all__ = [
    "Damage",
    "Exported",
    "Lacking",
    "Privacy",
    "Progress",
    "Recorded",
    "Target",
    "export",
    "fill",
    "lacking",
    "record",
    "sync",
    "verify",
]
