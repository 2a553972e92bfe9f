"""A worker: takes partitions from the queue, asks and writes them; killed at any moment, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from anyio import CancelScope
from attrs import define
from redis.exceptions import RedisError
from taskiq import Context, TaskiqDepends
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver

from cc_async import BatchError, CcError, CmsClient, ExportError, Query, Question
from cc_async.export import Exported
from cc_async.export.layout import Site
from cc_async.export.schema import Schema
from cc_async.export.shared import Shared, fill
from cc_async.integrations.taskiq_broker import PartitionBroker
from cc_async.integrations.taskiq_message import TASK

_PAUSE = 5.0
"""Seconds a worker waits after a trouble that may pass, unless the error names another time."""
_LONGEST_PAUSE = 60.0
"""It doubles up to this as long as nothing works: a long outage is not taken for a partition's fault."""
_LOOK = 0.5
"""Seconds between two looks whether a lone writer has let go of a folder."""
_TIDY = 5.0
"""Seconds a cancelled partition has to end."""
_CONTEXT: Any = TaskiqDepends()
"""Tells taskiq to hand over the context of the message."""


@define
class Worked:
    """What a worker has done."""

    partitions: int = 0
    rows: int = 0
    requests: int = 0
    failed: int = 0
    given_back: int = 0


class Worker:
    """One process's share of the work: a partition at a time, its pages concurrently.

    A partition that the contact center cannot answer is noted for whoever asked, and done with. A trouble
    that may pass (the server is away) gives the partition back and waits. One that will not (a wrong key, a
    full disk) ends the worker; other workers go on.

    Args:
        cms: whose quota, keys and limits hold; it stays open.
        broker: the queue of the same contact center.
        folder: where this machine has the folder, when not under the path that ``backfill`` was given.
        on_tell: told in words of what goes wrong.
    """

    def __init__(
        self, cms: CmsClient, broker: PartitionBroker, *, folder: Path | None = None,
        on_tell: Callable[[str], None] = lambda text: None,
    ) -> None:  # fmt: skip
        self._cms, self._broker, self._at, self._tell = cms, broker, folder, on_tell
        self.worked = Worked()
        self._folders: dict[Path, Shared] = {}
        self._scope = CancelScope()
        self._stop = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._error: Exception | None = None
        self._troubles = 0
        """One after another, without anything done in between."""

    def stop(self) -> None:
        """Take no more partitions; the one under way has the grace to end."""
        self._stop.set()

    async def run(self, *, grace: float = 30.0) -> Worked:
        """Work until ``stop``: what is not done ``grace`` seconds after it is given back.

        Raises CcError for a trouble that will not pass; RedisRefused when Redis did not let us in at all.
        """
        self._register()
        receiver = Receiver(
            self._broker, max_async_tasks=1, ack_type=AcknowledgeType.MANUAL, run_startup=False,
            wait_tasks_timeout=grace,
        )  # fmt: skip
        renewing = asyncio.create_task(self._broker.renew(), name="cc_async.worker.renew")
        try:
            await receiver.listen(self._stop)
        except* CcError as errors:
            [self._error] = errors.exceptions
        finally:
            with CancelScope(shield=True):
                self._scope.cancel()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._idle.wait(), _TIDY)
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
                await self._give_back()
                await self._broker.shutdown()
        if self._error is not None:
            raise self._error
        return self.worked

    def _register(self) -> None:
        async def partition(question: str, folder: str, context: Context = _CONTEXT) -> None:
            """One message. It is done with when the partition is written, or cannot be answered."""
            self._idle.clear()
            try:
                with CancelScope() as self._scope:
                    if await self._settled(question, folder):
                        await context.ack()
                        return
                self.worked.given_back += 1
            except (RedisError, OSError, TimeoutError):
                # Not acknowledged: it comes again, to us or another, is found to be done, and asks nothing.
                await self._give_back()
            except Exception as error:  # a mistake of ours, which taskiq would keep to itself
                await self._give_back()
                self._error = error
                self._stop.set()
            finally:
                self._idle.set()

        self._broker.register_task(partition, TASK)

    async def _settled(self, question: str, folder: str) -> bool:
        """Ask and write; False when another worker is to have it."""
        try:
            query = self._cms.ask(Question.from_json(question), partial=True)
            exported = await self._filled(query, self._at or Path(folder))
        except CcError as error:
            if not isinstance(error, BatchError) or error.retryable:
                await self._trouble(error)
                return False
            self.worked.failed += 1
            first = error.exceptions[0]
            await self._broker.fail(folder, _part(first, question), str(first))
            return True
        except ValueError as error:
            # Of another release, or no question at all.
            await self._broker.fail(folder, question[:80], str(error))
            return True
        self._troubles = 0
        for failure in exported.failures:
            self.worked.failed += 1
            await self._broker.fail(folder, _part(failure.error, question), str(failure.error))
        self.worked.partitions += exported.done
        self.worked.rows += exported.rows
        self.worked.requests += exported.requests
        return True

    async def _filled(self, query: Query[Any], path: Path) -> Exported:
        told = False
        while True:
            try:
                return await fill(query, self._folder(query, path))
            except ExportError as error:
                if not error.retryable:
                    raise
                if not told:
                    self._tell(error.message)
                told = True
            await asyncio.sleep(_LOOK)

    def _folder(self, query: Query[Any], path: Path) -> Shared:
        if path not in self._folders:
            question, origin = query.question, query.origin
            site = Site(origin.host, question.cc_id)
            self._folders[path] = Shared(path, question.interface, site, Schema.of(origin.record))
        return self._folders[path]

    async def _trouble(self, error: CcError) -> None:
        """Give back what we have; wait, or end."""
        await self._give_back()
        if not error.retryable:
            self._error = error
            self._stop.set()
            return
        pause = min(_LONGEST_PAUSE, error.retry_after or _PAUSE * 2**self._troubles)
        self._troubles = min(self._troubles + 1, 8)
        self._tell(f"{error.message}; goes on in {pause:.0f} s")
        await asyncio.sleep(pause)

    async def _give_back(self) -> None:
        with suppress(RedisError, OSError, TimeoutError):
            await self._broker.give_back()


def _part(error: BaseException, question: str) -> str:
    return getattr(error, "part", None) or question[:80]
