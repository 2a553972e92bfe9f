"""What Ctrl-C and SIGTERM do to the work of a command, pressed once, twice, or not at all."""

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest

from cc_async.cli.stopping import Terminated, gently, run_stoppable

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    """Whoever runs a command in a process of its own finds its handlers again, however it ended."""
    before = [signal.getsignal(each) for each in BOTH]
    yield
    assert [signal.getsignal(each) for each in BOTH] == before


class Work:
    """Presses keys, waits to be cancelled, then has a last step that other presses fall into."""

    def __init__(self, *presses: signal.Signals, then: signal.Signals | None = None) -> None:
        self.presses, self.then = presses, then
        self.steps: list[str] = []

    async def run(self) -> int:
        try:
            for each in self.presses:
                signal.raise_signal(each)
            await asyncio.Event().wait()
        finally:
            last = asyncio.ensure_future(self.last())
            while not last.done():
                try:
                    await asyncio.shield(last)
                except asyncio.CancelledError:
                    self.steps.append("asked again")
        return 0

    async def last(self) -> None:
        if self.then is not None:
            signal.raise_signal(self.then)
        for _ in range(3):
            await asyncio.sleep(0)
        self.steps.append("last step")


@pytest.mark.parametrize("to_the_end", [False, True])
@pytest.mark.parametrize(
    ("press", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_it_is_cancelled_and_tidies_up(press: signal.Signals, raised: type, to_the_end: bool) -> None:
    """Both end it after its last step; the caller can tell which of them it was."""
    work = Work(press)
    with pytest.raises(KeyboardInterrupt) as caught:
        run_stoppable(work.run(), to_the_end=to_the_end)
    assert caught.type is raised
    assert work.steps == ["last step"]


@pytest.mark.parametrize("press", BOTH)
def test_a_second_press_does_not_break_off_what_must_be_done(press: signal.Signals) -> None:
    """Run to the end, a press in the last step asks again, and the step is done all the same."""
    work = Work(signal.SIGINT, then=press)
    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work.run(), to_the_end=True)
    assert work.steps == ["asked again", "last step"]


def test_a_second_press_breaks_off_the_others() -> None:
    """Elsewhere the second Ctrl-C is Python's own: it cancels the last step, too."""
    work = Work(signal.SIGINT, then=signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work.run())
    assert "last step" not in work.steps


def test_what_comes_to_a_result_all_the_same_has_it() -> None:
    """Work that was done when the signal came is not thrown away."""

    async def done() -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 7
        raise AssertionError

    assert run_stoppable(done()) == 7


@pytest.mark.parametrize("second", BOTH)
def test_gently_stops_first_and_cancels_then(second: signal.Signals) -> None:
    """The first press calls, the second cancels, and SIGTERM or Ctrl-C count alike."""
    stops: list[str] = []

    async def work() -> None:
        stopped = asyncio.Event()

        def stop() -> None:
            stops.append("stop")
            stopped.set()

        with gently(stop):
            signal.raise_signal(signal.SIGTERM)
            await stopped.wait()
            signal.raise_signal(second)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(work())
    assert stops == ["stop"]


def test_what_is_ignored_stays_ignored() -> None:
    """A job in the background of a script is not ended by the Ctrl-C for what runs in front."""

    async def work() -> int:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return 0

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_stoppable(work(), to_the_end=True) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_off_the_main_thread_it_runs_without_signals() -> None:
    """Where Python takes no handlers there are none, and the work comes to its end."""

    async def work() -> int:
        with gently(lambda: None):
            return 7

    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run_stoppable(work(), to_the_end=True)))
    thread.start()
    thread.join(10)
    assert found == [7]
