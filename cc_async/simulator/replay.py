"""A contact center that answers like the site a capture file was taken from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from .checks import ARRAY_MAX
from .clock import LoopClock
from .cms import PATHS, Cms
from .front import Front
from .journal import Request
from .people import PERIOD
from .player import HOW, Player, seconds, told
from .recording import Asked, Pair, asked, load
from .replay_gateway import ReplayGateway, agents_of
from .rows import between, laid_out, merged
from .shapes import Reply, failure
from .simulator import Simulator
from .site import Site

__all__ = ["HOW", "Replay"]


class Replay(Simulator):
    """Answers like a captured site: same shapes, codes, fields, page sizes; make it with `Simulator.replay`.

    Signatures are checked with this simulator's own keys, either of them. Times move by whole 5 minutes, so
    that the moment the capture began is now; without a `clock` its own runs up to 5 minutes behind, so that
    the borders of the periods agree. Answers follow the capture beat by beat, and stay at the last.

    A question that was asked as it stands gets its own answer. Another one about the same VDN, queue or task
    gets the nearest: rows of the queues, pages and VDNs it asks for, as far as they were captured. Anything
    else gets 0300012 (no data), a path that was never asked 404. The header `X-Replay` says which it was.

    Agents whose call statistics were captured are signed in at the gateway, with GUIDs of this simulator's
    (`guids`). Where none were, the gateway is a pretend one with agents of its own.

    The file is read line by line, and each answer when it is wanted: it may be large, and has to stay where
    it is. Options are those of `Simulator` that are not about its world: seed, quota, clock, faults, tls,
    ports.
    """

    def __init__(self, file: str | os.PathLike[str], **options: Any) -> None:
        self.recording = load(file)
        vdn = self.recording.vdn
        super().__init__(
            vdn=vdn, vdns=[], cc_id=self.recording.cc_id, skills_per_vdn=1, agents_per_vdn=60, **options
        )
        if captured := agents_of(self.recording):
            for agent_id in self.guids:
                self._sessions.sign_out(agent_id)
            for agent_id in captured:
                self._sessions.sign_in(agent_id)

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The tasks that were captured, by their pseudonyms."""
        return self.recording.task_ids

    async def start(self) -> None:
        """Open both servers; the capture begins now."""
        if self._given_clock is None:
            began, now = self.recording.began, LoopClock().wall()
            self._given_clock = LoopClock(began + (now - began) // PERIOD * PERIOD)
        await super().start()

    def _fronts(self, site: Site) -> tuple[Front, Front]:
        player = Player(self.recording, site.clock)
        return ReplayCms(player, site, *self._checks), ReplayGateway(player, site, *self._limits)


class ReplayCms(Cms):
    """The monitoring server of a replay."""

    def __init__(self, player: Player, site: Site, *given: Any) -> None:
        super().__init__(site, *given)
        self._player = player
        self._pairs = player.recording.pairs
        self._asked = {path: _groups(pairs) for path, pairs in self._pairs.items()}

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface; a path that was captured is its own name."""
        return PATHS.get(path) or (path if path in self._pairs else "")

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Check the signature, then answer as the site did."""
        refused = self._checked(request, record, raw)
        if refused is not None:
            return refused
        if record.path not in self._pairs:
            return told(self.error(404, record.path), "never captured")
        try:
            return self._found(record.path, self._player.then(asked(record.body)))
        except (TypeError, ValueError):
            return told(failure("0100002", "illegal parameter"), "never captured")

    def _found(self, path: str, wanted: Asked) -> Reply:
        same = self._asked[path].get((wanted.text, wanted.shape))
        if same:
            return self._player.reply(self._player.of_now(same), "exact")
        good = [pair for pair in self._pairs[path] if pair.good]
        if good and wanted.shape not in {pair.request.shape for pair in good}:
            return told(failure("0100002", "illegal parameter"), "never captured in this shape")
        alike = [pair for pair in good if pair.request.about == wanted.about]
        if not alike:
            return told(failure("0300012", "no data found"), "never captured")
        return self._nearest(alike, wanted)

    def _nearest(self, alike: list[Pair], wanted: Asked) -> Reply:
        """Put an answer together from what was captured about the same VDN, queue or task."""
        params, now = wanted.params, self._player.of_now
        if "skillIds" in params:
            longest = max(_length(pair.request) for pair in alike)
            if _length(wanted) > max(longest, ARRAY_MAX):
                # Longer than documented, and than anything the site was seen to take.
                text = f"illegal parameter: skillIds exceeds {ARRAY_MAX} characters"
                return told(failure("0100002", text), "nearest")
            newest = sorted((now(each) for each in _by(alike, "skillIds")), key=lambda pair: pair.time)
            rows = merged((pair.read().rows for pair in newest), [str(skill) for skill in params["skillIds"]])
            return self._player.reply(newest[-1], "nearest", rows, len(rows))
        if "beginDate" in params:
            chosen = params["vdn"] if isinstance(params.get("vdn"), list) else None
            answers = [pair.read().rows for pair in alike]
            every = (row for rows in answers for row in rows)
            begin, end = seconds(params["beginDate"]), seconds(params["endDate"])
            largest = max(map(len, answers))
            return self._page(now(alike), between(every, begin, end, chosen), params, largest)
        if "offset" in params:
            pages = [now(each) for each in _by(alike, "offset")]
            held = [(int(pair.request.params["offset"]), pair.read().rows) for pair in pages]
            largest = max(len(rows) for _, rows in held)
            return self._page(now(pages), laid_out(held), params, largest)
        return self._player.reply(now(alike), "nearest")

    def _page(self, pair: Pair, rows: list[Any], params: Mapping[str, Any], largest: int) -> Reply:
        """Cut one page out of rows, no larger than the site's own were."""
        first, limit = int(params.get("offset", 0)), int(params.get("limit", largest))
        page = rows[first : first + min(limit, largest)]
        return self._player.reply(pair, "nearest", page, len(rows))


def _length(request: Asked) -> int:
    """Return how many characters the array of queues has as it is sent."""
    return len(msgspec.json.encode(request.params.get("skillIds")))


def _groups(pairs: Sequence[Pair]) -> dict[tuple[object, ...], list[Pair]]:
    """Put together what asked the same in the same shape."""
    found: dict[tuple[object, ...], list[Pair]] = {}
    for pair in pairs:
        found.setdefault((pair.request.text, pair.request.shape), []).append(pair)
    return found


def _by(pairs: Sequence[Pair], name: str) -> list[list[Pair]]:
    """Put together what asked for the same value of a parameter."""
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(str(pair.request.params.get(name)), []).append(pair)
    return list(found.values())
