"""Webhook: posts messages to a chat, in order, through its outages; its address is a secret."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from cc_async.errors import ConfigError
from cc_async.integrations.chat import FORMATS, SIGNED, Format, Message, digest, payload, signature
from cc_async.integrations.outbox import Outbox, Patience
from cc_async.integrations.verdict import Verdict, verdict
from cc_async.session.address import is_loopback, read_proxy
from cc_async.session.clock import Clock, LoopClock
from cc_async.session.failures import os_reason
from cc_async.session.resolver import Resolver
from cc_async.session.secret import Secret

_MOST_BYTES = 65_536
"""Read of an answer: the result code of a chat stands in far less."""


class Webhook:
    """Posts messages one after another, in the order they were given, each until the chat has taken it.

    ::

        async with Webhook(url, form="slack") as hook:
            hook.post(message_of(alert))

    Answers of 5xx and 429, chats that say they are busy, and lost connections are tried again, as late as
    ``Retry-After`` asks for; what a chat refuses for good is told and left out. At least once: an answer
    that was lost makes a message be posted again. Where more than a few wait, a chat gets them as one.
    Redirects are not followed.

    Args:
        url: of the webhook; whoever knows it can post, so no text of ours holds more of it than the host.
        form: how the chat wants its messages.
        secret: of a Feishu or DingTalk robot that checks signatures.
        allow_http: True lets plain http go to other machines than this one.
        proxy: URL of a proxy.
        timeout: seconds for one try.
        patience: how long and how much waits for a chat that takes nothing.
        on_trouble: told in a sentence when posting fails, when it works again, and of every message that
            is not delivered.
        clock: where the time comes from; the event loop by default.
        rng: where the chance comes from.

    Raises:
        ConfigError: no such URL or proxy, plain http to another machine, an unknown form, a secret nobody
            asks for.
    """

    def __init__(
        self,
        url: str,
        *,
        form: Format = "json",
        secret: str | None = None,
        allow_http: bool = False,
        proxy: str | None = None,
        timeout: float = 10.0,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        on_trouble: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if form not in FORMATS:
            raise ConfigError(f"the format of a webhook is one of {', '.join(FORMATS)}, not {form!r}")
        if secret and form not in SIGNED:
            raise ConfigError(f"a webhook of format {form} takes no secret; {', '.join(sorted(SIGNED))} do")
        self._url = _checked(url, allow_http)
        self._form: Format = form
        self._secret = Secret(secret) if secret else None
        self._proxy = None if proxy is None else read_proxy(proxy)
        self._timeout, self._patience, self._tell = timeout, patience, on_trouble
        self._given_clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._session: aiohttp.ClientSession | None = None
        self._outbox: Outbox | None = None

    @property
    def host(self) -> str:
        """Where it goes: all of the address that may be shown."""
        return str(self._url.host_subcomponent)

    async def __aenter__(self) -> Self:
        if self._outbox is not None:
            raise RuntimeError("a webhook is entered once")
        self._clock = self._given_clock or LoopClock()
        self._session = aiohttp.ClientSession(
            # Messages are rare: a kept connection would be closed by the other side before the next one.
            connector=aiohttp.TCPConnector(limit=1, force_close=True, resolver=Resolver()),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            headers={"User-Agent": "cc_async", "Accept-Encoding": "identity"},
        )
        merge = None if self._form == "json" else digest
        self._outbox = Outbox(self.send, self.host, merge, self._patience, self._tell, self._clock, self._rng)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, grace: float = 0.7) -> None:
        """Try to post what waits, for ``grace`` seconds and without another try, then end."""
        if self._outbox is None or self._session is None:
            return
        try:
            await self._outbox.aclose(grace)
        finally:
            await self._session.close()

    def post(self, message: Message, done: Callable[[bool], None] | None = None) -> None:
        """Put a message behind those that wait; ``done`` is told whether it was delivered, or given up."""
        if self._outbox is None:
            raise RuntimeError("post inside the webhook's block: async with Webhook(...) as hook")
        self._outbox.put(message, done)

    async def send(self, message: Message) -> Verdict:
        """Try once, now, past the queue; what came of it is a value, whatever the other side does."""
        if self._session is None:
            raise RuntimeError("send inside the webhook's block: async with Webhook(...) as hook")
        wall = self._clock.wall()
        body, url = payload(message, self._form), self._url
        if self._secret is not None:
            signed = signature(self._form, self._secret, wall)
            if self._form == "dingtalk":
                url = url.update_query(signed)
            else:
                body = signed | body
        try:
            async with asyncio.timeout(self._timeout):
                status, headers, answer = await self._exchange(self._session, url, body)
        except TimeoutError:
            return Verdict("again", f"no answer within {self._timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Verdict("again", _reason(error))
        return verdict(self._form, status, headers, answer, wall)

    async def _exchange(
        self, session: aiohttp.ClientSession, url: URL, body: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        text = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        async with session.post(
            url, data=text, headers=headers, proxy=self._proxy, allow_redirects=False
        ) as response:
            answer = b""
            while len(answer) < _MOST_BYTES and (piece := await response.content.read(_MOST_BYTES)):
                answer += piece
            response.close()
            return response.status, dict(response.headers), answer


def _checked(text: str, allow_http: bool) -> URL:
    """The URL; no error repeats any of it but its host."""
    text = text.strip()
    try:
        # Kept byte for byte: a token may be signed as it is written.
        url = URL(text, encoded=True)
        valid = text.isascii() and text.isprintable() and " " not in text
        valid = valid and url.scheme in ("http", "https") and bool(url.host) and bool(url.port)
    except ValueError:
        url, valid = URL(), False
    if not valid:
        raise ConfigError("the webhook is no URL, such as https://hooks.slack.com/services/...")
    if url.user is not None or url.password is not None:
        raise ConfigError("the URL of a webhook must not hold a user or a password")
    if url.scheme == "http" and not allow_http and not is_loopback(url.raw_host or ""):
        raise ConfigError(
            f"the webhook is plain http to {url.raw_host}: everybody on the way could read it and post",
            hint="use https, or give allow_http=True",
        )
    return url.with_fragment(None)


def _reason(error: Exception) -> str:
    """Why a try failed, in words of ours: aiohttp's may hold the address."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientConnectorSSLError():
            return "no TLS connection can be made: is it https, and the right port?"
        case aiohttp.ClientConnectorDNSError():
            return "the host name cannot be resolved"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses (HTTP {error.status})"
        case aiohttp.ClientProxyConnectionError():
            return f"cannot reach the proxy: {os_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return os_reason(error.os_error)
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return "the connection was lost before the answer"
    return f"the exchange failed ({type(error).__name__})"
