"""How Ctrl-C and SIGTERM end a command: its work is cancelled, and tidies up."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
_BOTH = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM ended it, tidied up as after Ctrl-C."""


def run_stoppable(
    work: Coroutine[Any, Any, T],
    *,
    to_the_end: bool = False,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run it; Ctrl-C and SIGTERM cancel it. What ends all the same, with a result, has that result.

    A second Ctrl-C drops everything, last steps included, as with ``asyncio.run``. Whoever bounds its last
    steps itself and must do them (agents signed out) runs ``to_the_end``: each press only asks it to end.

    Raises:
        KeyboardInterrupt: one of them ended it; Terminated when that was SIGTERM.
    """
    terminated = False

    async def main() -> T:
        task = asyncio.ensure_future(work)

        def stop(number: int) -> None:
            nonlocal terminated
            terminated = terminated or number == signal.SIGTERM
            task.cancel()

        with _on(*(_BOTH if to_the_end else (signal.SIGTERM,)), call=stop):
            return await task

    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())
    except asyncio.CancelledError:
        raise (Terminated if terminated else KeyboardInterrupt) from None


@contextmanager
def gently(stop: Callable[[], None]) -> Iterator[None]:
    """In this block the first Ctrl-C or SIGTERM calls ``stop``; each more cancels the task, as without it."""
    task = asyncio.current_task()
    asked = False

    def asks(number: int) -> None:
        nonlocal asked
        if asked and task is not None:
            task.cancel()
        elif not asked:
            asked = True
            stop()

    with _on(*_BOTH, call=asks):
        yield


@contextmanager
def _on(*numbers: signal.Signals, call: Callable[[int], None]) -> Iterator[None]:
    """In this block the loop makes a call of each signal; what handled them before does so again after it.

    Python's own handlers, since those of a loop are missing on Windows and cannot be put back. A signal that
    whoever started us has ignored (a job in the background) stays ignored; off the main thread none comes.
    """
    loop = asyncio.get_running_loop()

    def came(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(call, number)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handled = {number: signal.getsignal(number) for number in numbers}
        before = {number: it for number, it in handled.items() if it not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, came)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
