"""The webhook against real servers: order, retries, outages, secrets, its end."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trustme
from aiohttp import web
from waiting import until

from cc_async import ConfigError
from cc_async.integrations.chat import Message, signature
from cc_async.integrations.outbox import Patience
from cc_async.integrations.webhook import Webhook

TOKEN = "T00000000-B00000000-very-secret"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def message(number: int) -> Message:
    """A message of a number."""
    return Message(heading=f"Alert {number}", lines=(f"line {number}",), document={"number": number})


class Chat:
    """A server that keeps what is posted and answers by a script, then well."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.posts: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.queries: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert (request.method, request.content_type) == ("POST", "application/json")
        self.posts.append(await request.json())
        self.at.append(asyncio.get_running_loop().time())
        self.queries.append(dict(request.query))
        self.paths.append(request.raw_path)
        self.heads.append(dict(request.headers))
        step = self.script.pop(0) if self.script else 200
        if callable(step):
            return await cast("Callable[[web.Request], Awaitable[web.StreamResponse]]", step)(request)
        if isinstance(step, dict):
            return web.json_response(step)
        return step if isinstance(step, web.StreamResponse) else web.Response(status=step)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the messages that came, in order."""
        return [post["number"] for post in self.posts]


@asynccontextmanager
async def chat(*script: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[Chat]:
    """Open such a server on this machine."""
    made = Chat(*script)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/services/{TOKEN}?access_token={TOKEN}"
    try:
        yield made
    finally:
        await runner.cleanup()


def hook(url: str, told: list[str] | None = None, **given: Any) -> Webhook:
    """A webhook whose troubles are kept, and whose chance is always the same."""
    return Webhook(url, on_trouble=[].append if told is None else told.append, rng=random.Random(1), **given)


def dead_url() -> str:
    """An address on this machine at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/{TOKEN}"


async def test_messages_come_in_order_and_once() -> None:
    """Each is posted once, in the order it was given, and confirmed."""
    done: list[tuple[int, bool]] = []
    async with chat() as there, hook(there.url) as posting:
        for number in range(20):
            posting.post(message(number), lambda ok, number=number: done.append((number, ok)))
        await until(lambda: len(done) == 20)
    assert there.numbers == list(range(20))
    assert done == [(number, True) for number in range(20)]
    assert there.heads[0]["User-Agent"] == "cc_async"


@pytest.mark.looptime
async def test_500_then_200() -> None:
    """A failing server is tried again after a while, the order kept; trouble and its end are told once."""
    told: list[str] = []
    async with chat(500, 502, 200, 503) as there, hook(there.url, told) as posting:
        for number in range(3):
            posting.post(message(number))
        await until(lambda: len(there.posts) == 6, 60)
    assert there.numbers == [0, 0, 0, 1, 1, 2]
    first, second = there.at[1] - there.at[0], there.at[2] - there.at[1]
    assert 0.5 <= first <= 1.1
    assert 1.0 <= second <= 2.1
    assert told == [
        "127.0.0.1: HTTP 500; trying again",
        "127.0.0.1: posting works again",
        "127.0.0.1: HTTP 503; trying again",
        "127.0.0.1: posting works again",
    ]


@pytest.mark.looptime
async def test_retry_after_is_obeyed() -> None:
    """A chat that asks for fewer messages gets them as late as it says."""
    busy = web.Response(status=429, headers={"Retry-After": "42"})
    async with chat(busy) as there, hook(there.url) as posting:
        posting.post(message(0))
        await asyncio.sleep(43)
    assert 42 <= there.at[1] - there.at[0] < 43


@pytest.mark.looptime
async def test_a_chat_that_says_busy_with_200_is_tried_again() -> None:
    """Feishu and DingTalk answer 200 to everything: the code in the body counts."""
    script = ({"errcode": 130101, "errmsg": "send too fast"}, {"errcode": 0, "errmsg": "ok"})
    done: list[bool] = []
    async with chat(*script) as there, hook(there.url, form="dingtalk") as posting:
        posting.post(message(0), done.append)
        await asyncio.sleep(61)
    assert done == [True]
    assert 60 <= there.at[1] - there.at[0] < 61


