"""How one key is asked: alone in the eyes of its caller, joined with everybody else's on the wire."""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import evolve, frozen

from cc_async.batch.coalesce import Joined, Key
from cc_async.batch.engine import End
from cc_async.batch.ids import AGENT, SKILL, VDN, IdRange, read_id, read_task_ids
from cc_async.clients.asking import Asking, Options
from cc_async.clients.core import Core
from cc_async.clients.lookup import Resolved
from cc_async.clients.telling import name_of, tell_done, tell_dropped
from cc_async.contract.spec import Endpoint, Group, Question, Whole, Windows
from cc_async.errors import CallTimeout, CcError
from cc_async.session.call import Call
from cc_async.session.deadline import Deadline
from cc_async.session.session import Session

R = TypeVar("R")

_KINDS = {"skill_id": SKILL, "agent_id": AGENT, "vdn": VDN}


@frozen
class Single:
    """One key of a question, read and checked."""

    question: Question
    """The question it was asked of."""
    vdn: int | None
    key: Any
    kind: IdRange | None
    """What kind of number the key is; None for a text."""


def single(question: Question, endpoint: Endpoint[Any], key: object) -> Single:
    """Read the key given to ``query.one``.

    Raises:
        TypeError: a key of the wrong kind, or an interface with many rows for one key.
        ValueError: below the documented range, or none of the keys the query was given.
    """
    name = _key_field(endpoint)
    group, value = _group(question, key)
    kind = _KINDS.get(name)
    number: Key = read_task_ids([value])[0] if kind is None else read_id(value, kind)
    if group.keys is not None and number not in group.keys:
        raise ValueError(f"{name} {number} is not among the {len(group.keys)} keys this query was given")
    return Single(question, group.vdn, number, kind)


def _key_field(endpoint: Endpoint[Any]) -> str:
    """The field that tells the rows of an interface apart; TypeError where one key has many rows."""
    name, *more = endpoint.record.key_fields
    if isinstance(endpoint.split, Windows):
        raise TypeError(
            f"{endpoint.name} has many rows for one VDN: ask a narrow time and await the query instead"
        )
    if more:
        raise TypeError(
            f"{endpoint.name} has many rows for one {name}: await the query with that key alone, "
            "or ask skill_states().one(...) for how many there are"
        )
    return str(name)


def _group(question: Question, key: object) -> tuple[Group, object]:
    groups = {group.vdn: group for group in question.groups}
    if len(groups) == 1:
        return next(iter(groups.values())), key
    if not groups:
        raise ValueError("this query was given no keys at all")
    if not (isinstance(key, tuple) and len(key) == 2):
        raise TypeError("a query of several VDNs is asked for one (vdn, id)")
    if key[0] not in groups:
        raise ValueError(f"vdn {key[0]!r} is none of the VDNs of this query")
    return groups[key[0]], key[1]


async def one(
    core: Core, options: Options, wanted: Single, endpoint: Endpoint[R], timeout: float | None, max_age: float
) -> R:
    """The record of one key: remembered, being asked already, or asked with the others of this tick.

    ``timeout`` bounds this caller's waiting only. Raises as ``Query.one`` says.
    """
    _check_age(max_age)
    session, question, vdn, key = core.open(), wanted.question, wanted.vdn, wanted.key
    coalescer = core.coalescer
    if coalescer is None:
        raise RuntimeError("the client has not been opened")
    place = (endpoint.name, session.credentials[endpoint.needs].identity, question.cc_id, vdn)
    known: R | None = coalescer.remembered(place, key, max_age)
    if known is not None:
        return known
    whole = isinstance(endpoint.split, Whole)

    async def run(keys: tuple[Key, ...], joined: Joined[R]) -> CcError | None:
        asked = evolve(question, groups=(Group(vdn, None if whole else keys),))
        return await _ask(Asking(core, options, asked, endpoint, _as_it_is, None), joined)

    clock = session.clock
    limit = Deadline(None if timeout is None else clock.monotonic() + timeout, clock)
    try:
        async with limit:
            return await coalescer.one(place, key, endpoint, run, wants_all=whole)
    except TimeoutError as error:
        if isinstance(error, CcError):
            raise
        told = f"no answer for {key} within {timeout:g} s"
        raise CallTimeout(told, endpoint=endpoint.name, host=session.host) from None


async def _ask(asking: Asking[R], joined: Joined[R]) -> CcError | None:
    """Ask the joined question as any other; its callers have time limits of their own."""

    def ready(question: Question, session: Session, call: Call) -> End[R]:
        joined.on_piece = lambda piece: tell_dropped(session, call, piece)
        return joined

    call = await asking.run(ready)
    if (session := asking.core.session) is not None:
        told = asking.requests, joined.row_count, joined.failure_count
        tell_done(session, call, *told, name_of(asking.cause))
    return asking.cause


async def _as_it_is(question: Question, call: Call) -> Resolved:
    """Its keys are known."""
    return Resolved(question)


def _check_age(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"max_age must be seconds, not {type(value).__name__}")
    if not value >= 0:
        raise ValueError(f"max_age must be 0 or more seconds, not {value}")
