"""A query into files: partition by partition where it asks for a time, as one partition otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import field, frozen

from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Window, Windows
from cc_async.export.layout import Site, Target
from cc_async.export.partitions import Coverage, floored, missing, partitions
from cc_async.export.progress import Exported, OnProgress
from cc_async.export.run import Run
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.export.ways import Drop, Timed

if TYPE_CHECKING:
    from cc_async.query import Query


async def export(query: Query[Any], target: Target, *, on_progress: OnProgress | None = None) -> Exported:
    """Write the rows of a query; see ``Query.to_parquet``, which this is with any format.

    Raises:
        ExportError, ConfigError: the files cannot be written.
        CcError: as awaiting the query would; what was finished is in the files.
    """
    interface = query.question.interface
    rule = ENDPOINTS[interface].split
    origin = query.origin
    site = Site(origin.host, query.question.cc_id)
    with await to_thread.run_sync(Store, target, interface, site, Schema.of(origin.record)) as store:
        run = Run(query, store, on_progress)
        if isinstance(rule, Windows):
            return await _by_time(run, store, rule)
        return await run.snapshot()


async def _by_time(run: Run, store: Store, rule: Windows) -> Exported:
    """Ask what is not done; partitions with a missing or damaged part are done no longer."""
    query = run.query
    await to_thread.run_sync(store.retire, store.damaged())
    until = floored(query.origin.now(), rule.period)
    done = [window for entry in store.manifest.entries.values() for window in entry.done]

    def asked() -> Iterator[list[Window]]:
        return missing(partitions(query.question, rule, store.target, until), Coverage(store.target, done))

    for left in asked():
        run.progress.total += len(left)
        run.progress.skipped += not left
    wanted = (window for left in asked() for window in left)
    return await run.windows(
        wanted, Fill(query.question, store, rule.period, before=Coverage(store.target, done))
    )


@frozen
class Fill(Timed):
    """Adds a partition to what is there; only what could not be read before gives way."""

    before: Coverage = field(kw_only=True)
    """What was done before this run."""

    def drop(self, window: Window) -> Drop | None:
        """Rows of single VDNs that were written before are left out of an answer about all VDNs."""
        return self.before.foreign(window) if window.vdns is None else None
