"""A bare client for the simulator: aiohttp and a signer of its own, nothing of cc_async's client."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import attrs
import pytest

from cc_async.simulator import Simulator

OPENAPI = "/rest/cmsapp/v1/openapi/"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()


@attrs.define
class StandingClock:
    """A clock that moves when told."""

    now: float = NOON + 299.5

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@attrs.frozen
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        return self.json["resultCode"]

    @property
    def desc(self) -> Any:
        return self.json["resultDesc"]


def authorization(
    pair: tuple[str, str],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *,
    query: str = "",
    timestamp: str = "2026-03-04T12:00:00Z",
    empty_query_line: bool = False,
) -> str:
    """Sign after section 1 of the contract; `headers` are those to sign, lowercase."""
    names = ";".join(sorted(headers))
    prefix = f"auth-v2/{pair[0]}/{timestamp}/{names}"
    key = hmac.new(pair[1].encode(), prefix.encode(), hashlib.sha256).hexdigest()
    lines = [method, path]
    if query or empty_query_line:
        lines.append(query)
    lines += [names, *sorted(quote(k, safe="") + ":" + quote(v, safe="") for k, v in headers.items())]
    lines.append(quote(body, safe=""))
    return f"{prefix}/{hmac.new(key.encode(), chr(10).join(lines).encode(), hashlib.sha256).hexdigest()}"


class Asker:
    """Asks one simulator."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        self.sim, self._session = sim, session

    async def post(
        self, path: str, params: object = None, *, globally: bool = False, method: str = "POST", **given: Any
    ) -> Answer:
        """Ask CC-CMS; `path` is below openapi, or absolute; `given` changes what is signed or sent."""
        sim = self.sim
        path = path if path.startswith("/") else OPENAPI + path
        body = b"" if params is None else json.dumps(params, separators=(",", ":")).encode()
        body = given.pop("raw", body)
        sent = {"Content-Type": given.pop("content_type", "application/json;charset=UTF-8")}
        pair = (sim.access_key, sim.secret_key)
        if globally:
            pair = (sim.global_access_key, sim.global_secret_key)
        pair = given.pop("pair", pair)
        signed = given.pop("signed", None) or {"host": sim.cms_url.partition("//")[2]}
        sent["Authorization"] = authorization(pair, method, path, signed, body, **given)
        url = sim.cms_url + path + ("?" + given["query"] if given.get("query") else "")
        async with self._session.request(method, url, data=body or None, headers=sent) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def raw(self, method: str, url: str, **given: Any) -> Answer:
        async with self._session.request(method, url, **given) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def agent(self, agent_id: object, guid: str = "", *, brief: bool = False) -> Answer:
        """Ask CC-Gateway."""
        kind = "statisticsEx" if brief else "statistics"
        url = f"{self.sim.gateway_url}/agentgateway/resource/calldata/{agent_id}/{kind}"
        return await self.raw("GET", url, headers={"Guid": guid} if guid else {})


@pytest.fixture
def clock() -> StandingClock:
    """Stand half a second before the end of a period."""
    return StandingClock()


@pytest.fixture
async def open_sim(clock: StandingClock) -> AsyncIterator[Callable[..., Any]]:
    """Open simulators on the standing clock, and close them all at the end."""
    opened: list[Simulator] = []
    async with aiohttp.ClientSession() as session:

        async def opener(**given: Any) -> Asker:
            sim = Simulator(**{"clock": clock, **given})
            await sim.start()
            opened.append(sim)
            return Asker(sim, session)

        yield opener
    for sim in opened:
        await sim.stop()


@pytest.fixture
async def ask(open_sim: Callable[..., Any]) -> Asker:
    """A client of a simulator as documented."""
    asker: Asker = await open_sim()
    return asker


@pytest.fixture(scope="session")
def vectors() -> list[dict[str, Any]]:
    """Return the vendor's signature vectors."""
    path = Path(__file__).parents[1] / "vectors" / "auth_v2.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