async def test_a_refused_message_is_told_and_holds_nobody_up() -> None:
    """What a chat will never take is left out with its reason and its text; the next one goes."""
    told: list[str] = []
    done: list[bool] = []
    script = ({"code": 19002, "msg": f"no, at {TOKEN}"}, {"code": 0}, 404)
    async with chat(*script) as there, hook(there.url, told, form="feishu") as posting:
        for number in range(3):
            posting.post(message(number), done.append)
        await until(lambda: len(done) == 3)
    assert done == [False, True, False]
    assert told == [
        "127.0.0.1: code 19002; not delivered: Alert 0: line 0",
        "127.0.0.1: HTTP 404 - is the address still valid?; not delivered: Alert 2: line 2",
    ]
    assert TOKEN not in "".join(told)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """An address that moved is told; the message goes nowhere else."""
    async with chat() as other:
        moved = web.Response(status=status, headers={"Location": other.url})
        async with chat(moved) as there, hook(there.url) as posting:
            found = await posting.send(message(0))
    assert found.kind == "refused"
    assert "redirect" in found.reason
    assert other.posts == []


async def test_a_slow_server_is_given_up_for_now() -> None:
    """One try has a limit; a server that accepts and says nothing is a failure like any other."""

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with chat(never) as there, hook(there.url, timeout=0.1) as posting:
        found = await posting.send(message(0))
    assert (found.kind, found.reason) == ("again", "no answer within 0.1 s")


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    """Only its beginning is read; the delivery counts, the memory does not grow."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with pytest.raises(ConnectionResetError):
            while True:
                await response.write(b"x" * 65_536)
                sent += 65_536
                await asyncio.sleep(0)
        return response

    async with chat(endless) as there, hook(there.url, timeout=5) as posting:
        found = await posting.send(message(0))
    assert found.kind == "delivered"
    assert sent < 16_000_000


async def test_a_dead_server_is_named_by_its_host_only() -> None:
    """Nothing of the address but the host is in what is told."""
    async with hook(dead_url()) as posting:
        found = await posting.send(message(0))
    assert (found.kind, found.reason) == (
        "again",
        "the connection was refused: nothing listens on this port",
    )
    assert posting.host == "127.0.0.1"


async def test_a_certificate_nobody_vouches_for_is_refused() -> None:
    """TLS is checked; nothing is posted to whoever answers in place of the chat."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with chat(tls=context) as there, hook(there.url) as posting:
        assert there.url.startswith("https://")
        found = await posting.send(message(0))
    assert (found.kind, found.reason) == ("again", "its certificate is not trusted")
    assert there.posts == []


async def test_https_to_a_port_without_tls() -> None:
    """What is wrong is told in words, not as the number of a TLS error."""
    async with chat() as there, hook(there.url.replace("http://", "https://")) as posting:
        found = await posting.send(message(0))
    assert (found.kind, found.reason.partition(":")[0]) == ("again", "no TLS connection can be made")
    assert there.posts == []


async def test_a_connection_that_is_cut_off_is_tried_again() -> None:
    """A server that dies in the middle of its answer may or may not have taken it: at least once."""

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with chat(cut) as there, hook(there.url) as posting:
        found = await posting.send(message(0))
        assert (found.kind, found.reason) == ("again", "the connection was lost before the answer")
        assert (await posting.send(message(1))).kind == "delivered"


@pytest.mark.looptime
async def test_a_message_is_given_up_after_an_hour() -> None:
    """Old news are no news: each is told as not delivered, one by one."""
    told: list[str] = []
    done: list[bool] = []
    async with hook(dead_url(), told, patience=Patience(seconds=600)) as posting:
        posting.post(message(0), done.append)
        await asyncio.sleep(300)
        posting.post(message(1), done.append)
        await asyncio.sleep(310)
        assert done == [False]
        await asyncio.sleep(310)
    assert done == [False, False]
    why = "the connection was refused: nothing listens on this port"
    assert told == [
        f"127.0.0.1: {why}; trying again",
        f"127.0.0.1: {why}, for 10 minutes; not delivered: Alert 0: line 0",
        f"127.0.0.1: {why}, for 10 minutes; not delivered: Alert 1: line 1",
    ]


