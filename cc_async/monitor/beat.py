"""One beat of a watch: what came, or why not, and what is known from before."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from attrs import frozen

from cc_async.batch.result import Batch

R = TypeVar("R")


@frozen(kw_only=True)
class Beat(Generic[R]):
    """One asking of a watch and what it came to; always look at ``error`` or ``age_seconds`` first."""

    number: int
    """1, 2, 3...: beats asked; numbers are missing where ``dropped`` says so."""
    at: datetime
    """When it was over, by the server's clock as far as that is known (aware, UTC)."""
    batch: Batch[R] | None = None
    """What arrived, also when some of it is missing; None: nothing."""
    error: Exception | None = None
    """Why something is missing; None: nothing is."""
    last_good: Batch[R] | None = None
    """The newest batch that came without an error, this beat's own if it did; None: there was none yet."""
    age_seconds: float | None = None
    """How old ``last_good`` is, counted from when it was asked to when this beat was handed over."""
    suspect: bool = False
    """True: do not trust the counts of this bucket (the first after a start, two buckets in one batch)."""
    skipped: int = 0
    """Beats that were due since the one before but not asked, because that one took too long."""
    dropped: int = 0
    """Beats that were asked since the one before but overtaken, because nobody took them."""
    bucket: datetime | None = None
    """Start of the 5 minutes it was asked in, by the server's clock (aware, UTC)."""

    @property
    def ok(self) -> bool:
        """True when everything arrived."""
        return self.error is None
