"""Running until somebody says stop: SIGTERM ends a command as Ctrl-C does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def run_stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; raises KeyboardInterrupt when Ctrl-C or SIGTERM ended it, tidied up either way."""
    came: list[T] = []

    async def main() -> None:
        task = asyncio.ensure_future(work)
        with suppress(NotImplementedError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        # Cancelled by either signal it ends here, without a result.
        with suppress(asyncio.CancelledError):
            came.append(await task)

    asyncio.run(main())
    if not came:
        raise KeyboardInterrupt
    return came[0]
