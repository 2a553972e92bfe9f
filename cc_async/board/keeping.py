"""What a board remembers over a restart: the sums of the calls, and which alerts stand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from cc_async.errors import ExportError
from cc_async.monitor import state
from cc_async.monitor.memory import KIND, VERSION, Memory
from cc_async.monitor.rules import Rule
from cc_async.monitor.stitch import Stitcher


class Keeping:
    """The stitcher and the memory of the judge, and the folder they are kept in.

    Made by ``load``. Saving never raises: what is wrong is told in ``trouble`` until it works again.
    """

    def __init__(self, stitcher: Stitcher, memory: Memory, folder: Path | None) -> None:
        self.stitcher, self.memory = stitcher, memory
        self.trouble: str | None = None
        self._alerts = None if folder is None else folder / "alerts.json"
        self._saving = asyncio.Lock()

    @classmethod
    async def load(cls, folder: Path | None, rules: Iterable[Rule]) -> Keeping:
        """Read what was kept; nothing yet: begin anew. Raises ExportError for files that are damaged."""
        known = frozenset(rule.id for rule in rules)
        return await to_thread.run_sync(_load, folder, known)

    async def save(self) -> None:
        """Write both files in a thread."""
        if self._alerts is None:
            return
        async with self._saving:
            text = state.encode(KIND, VERSION, self.memory.to_state())
            try:
                await self.stitcher.take(())
                await to_thread.run_sync(state.write, self._alerts, text)
            except ExportError as error:
                self.trouble = f"what was seen cannot be saved: {error}"
            else:
                self.trouble = None


def _load(folder: Path | None, known: frozenset[str]) -> Keeping:
    if folder is None:
        return Keeping(Stitcher(), Memory(), None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: {error.strerror or type(error).__name__}") from error
    path = folder / "alerts.json"
    body = state.load(path, KIND, VERSION)
    try:
        memory = Memory() if body is None else Memory.from_state(body, known)
    except (KeyError, TypeError, ValueError):
        raise state.damaged(path) from None
    return Keeping(Stitcher(state_file=folder / "sums.json"), memory, folder)
