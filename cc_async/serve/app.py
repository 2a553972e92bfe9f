"""The paths of the server: the page, JSON, events, health, metrics; all of it read from one feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

import msgspec
from aiohttp import web

from cc_async import __version__
from cc_async.board import Board, Happening, plain
from cc_async.serve.access import Access, guard, harden
from cc_async.serve.stage import Boards, Rendered
from cc_async.serve.streams import MOST, Streams, event

_PAGE = {
    "/": ("index.html", "text/html"),
    "/board.css": ("board.css", "text/css"),
    "/board.js": ("board.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
NO_METRICS = "no metrics here: pip install 'cc_async[prometheus]' and start cc-async serve again\n"

Part = Callable[[Board], Any]
PARTS: Mapping[str, Part] = {
    "board": plain.board,
    "queues": lambda board: [plain.queue(one) for one in board.queues],
    "agents": lambda board: plain.agents(board.agents),
    "tasks": lambda board: [plain.task(one) for one in board.tasks],
    "vdns": lambda board: [plain.vdn(one) for one in board.vdns],
    "alerts": lambda board: [one.to_dict() for one in board.alerts],
    "sources": lambda board: [plain.source(one) for one in board.sources],
}
"""What ``/v1/NAME.json`` answers; all but the board itself under ``NAME``, with ``at`` beside it."""

_STREAMS = web.AppKey("streams", Streams)


def make_app(
    feed: Boards, access: Access, *, metrics: Rendered | None = None, most_streams: int = MOST
) -> web.Application:
    """The web application over a feed, or a stage, that is entered.

    Args:
        feed: where the boards come from.
        access: who may read.
        metrics: what ``/metrics`` answers; None: 501, and what to install.
        most_streams: readers of server-sent events at the same time.
    """
    app = web.Application(middlewares=[guard(access)])
    app[_STREAMS] = streams = Streams(most_streams)
    app.on_response_prepare.append(harden)
    app.on_shutdown.append(_close)
    page = {path: _Page(name, kind) for path, (name, kind) in _PAGE.items()}
    digest = sha256(b"".join(one.body for one in page.values())).hexdigest()[:16]
    for path, one in page.items():
        app.router.add_get(path, one.serve)
    for name, part in PARTS.items():
        app.router.add_get(f"/v1/{name}.json", _Json(feed, name, part).serve)
    live = _Live(feed, streams, digest)
    app.router.add_get("/v1/board", live.board, allow_head=False)
    app.router.add_get("/v1/events", live.events, allow_head=False)
    app.router.add_get("/health", _Health(feed, access).serve)
    app.router.add_get("/metrics", _Metrics(metrics).serve)
    return app


async def _close(app: web.Application) -> None:
    app[_STREAMS].close()


class _Page:
    """One file of the page, read once."""

    def __init__(self, name: str, kind: str) -> None:
        self.body = files("cc_async.serve").joinpath("page", name).read_bytes()
        self._kind = kind

    async def serve(self, _: web.Request) -> web.Response:
        return web.Response(body=self.body, content_type=self._kind, charset="utf-8")


class _Json:
    """One part of the board as it stands."""

    def __init__(self, feed: Boards, name: str, part: Part) -> None:
        self._feed, self._name, self._part = feed, name, part

    async def serve(self, _: web.Request) -> web.Response:
        board = self._feed.board
        found = self._part(board)
        if self._name != "board":
            found = {"version": plain.VERSION, "at": board.at.isoformat(), self._name: found}
        return _json(found)


class _Live:
    """Server-sent events."""

    def __init__(self, feed: Boards, streams: Streams, page: str) -> None:
        self._feed, self._streams = feed, streams
        self._hello = event("hello", msgspec.json.encode({"page": page, "version": __version__}))
        self._encoded: tuple[Board | None, bytes] = None, b""

    async def board(self, request: web.Request) -> web.StreamResponse:
        """Every board as ``event: board``; a ``hello`` first says which page goes with it."""
        return await self._streams.serve(request, self._hello, self._feed.boards(), self._board)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Alerts and changes, ``event: alert|queue|task|agent``; ``Last-Event-ID`` brings what was missed."""
        seen = request.headers.get("Last-Event-ID", "")
        after = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None
        return await self._streams.serve(request, b"", self._feed.happenings(after), self._happening)

    def _board(self, board: Board) -> bytes:
        if self._encoded[0] is not board:
            # All readers get the same board: it is encoded for the first of them.
            self._encoded = board, event("board", msgspec.json.encode(plain.board(board)))
        return self._encoded[1]

    def _happening(self, one: Happening) -> bytes:
        return event(one.kind, msgspec.json.encode(one.to_dict()), one.number)


class _Health:
    """200 while everything shown is of now, else 503: a proxy in front finds the process that leads by it."""

    def __init__(self, feed: Boards, access: Access) -> None:
        self._feed, self._access = feed, access

    async def serve(self, request: web.Request) -> web.Response:
        board = self._feed.board
        reasons = board.reasons
        told: dict[str, Any] = {"ok": not reasons, "standing_by": board.standing_by is not None}
        if self._access.lets_in(request):
            told["reasons"] = list(reasons)
        return _json(told, status=503 if reasons else 200)


class _Metrics:
    """What a scraper gets."""

    def __init__(self, render: Rendered | None) -> None:
        self._render = render

    async def serve(self, request: web.Request) -> web.Response:
        if self._render is None:
            raise web.HTTPNotImplemented(text=NO_METRICS)
        found = self._render(request.headers.get("Accept", ""))
        body, kind = await found if isinstance(found, Awaitable) else found
        return _packed(web.Response(body=body, headers={"Content-Type": kind}))


def _json(found: Any, status: int = 200) -> web.Response:
    body = msgspec.json.encode(found)
    return _packed(web.Response(body=body, status=status, content_type="application/json"))


def _packed(response: web.Response) -> web.Response:
    """The answer compressed, in a thread, for those who take that: thousands of queues are megabytes."""
    response.enable_compression()
    return response
