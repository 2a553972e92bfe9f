"""Pure: one question becomes chunks, each of them one request or the pages of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import frozen

from cc_async.batch.chunk import Chunk, Kept, Keys, Seen, keep
from cc_async.batch.packing import ArrayLimit, check_fits, spans
from cc_async.batch.windows import cuts, on_the_wire, rows_at_most
from cc_async.contract.spec import Endpoint, Group, IdArray, OneByOne, Question, Windows
from cc_async.session.request import Request

__all__ = ["Chunk", "Kept", "Seen", "SplitOptions", "keep", "split"]

R = TypeVar("R")


@frozen
class SplitOptions:
    """How a client wants questions cut.

    ``array_limit``: ``"characters"`` keeps both limits of an id array (the length of its JSON text and the
    number of its items), ``"items"`` the number of items only. ``page_size``: rows asked for per page.
    """

    array_limit: ArrayLimit = "characters"
    page_size: int = 100


def split(
    question: Question, endpoint: Endpoint[R], options: SplitOptions | None = None, *, fair: bool = False
) -> Iterator[Chunk[R]]:
    """Cut a question into chunks, lazily: time windows first, then VDNs, then keys in the order given.

    ``fair=True`` draws the VDNs of a question of several VDNs in turn; ``Chunk.index`` still tells the place
    in the question's order. Raises ``ValueError`` at once, before the first chunk, for an id that fits into
    no request, a time question without a time, or keys that are still to be looked up (``keys=None``).
    """
    options = options or SplitOptions()
    if isinstance(endpoint.split, Windows):
        return _time_chunks(question, endpoint, endpoint.split)
    lanes = [_Lane(question, endpoint, group, options) for group in question.groups]
    return _in_turn(lanes) if fair and len(lanes) > 1 else _in_order(lanes)


class _Lane(Generic[R]):
    """The chunks of one group; checked whole when it is made, cut only when it is drawn."""

    def __init__(
        self, question: Question, endpoint: Endpoint[R], group: Group, options: SplitOptions
    ) -> None:
        self.question, self.endpoint, self.group = question, endpoint, group
        self.rule = endpoint.split
        self.limit: ArrayLimit = options.array_limit
        if isinstance(self.rule, (IdArray, OneByOne)) and group.keys is None:
            raise ValueError(f"{endpoint.name}: the keys of vdn {group.vdn} are not known yet; look them up")
        if isinstance(self.rule, IdArray) and options.array_limit == "characters":
            check_fits(group.keys or (), self.rule)

    def cuts(self) -> Iterable[tuple[int, int]]:
        """Where the keys are cut, as (start, stop)."""
        if isinstance(self.rule, IdArray):
            return spans(self.group.keys or (), self.rule, self.limit)
        if isinstance(self.rule, OneByOne):
            return ((at, at + 1) for at in range(len(self.group.keys or ())))
        return ((0, 0),)

    def draw(self, first: int, cuts: Iterable[tuple[int, int]]) -> Iterator[Chunk[R]]:
        """The chunks of these cuts, numbered from ``first``."""
        make = _maker(self.question, self.endpoint, self.group)
        keys = self.group.keys or ()
        for index, (start, stop) in enumerate(cuts, first):
            yield make(index, keys[start:stop])


def _in_order(lanes: list[_Lane[R]]) -> Iterator[Chunk[R]]:
    index = 0
    for lane in lanes:
        for chunk in lane.draw(index, lane.cuts()):
            yield chunk
            index += 1


def _in_turn(lanes: list[_Lane[R]]) -> Iterator[Chunk[R]]:
    drawing: list[Iterator[Chunk[R]]] = []
    first = 0
    for lane in lanes:
        cuts = list(lane.cuts())  # made once: how many there are numbers the chunks of the next lane
        drawing.append(lane.draw(first, cuts))
        first += len(cuts)
    while drawing:
        left = []
        for lane_chunks in drawing:
            chunk = next(lane_chunks, None)
            if chunk is not None:
                yield chunk
                left.append(lane_chunks)
        drawing = left


def _maker(question: Question, endpoint: Endpoint[R], group: Group) -> Callable[[int, Keys], Chunk[R]]:
    """What is the same in every request of a group is made once."""
    rule = endpoint.split
    params = _scope(question, endpoint)
    fill: dict[str, Any] = {"cc_id": question.cc_id} if "ccId" in endpoint.scope else {}
    if "vdn" in endpoint.scope:
        fill["vdn"] = group.vdn
        if group.vdn is not None:
            params["vdn"] = group.vdn
    where = "" if group.vdn is None else f"vdn {group.vdn}"
    noun = (endpoint.key or "key").removesuffix("_id")
    in_path = "{agent_id}" in endpoint.path

    def make(index: int, keys: Keys) -> Chunk[R]:
        path, agent_id, rows = endpoint.path, None, None
        mine, filled = params, fill
        if isinstance(rule, IdArray):
            mine = {**params, rule.param: keys}
            rows = len(keys)
        elif isinstance(rule, OneByOne):
            filled = fill | dict.fromkeys(endpoint.fills, keys[0])
            if in_path:
                agent_id = int(keys[0])
                path = path.replace("{agent_id}", str(agent_id))
            else:
                mine = {**params, rule.param: keys[0]}
        named = _named(noun, keys)
        part = f"{where}, {named}" if where and named else where or named
        request = Request(endpoint, mine, filled, path, part, agent_id)
        return Chunk(index, request, group.vdn, keys, None, None, rows)

    return make


def _scope(question: Question, endpoint: Endpoint[Any]) -> dict[str, Any]:
    if "ccId" in endpoint.scope and question.cc_id is not None:
        return {"ccId": question.cc_id}
    return {}


def _named(noun: str, keys: Keys) -> str:
    if len(keys) < 2:
        return f"{noun} {keys[0]}" if keys else ""
    first, last = keys[0], keys[-1]
    end = first + len(keys) if isinstance(first, int) else 0
    if isinstance(first, int) and last == end - 1 and keys == tuple(range(first, end)):
        return f"{noun}s {first}..{last}"
    return f"{len(keys)} {noun}s from {first} to {last}"


def _time_chunks(question: Question, endpoint: Endpoint[R], rule: Windows) -> Iterator[Chunk[R]]:
    """Windows, then the VDNs of each; the cuts are made (and checked) before the first is drawn."""
    ready = cuts(question, rule)

    def draw() -> Iterator[Chunk[R]]:
        index = 0
        for cut in ready:
            for window, vdns in cut:
                yield _time_chunk(question, endpoint, rule, index, window, vdns)
                index += 1

    return draw()


def _time_chunk(
    question: Question,
    endpoint: Endpoint[R],
    rule: Windows,
    index: int,
    window: tuple[datetime, datetime],
    vdns: tuple[int, ...] | None,
) -> Chunk[R]:
    params = _scope(question, endpoint)
    begin, end = on_the_wire(*window)
    params |= {} if vdns is None else {"vdn": vdns}
    params |= {"beginDate": begin, "endDate": end}
    rows = None if vdns is None else rows_at_most(window[1] - window[0], len(vdns), rule.period)
    part = f"{'all vdns' if vdns is None else _named('vdn', vdns)}, {begin} to {end}"
    request = Request(endpoint, params, {"cc_id": question.cc_id}, endpoint.path, part)
    return Chunk(index, request, None, (), vdns, window, rows)
