"""What a board remembers over a restart: the sums of the calls, and which alerts stand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from cc_async.errors import CcError, ExportError
from cc_async.export.files import Lock
from cc_async.monitor import state
from cc_async.monitor.memory import KIND, UNREADABLE, VERSION, Memory
from cc_async.monitor.rules import Rule
from cc_async.monitor.state import FileStore, StateStore
from cc_async.monitor.stitch import Stitcher


class Keeping:
    """The stitcher and the memory of the judge, and where both are kept; of one feed.

    Made by ``load`` or ``open``. A state that cannot be saved ends nothing: it is told in ``trouble`` until
    it works again.
    """

    def __init__(
        self,
        stitcher: Stitcher,
        memory: Memory,
        alerts: StateStore | None = None,
        ends: tuple[type[CcError], ...] = (),
    ) -> None:
        self.stitcher, self.memory = stitcher, memory
        self.trouble: str | None = None
        self._alerts, self._ends = alerts, ends
        self._saving = asyncio.Lock()
        self._lock: Lock | None = None

    @classmethod
    async def load(cls, folder: Path | None, rules: Iterable[Rule]) -> Keeping:
        """Read what a folder keeps, made if it is not there; None: nothing is kept.

        Raises ExportError for damaged files, and for a folder that cannot be had or is another's.
        """
        if folder is None:
            return cls(Stitcher(), Memory())
        lock = await to_thread.run_sync(_take, folder)
        try:
            sums, alerts = FileStore(folder / "sums.json"), FileStore(folder / "alerts.json")
            made = await cls.open(sums, alerts, rules)
        except BaseException:
            lock.release()
            raise
        made._lock = lock
        return made

    @classmethod
    async def open(
        cls,
        sums: StateStore,
        alerts: StateStore,
        rules: Iterable[Rule],
        *,
        ends: tuple[type[CcError], ...] = (),
    ) -> Keeping:
        """Read what two stores keep; nothing yet: begin anew.

        ``ends`` are errors of writing that are no trouble but the end, such as a lease that was lost:
        ``save`` raises them. Raises ExportError for a state that is damaged.
        """
        known = frozenset(rule.id for rule in rules)
        return await to_thread.run_sync(_read, sums, alerts, known, ends)

    async def save(self) -> None:
        """Write both as they are now; raises nothing but ``ends``."""
        if self._alerts is None:
            return
        async with self._saving:
            text = state.encode(KIND, VERSION, self.memory.to_state())
            try:
                await self.stitcher.take(())
                await self._alerts.write(text)
            except self._ends:
                raise
            except CcError as error:
                self.trouble = f"what was seen cannot be saved: {error}"
            else:
                self.trouble = None

    def close(self) -> None:
        """Leave the folder to whoever wants it next."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _take(folder: Path) -> Lock:
    """Make the folder ours: two processes would write over each other's sums."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: {error.strerror or type(error).__name__}") from error
    return Lock(folder / ".lock")


def _read(
    sums: StateStore, alerts: StateStore, known: frozenset[str], ends: tuple[type[CcError], ...]
) -> Keeping:
    body = state.load(alerts, KIND, VERSION)
    try:
        memory = Memory() if body is None else Memory.from_state(body, known)
    except UNREADABLE:
        raise state.damaged(alerts) from None
    return Keeping(Stitcher(state=sums), memory, alerts, ends)