@pytest.mark.looptime
async def test_more_than_can_wait_is_dropped_and_told() -> None:
    """The queue is bounded: the oldest of those that wait go, and somebody hears of each."""
    told: list[str] = []
    done: list[tuple[int, bool]] = []
    async with chat(500) as there, hook(there.url, told, patience=Patience(most=3)) as posting:
        posting.post(message(0), lambda ok: done.append((0, ok)))
        await until(lambda: there.posts)
        for number in range(1, 6):
            posting.post(message(number), lambda ok, number=number: done.append((number, ok)))
        await until(lambda: len(done) == 6, 60)
    assert done == [(1, False), (2, False), (0, True), (3, True), (4, True), (5, True)]
    assert there.numbers == [0, 0, 3, 4, 5]
    assert "127.0.0.1: more than 3 alerts wait; not delivered: Alert 1: line 1" in told


@pytest.mark.looptime
async def test_a_chat_gets_what_waited_as_one_message() -> None:
    """After an outage people read one message, not fifty; every part of it is confirmed."""
    done: list[bool] = []
    async with chat(500) as there, hook(there.url, form="slack") as posting:
        posting.post(message(0), done.append)
        await until(lambda: there.posts)
        for number in range(1, 51):
            posting.post(message(number), done.append)
        await until(lambda: len(done) == 51, 60)
    assert done == [True] * 51
    assert [post["text"] for post in there.posts][1:] == ["Alert 0: line 0", "Alerts: 50 raised: line 1"]


async def test_a_few_are_posted_one_by_one() -> None:
    """Up to five are messages of their own, and programs always get each by itself."""
    async with chat() as there, hook(there.url, form="slack") as posting:
        for number in range(5):
            posting.post(message(number))
        await until(lambda: len(there.posts) == 5)
    assert [post["text"] for post in there.posts] == [f"Alert {number}: line {number}" for number in range(5)]


async def test_the_end_posts_what_waits() -> None:
    """Leaving the block posts the rest first, if the chat takes it."""
    async with chat() as there:
        async with hook(there.url) as posting:
            for number in range(3):
                posting.post(message(number))
        assert there.numbers == [0, 1, 2]
    with pytest.raises(RuntimeError, match="closed"):
        posting.post(message(9))


@pytest.mark.looptime
async def test_the_end_does_not_wait_for_a_chat_that_hangs() -> None:
    """After its grace it ends, says how many were not delivered, and leaves no task behind."""
    told: list[str] = []

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    async with chat(never) as there:
        posting = hook(there.url, told, timeout=60)
        async with posting:
            posting.post(message(0))
            posting.post(message(1))
            await until(lambda: there.posts)
            begin = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begin < 0.8
    assert told == ["127.0.0.1: 2 alerts were not delivered"]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "cc_async.outbox"]


@pytest.mark.looptime
async def test_the_end_does_not_sit_out_a_backoff() -> None:
    """In the middle of waiting for another try it ends at once."""
    told: list[str] = []
    busy = web.Response(status=429, headers={"Retry-After": "300"})
    async with chat(busy) as there:
        async with hook(there.url, told) as posting:
            posting.post(message(0))
            await until(lambda: told)
            begin = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begin < 0.1
    assert told[-1] == "127.0.0.1: 1 alerts were not delivered"


@pytest.mark.looptime
async def test_cancelled_in_the_middle_it_still_ends() -> None:
    """Ctrl-C while a message is under way: the block is left, the task is gone."""

    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response()

    async with chat(never) as there:

        async def work() -> None:
            async with hook(there.url) as posting:
                posting.post(message(0))
                await asyncio.sleep(1000)

        task = asyncio.create_task(work())
        await until(lambda: there.posts)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "cc_async.outbox"]


