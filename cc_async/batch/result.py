"""What a question came to: the rows, and exactly what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import field, frozen

from cc_async.batch.chunk import INSTANT, Keys
from cc_async.batch.remainder import remainder, vdn_of
from cc_async.contract.spec import Question, Window
from cc_async.errors import CcError
from cc_async.session.request import Rejected

if TYPE_CHECKING:
    import polars

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


def _told(error: CcError) -> tuple[type[CcError], str]:
    """Two errors say the same: exceptions alone compare by identity, which a pickle does not keep."""
    return type(error), str(error)


@frozen
class Failure:
    """A part of the question that was not answered whole."""

    question: Question
    """Exactly this part, ready to be asked again."""
    keys: Keys
    """The keys of this part; empty when it was not asked by key."""
    vdn: int | None
    window: tuple[datetime, datetime] | None
    """[begin, end) of this part of a time question, else None."""
    error: CcError = field(eq=_told)
    attempts: int
    """How many times its last request was sent."""
    part: str = ""
    """The same part for people: ``vdn 170, skills 1..222``."""


@frozen(slots=False, repr=False)
class Batch(Sequence[R_co], Generic[R_co]):
    """The rows of a question in the order of the question, and an exact account of what is missing.

    A ``Sequence`` of records; a slice gives a tuple of records. Two batches are equal when they ask the same
    and say the same: times and request counts do not matter.
    """

    records: tuple[R_co, ...]
    question: Question | None = None
    """What was asked; None for a batch made by hand."""
    record: type[R_co] | None = None
    """The class of the rows, known even when there are none."""
    failures: tuple[Failure, ...] = ()
    """The parts that were not answered whole, each with its error."""
    rejected: tuple[Rejected, ...] = ()
    """Rows that could not be read, each with its reason."""
    absent: tuple[Any, ...] = ()
    """Keys answered without a row, which is no error: (vdn, key) when the question is of several VDNs.

    Keys of a part with rejected rows are not listed: a rejected row may have been theirs.
    """
    request_count: int = field(default=0, eq=False)
    """Requests sent, repeated attempts included."""
    began: datetime | None = field(default=None, eq=False)
    """When the call began (aware, UTC); None for a batch made by hand."""
    ended: datetime | None = field(default=None, eq=False)
    """When the call ended (aware, UTC)."""
    dropped: int = field(default=0, eq=False)
    """Rows that came but were not kept: duplicates, and rows nobody asked for."""
    key_field: str | None = field(default=None, eq=False)
    """Record field that answers a key of the question, or None."""
    layout: tuple[Window, ...] = field(default=(), eq=False)
    """The windows a time question was cut into, in order: the order of the rows."""

    @classmethod
    def of(cls, records: Iterable[R], *, record: type[R] | None = None) -> Batch[R]:
        """A complete batch of these records, for tests; ``record`` names their class when there are none."""
        rows = tuple(records)
        return Batch(rows, record=record or (type(rows[0]) if rows else None))

    @property
    def complete(self) -> bool:
        """True when every part was answered and every row could be read."""
        return not self.failures and not self.rejected

    @cached_property
    def by_key(self) -> Mapping[Any, R_co]:
        """The rows by their ``key``; by (vdn, key) when the question is of several VDNs.

        Made on first use, read-only.
        """
        if self.several_vdns:
            return MappingProxyType({(vdn_of(row), _any(row).key): row for row in self.records})
        return MappingProxyType({_any(row).key: row for row in self.records})

    @property
    def several_vdns(self) -> bool:
        """True when the question asks keys of more than one VDN."""
        return self.question is not None and len(self.question.groups) > 1

    @property
    def unanswered(self) -> Question | None:
        """One question that asks exactly what failed, or None."""
        if self.question is None:
            return None
        return remainder(self.question, (failure.question for failure in self.failures))

    @property
    def interval_starts(self) -> tuple[datetime, ...]:
        """The 5-minute intervals of the rows, in order of time; empty when rows have none.

        More than one in a snapshot: the interval ended while it was being asked, so do not mix its rows.
        """
        found = {getattr(row, INSTANT, None) for row in self.records}
        return tuple(sorted(start for start in found if start is not None))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Every row as a dict of its fields, in order."""
        return [_any(row).to_dict() for row in self.records]

    def to_polars(self) -> polars.DataFrame:
        """The rows as a typed polars frame: counts Int64, rates Float64, text String, instants UTC, nullable.

        Codes are their numbers; what is kept as it came is text. Phone numbers are not masked. An empty
        batch gives an empty frame of the same types. Raises ``ImportError`` without the extra ``frames``,
        ``ValueError`` when an empty batch does not know its class.
        """
        from cc_async.batch.frames import to_polars

        return to_polars(self.records, self.record)

    @overload
    def __getitem__(self, index: int) -> R_co: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[R_co, ...]: ...
    def __getitem__(self, index: int | slice) -> R_co | tuple[R_co, ...]:
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[R_co]:
        return iter(self.records)

    def __getstate__(self) -> dict[str, Any]:
        # The index by key is made again where it is wanted: a read-only mapping cannot be pickled.
        return {name: value for name, value in self.__dict__.items() if name != "by_key"}

    def __repr__(self) -> str:
        name = self.record.__name__ if self.record is not None else "rows"
        told = [f"{len(self)} {name}", _count(self.request_count, "request")]
        told += [_count(len(self.failures), "failure")] if self.failures else []
        told += [f"{len(self.rejected)} rejected"] if self.rejected else []
        told += [f"{len(self.absent)} absent"] if self.absent else []
        told += ["complete"] if self.complete else []
        return f"<Batch of {', '.join(told)}>"


def _any(row: object) -> Any:
    """A record, whose class the type checker cannot know here."""
    return row


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
