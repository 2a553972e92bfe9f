"""What a run into files came to, and how far it is."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

from cc_async.batch.result import Failure


@frozen
class Exported:
    """The account of a run into files; everything it counts is on the disk."""

    interface: str
    rows: int = 0
    """Rows written by this run."""
    parts: int = 0
    """Files written by this run."""
    requests: int = 0
    """Requests sent, repeated attempts included."""
    done: int = 0
    """Partitions written by this run; those with unreadable rows are asked again by the next one."""
    skipped: int = 0
    """Partitions that were finished before: nothing was asked for them."""
    rejected: int = 0
    """Rows that could not be read."""
    failures: tuple[Failure, ...] = ()
    """Partitions that were not answered whole: none of their rows is in a file, the next run asks again."""

    @property
    def complete(self) -> bool:
        """True when nothing failed and every row could be read."""
        return not self.failures and not self.rejected


@define
class Progress:
    """How far a run is; one object that changes while it runs."""

    interface: str
    total: int = 0
    """Partitions to ask for in all."""
    done: int = 0
    skipped: int = 0
    rows: int = 0
    """Rows arrived so far."""
    requests: int = 0


@define
class Recorded:
    """The account of one interface's recording; one object that changes while it runs."""

    interface: str
    polls: int = 0
    rows: int = 0
    gaps: int = 0
    """Gap rows: parts that failed, polls that failed or were skipped."""
    parts: int = 0
    """Files written."""
    requests: int = 0


OnProgress = Callable[[Progress], None]
