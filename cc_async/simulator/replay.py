"""A contact center that answers like the site a capture file was taken from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from .checks import ARRAY_MAX
from .clock import LoopClock
from .cms import PATHS, Cms
from .journal import Request
from .people import PERIOD
from .recording import Asked, Pair, Recording, asked, is_date, load
from .rows import between, laid_out, merged, rows_of, with_rows
from .shapes import Reply, failure
from .simulator import Simulator
from .site import Site

_YEAR = 366 * 86_400 * 1000
_FORMAT = "%Y-%m-%d %H:%M:%S"
HOW = "X-Replay"
"""Header that says how an answer was found: exact, nearest, or never captured."""


class Replay(Simulator):
    """Answers like a captured site: same shapes, codes, fields, page sizes; make it with `Simulator.replay`.

    Signatures are checked with this simulator's own keys, either of them. Times move by whole 5 minutes, so
    that the moment the capture began is now; without a `clock` its own runs up to 5 minutes behind, so that
    the borders of the periods agree. Answers follow the capture beat by beat, and stay at the last.

    A question that was asked as it stands gets its own answer. Another one about the same VDN, queue or task
    gets the nearest: rows of the queues, pages and VDNs it asks for, as far as they were captured. Anything
    else gets 0300012 (no data), a path that was never asked 404. The header `X-Replay` says which it was.

    Options are those of `Simulator` that are not about its world: seed, quota, clock, faults, tls, ports.
    """

    def __init__(self, file: str | os.PathLike[str], **options: Any) -> None:
        self.recording = load(file)
        vdn = self.recording.vdn
        # No gateway is captured: the one beside it is a pretend one with agents of its own.
        super().__init__(
            vdn=vdn, vdns=[], cc_id=self.recording.cc_id, skills_per_vdn=1, agents_per_vdn=60, **options
        )

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

    def _cms(self, site: Site) -> Cms:
        tenant = (self.access_key, self.secret_key)
        global_ = (self.global_access_key, self.global_secret_key)
        window = self._timestamp_window
        return ReplayCms(self.recording, site, tenant, global_, self._quotas, self._bad_signatures, window)


class ReplayCms(Cms):
    """The monitoring server of a replay."""

    def __init__(self, recording: Recording, site: Site, *given: Any) -> None:
        super().__init__(site, *given)
        self._recording = recording
        self._shift = int((site.clock.wall() - recording.began) // PERIOD) * PERIOD

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface; a path that was captured is its own name."""
        return PATHS.get(path) or (path if path in self._recording.pairs else "")

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Check the signature, then answer as the site did."""
        refused = self._checked(request, record, raw)
        if refused is not None:
            return refused
        pairs = self._recording.pairs.get(record.path)
        if pairs is None:
            return _told(self.error(404, record.path), "never captured")
        try:
            return self._found(pairs, self._unshifted(asked(record.body)))
        except (TypeError, ValueError):
            return _told(failure("0100002", "illegal parameter"), "never captured")

    def _found(self, pairs: tuple[Pair, ...], wanted: Asked) -> Reply:
        same = [
            pair for pair in pairs if pair.request.text == wanted.text and pair.request.shape == wanted.shape
        ]
        if same:
            return _told(self._reply(self._of_now(same)), "exact")
        good = [pair for pair in pairs if pair.good]
        if good and wanted.shape not in {pair.request.shape for pair in good}:
            return _told(failure("0100002", "illegal parameter"), "never captured in this shape")
        alike = [pair for pair in good if pair.request.about == wanted.about]
        if not alike:
            return _told(failure("0300012", "no data found"), "never captured")
        return _told(self._nearest(alike, wanted), "nearest")

    def _nearest(self, alike: list[Pair], wanted: Asked) -> Reply:
        """Put an answer together from what was captured about the same VDN, queue or task."""
        params = wanted.params
        if "skillIds" in params:
            longest = max(_length(pair.request) for pair in alike)
            if _length(wanted) > max(longest, ARRAY_MAX):
                # Longer than documented, and than anything the site was seen to take.
                return failure("0100002", f"illegal parameter: skillIds exceeds {ARRAY_MAX} characters")
            newest = [self._of_now(each) for each in _groups(alike, "skillIds")]
            newest.sort(key=lambda pair: pair.time)
            rows = merged([pair.body or {} for pair in newest], [str(skill) for skill in params["skillIds"]])
            return self._reply(newest[-1], rows, len(rows))
        if "beginDate" in params:
            chosen = params["vdn"] if isinstance(params.get("vdn"), list) else None
            every = (row for pair in alike for row in rows_of(pair.body or {}))
            begin, end = _seconds(params["beginDate"]), _seconds(params["endDate"])
            return self._page(alike, between(every, begin, end, chosen), params)
        if "offset" in params:
            pages = [self._of_now(each) for each in _groups(alike, "offset")]
            held = [(int(pair.request.params["offset"]), rows_of(pair.body or {})) for pair in pages]
            return self._page(pages, laid_out(held), params)
        return self._reply(self._of_now(alike))

    def _page(self, pairs: list[Pair], rows: list[Any], params: Mapping[str, Any]) -> Reply:
        """Cut one page out of rows, no larger than the site's own were."""
        largest = max(len(rows_of(pair.body or {})) for pair in pairs)
        first, limit = int(params.get("offset", 0)), int(params.get("limit", largest))
        return self._reply(self._of_now(pairs), rows[first : first + min(limit, largest)], len(rows))

    def _of_now(self, pairs: list[Pair]) -> Pair:
        """Return the pair that was the newest at this moment of the capture."""
        position = self.site.clock.wall() - self._shift - self._recording.began
        return next((pair for pair in reversed(pairs) if pair.time <= position), pairs[0])

    def _reply(self, pair: Pair, rows: list[Any] | None = None, total: int = 0) -> Reply:
        """Write an answer, its times moved."""
        headers = dict(pair.headers)
        kind = headers.pop("Content-Type", "application/json;charset=UTF-8")
        if pair.body is None:
            return Reply(pair.status, pair.text.encode(), None, headers, kind)
        body = dict(pair.body) if rows is None else with_rows(pair.body, rows, total)
        return Reply(pair.status, msgspec.json.encode(self._shifted(body)), pair.code, headers, kind)

    def _shifted(self, value: Any) -> Any:
        """Move every epoch in milliseconds that lies about the time of the capture."""
        if not self._shift:
            return value
        if isinstance(value, dict):
            return {name: self._shifted(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._shifted(item) for item in value]
        text = value if isinstance(value, str) else str(value) if type(value) is int else ""
        if len(text) == 13 and text.isdigit() and abs(int(text) - self._recording.began * 1000) < _YEAR:
            moved = int(text) + self._shift * 1000
            return str(moved) if isinstance(value, str) else moved
        return value

    def _unshifted(self, request: Asked) -> Asked:
        """Move the dates of a request back to the time of the capture."""
        params = {name: self._then(value) for name, value in request.params.items()}
        return Asked.of(params, request.shape)

    def _then(self, value: Any) -> Any:
        if not is_date(value):
            return value
        return datetime.fromtimestamp(_seconds(value) - self._shift, UTC).strftime(_FORMAT)


def _length(request: Asked) -> int:
    """Return how many characters the array of queues has as it is sent."""
    return len(msgspec.json.encode(request.params.get("skillIds")))


def _groups(pairs: list[Pair], name: str) -> list[list[Pair]]:
    """Put together what asked for the same value of a parameter."""
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(str(pair.request.params.get(name)), []).append(pair)
    return list(found.values())


def _seconds(value: object) -> float:
    """Read an instant of a request; raises ValueError."""
    return datetime.strptime(str(value), _FORMAT).replace(tzinfo=UTC).timestamp()


def _told(reply: Reply, how: str) -> Reply:
    """Say how an answer was found."""
    reply.headers[HOW] = how
    return reply
