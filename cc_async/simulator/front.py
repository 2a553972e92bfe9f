"""What happens to every request at the door: journal, quota, troubles, and the answer's headers."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
from aiohttp import web

from .faults import Failure
from .journal import Request
from .shapes import Reply
from .site import Site

_REASONS = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    411: "Length Required", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Time-out",
}  # fmt: skip


def parsed(body: bytes) -> Any:
    """Return a body as JSON, else as text; None when there is none."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")


class Front:
    """A door of the contact center; `Cms` and `Gateway` say what lies behind it."""

    host: Literal["cms", "gateway"]

    def __init__(self, site: Site) -> None:
        self.site = site

    def route(self, method: str, path: str) -> str:
        """Return the name of the interface, "" when the path is none of ours."""
        raise NotImplementedError

    def arrive(self, interface: str, record: Request, remote: str) -> Reply | None:
        """Count an arrival; an answer turns it away."""
        raise NotImplementedError

    def answer(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Answer a request that has come through."""
        raise NotImplementedError

    async def respond(self, request: web.BaseRequest, record: Request, raw: bytes) -> Reply:
        """Answer a request whose answer may have to wait."""
        return self.answer(request, record, raw)

    def coded(self, code: str, text: str, status: int) -> Reply:
        """Return a failure that carries a code of this server."""
        raise NotImplementedError

    def error(self, status: int, path: str, message: str = "") -> Reply:
        """Return the error page of the web server (the body CC-FS documents)."""
        reason = _REASONS.get(status, "Error")
        body = {
            "timestamp": int(self.site.clock.wall() * 1000),
            "status": status,
            "error": reason,
            "message": message or reason,
            "path": path,
        }
        return Reply(status, msgspec.json.encode(body))

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take one request from the door to its answer."""
        site, headers = self.site, request.headers
        path, _, query = request.raw_path.partition("?")
        interface = self.route(request.method, path)
        parts = headers.get("Authorization", "").split("/")
        record = Request(
            time=site.clock.wall(),
            host=self.host,
            interface=interface,
            method=request.method,
            path=path,
            query=query,
            headers=headers,
            access_key=parts[1] if len(parts) > 1 else "",
        )
        if site.record:
            site.requests.append(record)
        # Quotas count the arrival itself: nothing is awaited before.
        turned_away = self.arrive(interface, record, request.remote or "")
        raw = await request.read()
        record.completed(body=parsed(raw))
        reply = turned_away or await self._troubled(request, record)
        reply = reply or await self.respond(request, record, raw)
        record.completed(status=reply.status, code=reply.code)
        reply.headers["Date"] = site.date.now()
        reply.headers["Content-Type"] = reply.content_type
        response = web.Response(body=reply.body, status=reply.status, headers=reply.headers)
        if site.profile.gzip:
            response.enable_compression()
        return response

    async def _troubled(self, request: web.BaseRequest, record: Request) -> Reply | None:
        """Let the troubles of the moment happen; an answer when they end the request."""
        site = self.site
        failure = site.script.take(record.interface)
        wait = site.dice.wait(site.faults) + (failure.delay if failure else 0.0)
        if wait > 0:
            await asyncio.sleep(wait)
        if failure is not None:
            if failure.disconnect:
                if request.transport is not None:
                    request.transport.abort()
                # A status nobody sees: the connection is gone.
                return Reply(499, b"")
            return self._failed(failure, record.path)
        status = site.dice.status(site.faults)
        if status is None:
            return None
        reply = self.error(status, record.path)
        if status == 429 and site.faults.retry_after is not None:
            reply.headers["Retry-After"] = site.faults.retry_after
        return reply

    def _failed(self, failure: Failure, path: str) -> Reply | None:
        headers = dict(failure.headers)
        if failure.retry_after is not None:
            headers["Retry-After"] = failure.retry_after
        if failure.code is not None:
            reply = self.coded(failure.code, failure.text, failure.status)
            reply.headers.update(headers)
            return reply
        if failure.body is not None:
            kind = headers.pop("Content-Type", "")
            if not kind:
                html = failure.body.lstrip()[:1] == b"<"
                kind = "text/html;charset=UTF-8" if html else "application/json;charset=UTF-8"
            return Reply(failure.status, failure.body, None, headers, kind)
        if failure.status == 200:
            # Only a delay: the honest answer follows.
            return None
        reply = self.error(failure.status, path, failure.text)
        reply.headers.update(headers)
        return reply
