"""How far a run into files is: one line on stderr, rewritten on a terminal, seldom elsewhere."""

from __future__ import annotations

from typing import TextIO

from cc_async.batch.plan import human
from cc_async.contract.spec import Quota
from cc_async.export import Exported, Progress
from cc_async.session.clock import Clock

_TERMINAL, _ELSEWHERE = 0.2, 30.0
"""Seconds between two lines."""


class Meter:
    """Writes lines from a run's progress."""

    def __init__(self, out: TextIO, clock: Clock, quota: Quota | None) -> None:
        self._out, self._clock, self._quota = out, clock, quota
        self._began = self._told = clock.monotonic()
        self._tty = out.isatty()

    def on_progress(self, progress: Progress) -> None:
        """Take a step; most of them are not shown."""
        now = self._clock.monotonic()
        if now - self._told < (_TERMINAL if self._tty else _ELSEWHERE):
            return
        self._told = now
        self._write(self.line(progress, now - self._began), last=False)

    def line(self, progress: Progress, seconds: float) -> str:
        """The progress in words."""
        parts = [
            f"{progress.rows:,} rows",
            f"{progress.rows / seconds if seconds else 0:,.0f} a second",
            f"{progress.requests:,} requests{self._used(progress.requests, seconds)}",
            f"{progress.done:,} of {progress.total:,} partitions",
        ]
        if progress.done:
            parts.append(f"{human(seconds / progress.done * (progress.total - progress.done))} left")
        return ", ".join(parts)

    def finish(self, exported: Exported) -> None:
        """Write the account; this line stays."""
        seconds = self._clock.monotonic() - self._began
        used = self._used(exported.requests, seconds)
        told = [
            f"{exported.rows:,} rows in {exported.parts:,} parts",
            f"{exported.requests:,} requests{used}",
            f"{exported.done:,} partitions done, {exported.skipped:,} done before",
            human(seconds),
        ]
        if exported.failures:
            told.append(f"{len(exported.failures):,} failed: run it again")
        self._write(f"{exported.interface}: {', '.join(told)}", last=True)

    def _used(self, requests: int, seconds: float) -> str:
        """The share of the quota that was used, in windows begun."""
        if self._quota is None:
            return ""
        allowed = self._quota.limit * (seconds // self._quota.per + 1)
        return f" ({requests / allowed:.0%} of the quota)"

    def _write(self, text: str, *, last: bool) -> None:
        if self._tty:
            self._out.write(f"\r\x1b[K{text}" + ("\n" if last else ""))
        else:
            self._out.write(f"cc-async: {text}\n")
        self._out.flush()
