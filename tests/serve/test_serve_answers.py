"""What the server answers, to whom, and with which headers; over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from served import serving

from cc_async.serve import Access, check_token

TOKEN = "correct-horse-battery"


async def test_the_page_is_whole_and_asks_nobody_else() -> None:
    """The page and its files come from the package; none of them names another server."""
    async with serving() as running:
        texts = {}
        for path, kind in (("/", "text/html"), ("/board.css", "text/css"), ("/board.js", "text/javascript")):
            async with running.web.get(running.url + path) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                texts[path] = await answer.text()
    for text in texts.values():
        outside = text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in outside
        assert "https:" not in outside
    assert "innerHTML" not in texts["/board.js"]
    assert "<script>" not in texts["/"]
    assert "style=" not in texts["/"]
    assert sum(map(len, texts.values())) < 60_000


async def test_json_says_what_the_board_says() -> None:
    """Every part of the board has an address of its own; the whole is the board."""
    async with serving() as running:
        found: dict[str, Any] = {}
        for name in ("board", "queues", "agents", "tasks", "vdns", "alerts", "sources"):
            async with running.web.get(f"{running.url}/v1/{name}.json") as answer:
                assert (answer.status, answer.content_type) == (200, "application/json")
                found[name] = await answer.json()
        board = running.feed.board
    assert [queue["name"] for queue in found["queues"]["queues"]] == [queue.name for queue in board.queues]
    assert found["agents"]["agents"]["by_state"] == dict(board.agents.by_state)
    assert "people" not in found["agents"]["agents"]
    assert found["board"].keys() > {"queues", "agents", "tasks", "vdns", "alerts", "sources", "at", "version"}
    assert [source["name"] for source in found["sources"]["sources"]] == [one.name for one in board.sources]


async def test_agents_by_number_only_where_asked_for() -> None:
    """With show_agents the JSON lists who is signed in; no name and no phone is ever in it."""
    async with (
        serving(feed={"show_agents": True}) as running,
        running.web.get(running.url + "/v1/agents.json") as answer,
    ):
        people = (await answer.json())["agents"]["people"]
    assert people
    assert all(set(one) == {"vdn", "agent_id", "state", "state_seconds"} for one in people)


async def test_every_answer_is_hardened() -> None:
    """Pages, JSON, streams and refusals carry the headers that keep others out of the page."""
    async with serving() as running:
        for path in ("/", "/v1/board.json", "/v1/board", "/nowhere", "/health"):
            async with running.web.get(running.url + path) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["X-Frame-Options"] == "DENY"
                assert answer.headers["Cache-Control"] == "no-store"
                assert "aiohttp" not in answer.headers["Server"]
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_it_can_only_be_read() -> None:
    """There is nothing to post, and nothing outside the few paths."""
    async with serving() as running:
        for method, path, status in (
            ("POST", "/v1/board.json", 405),
            ("DELETE", "/", 405),
            ("GET", "/../pyproject.toml", 404),
            ("GET", "/page/board.js", 404),
            ("GET", "/v1/secrets.json", 404),
        ):
            async with running.web.request(method, running.url + path) as answer:
                assert answer.status == status


@pytest.mark.looptime
async def test_health_is_well_until_something_is_old() -> None:
    """200 while everything is of now; 503 with the reason when a source has failed for too long."""
    async with serving() as running:
        async with running.web.get(running.url + "/health") as answer:
            assert (answer.status, await answer.json()) == (
                200,
                {"ok": True, "standing_by": False, "reasons": []},
            )
        running.sim.fail("skill_states", status=503, times=None)
        await asyncio.sleep(30)
        async with running.web.get(running.url + "/health") as answer:
            assert answer.status == 503
            told = await answer.json()
    assert told["ok"] is False
    assert "skill_states" in told["reasons"][0]
    assert "503" in told["reasons"][0]


async def test_metrics_come_from_whoever_makes_them() -> None:
    """What is given is answered word for word, at once or awaited; without it 501 says what to install."""

    async def scrape(accept: str) -> tuple[bytes, str]:
        return f"up 1\n# {accept}".encode(), "text/plain; version=1.0.0; charset=utf-8"

    for metrics, told in (
        (scrape, "up 1\n# text/plain"),
        (lambda accept: (b"up 1\n", "text/plain"), "up 1\n"),
    ):
        async with (
            serving(app={"metrics": metrics}) as running,
            running.web.get(running.url + "/metrics", headers={"Accept": "text/plain"}) as answer,
        ):
            assert await answer.text() == told
            assert answer.headers["Content-Type"].startswith("text/plain")
    async with serving() as running, running.web.get(running.url + "/metrics") as answer:
        assert answer.status == 501
        assert "pip install 'cc_async[prometheus]'" in await answer.text()


async def test_a_token_is_needed_where_there_is_one() -> None:
    """Without it nothing is told but whether all is well; a bearer reads, a wrong one does not."""
    async with serving(Access(check_token(TOKEN))) as running:
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Basic eA=="}):
            for path in (
                "/",
                "/board.js",
                "/v1/board.json",
                "/v1/board",
                "/v1/events",
                "/metrics",
                "/nowhere",
            ):
                async with running.web.get(running.url + path, headers=headers) as answer:
                    assert answer.status == 401
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
                    assert TOKEN not in await answer.text()
        async with running.web.get(running.url + "/health") as answer:
            assert await answer.json() == {"ok": True, "standing_by": False}
        async with running.web.get(
            running.url + "/v1/board.json", headers={"Authorization": f"bearer {TOKEN}"}
        ) as answer:
            assert answer.status == 200


async def test_with_a_token_any_name_will_do() -> None:
    """Behind a proxy or in a container the machine has other names; the token keeps the door."""
    async with serving(Access(check_token(TOKEN))) as running:
        for headers, status in (
            ({"Host": "board.example.com"}, 401),
            ({"Host": "board.example.com", "Authorization": f"Bearer {TOKEN}"}, 200),
        ):
            async with running.web.get(running.url + "/v1/board.json", headers=headers) as answer:
                assert answer.status == status


async def test_a_token_in_the_address_becomes_a_cookie() -> None:
    """It leaves the address at once; the cookie is no script's business, and is not the token."""
    async with serving(Access(check_token(TOKEN))) as running:
        async with running.web.get(f"{running.url}/?token={TOKEN}", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        async with running.web.get(f"{running.url}/?token=wrong", allow_redirects=False) as answer:
            assert answer.status == 401
        pair = cookie.split(";")[0]
        async with running.web.get(running.url + "/v1/board.json", headers={"Cookie": pair}) as answer:
            assert answer.status == 200
        async with running.web.get(running.url + "/", headers={"Cookie": pair + "0"}) as answer:
            assert answer.status == 401
        where = f"{running.url}//other.example/?token={TOKEN}"
        async with running.web.get(where, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/other.example/"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8170", 200),
        ("board.localhost", 200),
        ("[::1]:80", 200),
        ("10.1.2.3", 200),
        ("board.example.com", 200),
        ("BOARD.example.com.:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
        ("[::1", 421),
    ],
)
async def test_only_our_own_names_are_answered(host: str, status: int) -> None:
    """A page of another name that was made to resolve to this machine cannot read the board."""
    async with serving(Access(hosts=["Board.Example.com"])) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        first = (await reader.readline()).decode()
        writer.close()
        await writer.wait_closed()
    assert first.split()[1] == str(status)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 characters"),
        ("short", "5 characters"),
        ("with a blank inside", "other than"),
        ("ä" * 20, "other than"),
    ],
)
def test_a_poor_token_is_refused(text: str, why: str) -> None:
    """Too short to be guarded, or not fit for a header; the text is not repeated."""
    with pytest.raises(ValueError, match=why) as caught:
        check_token(text)
    assert not text or text not in str(caught.value)