class Held:
    """A clock whose wall stands still."""

    def wall(self) -> float:
        return 1_700_000_000.25

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_signed_messages() -> None:
    """Feishu finds the signature in the body, DingTalk in the query beside its token; the rest is as ever."""
    expected = {form: signature(form, "SECabc", 1_700_000_000.25) for form in ("feishu", "dingtalk")}
    async with chat({"code": 0}, {"errcode": 0}) as there:
        for form in ("feishu", "dingtalk"):
            async with hook(there.url, form=form, secret="SECabc", clock=Held()) as posting:
                assert (await posting.send(message(0))).kind == "delivered"
    assert {name: there.posts[0][name] for name in ("timestamp", "sign")} == expected["feishu"]
    assert there.queries[0] == {"access_token": TOKEN}
    assert there.queries[1] == {"access_token": TOKEN, **expected["dingtalk"]}
    assert set(there.posts[1]) == {"msgtype", "text", "at"}


async def test_an_address_is_used_as_it_is_written() -> None:
    """A Teams workflow signs its query: no character of it may be spelled another way, no fragment sent."""
    tail = "/workflows/a%2Fb/~x?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=A%2Bb-_%7e"
    async with chat() as there:
        base = there.url.partition("/services")[0]
        async with hook(f"{base}{tail}#part", form="teams") as posting:
            assert (await posting.send(message(0))).kind == "delivered"
    assert there.paths == [tail]


@pytest.mark.parametrize(
    ("url", "given", "told"),
    [
        (f"http://chat.example.com/{TOKEN}", {}, "plain http to chat.example.com"),
        (f"ftp://chat.example.com/{TOKEN}", {}, "the webhook is no URL"),
        (TOKEN, {}, "the webhook is no URL"),
        ("", {}, "the webhook is no URL"),
        (f"https://chat.example.com/{TOKEN} x", {}, "the webhook is no URL"),
        (f"https://chät.example.com/{TOKEN}", {}, "the webhook is no URL"),
        (f"https://chat.example.com:port/{TOKEN}", {}, "the webhook is no URL"),
        (f"https://user:{TOKEN}@chat.example.com/", {}, "must not hold a user or a password"),
        (f"https://chat.example.com/{TOKEN}", {"form": "irc"}, "one of json, slack"),
        (f"https://chat.example.com/{TOKEN}", {"form": "slack", "secret": "x"}, "takes no secret"),
        (f"https://chat.example.com/{TOKEN}", {"proxy": f"socks5://u:{TOKEN}@proxy:1"}, "proxy must begin"),
    ],
)
def test_a_wrong_webhook_is_refused_without_its_secret(url: str, given: dict[str, Any], told: str) -> None:
    """Before any I/O; the error repeats the host at the most."""
    with pytest.raises(ConfigError) as caught:
        Webhook(url, **given)
    assert told in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_http_is_for_this_machine_unless_allowed() -> None:
    """Loopback is no network; elsewhere somebody has to say so."""
    for url in (
        "http://127.0.0.1:8080/x",
        "http://[::1]/x",
        "http://localhost/x",
        "https://chat.example.com/x",
    ):
        Webhook(url)
    assert Webhook("http://chat.example.com/x", allow_http=True).host == "chat.example.com"


def test_no_repr_holds_the_address() -> None:
    """Neither the webhook nor what a debugger shows of it by default."""
    assert TOKEN not in repr(hook(f"https://chat.example.com/{TOKEN}"))


async def test_misuse_is_told() -> None:
    """Posting outside the block, entering twice."""
    posting = hook("https://chat.example.com/x")
    with pytest.raises(RuntimeError, match="inside the webhook's block"):
        posting.post(message(0))
    with pytest.raises(RuntimeError, match="inside the webhook's block"):
        await posting.send(message(0))
    await posting.aclose()
    async with posting:
        with pytest.raises(RuntimeError, match="entered once"):
            await posting.__aenter__()
