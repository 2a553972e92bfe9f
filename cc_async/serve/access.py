"""Who is let in: host names against DNS rebinding, a token by header or cookie, headers on every answer."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web
from attrs import field, frozen

from cc_async.session.secret import Secret

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

COOKIE = "cc_async_board"
SHORTEST_TOKEN = 16
_YEAR = 365 * 86_400
_OPEN = frozenset({"/health"})
"""Paths that answer without a token, and then without a reason."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "cc_async",
}


def check_token(text: str) -> Secret:
    """A token fit for a header; raises ValueError for one that is short or has other characters."""
    token = text.strip()
    if len(token) < SHORTEST_TOKEN:
        raise ValueError(f"the token has {len(token)} characters, it needs {SHORTEST_TOKEN} or more")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("the token has characters other than letters, digits and signs of ASCII")
    return Secret(token)


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower().rstrip(".") for name in given)


@frozen
class Access:
    """Who may read.

    ``hosts`` are the names this machine is called by in the browser; ``localhost`` and addresses always are.
    Where a token is needed any name will do: a browser sends the cookie to the name it came from, and to no
    other that was made to lead here.
    """

    token: Secret | None = None
    hosts: frozenset[str] = field(factory=frozenset[str], converter=_names)

    def is_ours(self, header: str | None) -> bool:
        """True for a Host header that names this machine: a page of another name must not read from here."""
        if self.token is not None:
            return True
        try:
            name = urlsplit(f"//{header}").hostname if header else None
        except ValueError:
            return False
        if not name:
            return False
        name = name.rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    def lets_in(self, request: web.BaseRequest) -> bool:
        """True for a request with the token, or the cookie that was given for it; or where none is needed."""
        if self.token is None:
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return _same(given.strip(), self.token)
        return _same(request.cookies.get(COOKIE, ""), self.cookie)

    @property
    def cookie(self) -> str:
        """What a browser keeps in the place of the token; the same after a restart."""
        return hmac.new((self.token or "").encode(), b"cc_async board cookie", sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    """Compare in a time that tells nothing; bytes, since text beyond ASCII is refused there."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def guard(access: Access) -> Middleware:
    """The middleware that lets in, or answers why not."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not access.is_ours(request.headers.get("Host")):
            raise web.HTTPMisdirectedRequest(text="unknown host name; name it with --allow-host\n")
        given = request.query.get("token")
        if access.token is not None and given is not None:
            if not _same(given, access.token):
                raise _refused()
            return _exchanged(request, access)
        if request.path not in _OPEN and not access.lets_in(request):
            raise _refused()
        return await handler(request)

    return guarded


def _refused() -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(
        text="a token is needed: open /?token=..., or send Authorization: Bearer ...\n",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _exchanged(request: web.Request, access: Access) -> web.Response:
    """The token leaves the address bar; the browser keeps a cookie no script can read."""
    # One slash: "//other.example" would be another machine.
    found = web.Response(status=303, headers={"Location": "/" + request.rel_url.raw_path.lstrip("/")})
    found.set_cookie(COOKIE, access.cookie, max_age=_YEAR, path="/", httponly=True, samesite="Strict")
    return found


async def harden(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Put the headers on an answer, whatever it is."""
    response.headers.update(HEADERS)
