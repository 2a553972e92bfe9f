"""What people write by hand: gather, ``resp.json()``, cattrs as it comes, signing as in the document."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import cattrs
from attrs import frozen

from benchmarks import canned, floor, lab, work

ACCESS_KEY, SECRET_KEY = "ak-of-the-benchmarks", "sk-of-the-benchmarks"


@frozen
class SkillRow:
    """A skill queue under the vendor's names."""

    id: int
    startTime: int  # noqa: N815
    allCallCount: int  # noqa: N815
    cnnedCallCount: int  # noqa: N815
    abanCallCount: int  # noqa: N815
    callEndCount: int  # noqa: N815
    talkTimeOnIvr: int  # noqa: N815
    cnnedIn20sCallCount: int  # noqa: N815
    clearUpCallCount: int  # noqa: N815
    clearUpTime: int  # noqa: N815


@frozen
class IndicatorRow:
    """A row of the system indicators under the vendor's names."""

    beginTime: int  # noqa: N815
    ccId: int  # noqa: N815
    vdn: int
    onlineAgentNums: int  # noqa: N815
    talkingNums: int  # noqa: N815
    ideaAgentNum: int  # noqa: N815
    busyNums: int  # noqa: N815
    restNums: int  # noqa: N815
    inCallNums: int  # noqa: N815
    rateNum: int  # noqa: N815
    callRate: int  # noqa: N815
    callOutNums: int  # noqa: N815


@frozen
class AgentRow:
    """The counters of one agent under the vendor's names."""

    talktime: int
    answernums: int
    noanswernums: int
    calloutnums: int
    intercallnums: int
    interhelpnums: int
    transfernums: int
    transferoutnums: int
    transferivrnums: int
    redirectnums: int
    keepnums: int
    busynums: int
    restnums: int
    restoutnums: int
    resttime: int
    restouttime: int
    agentrelease: int
    busytime: int


@frozen
class SkillAnswer:
    """The whole answer, both copies of its rows, as a structured type."""

    result: str
    resultCode: str  # noqa: N815
    resultDatas: list[SkillRow]  # noqa: N815
    resultDesc: list[SkillRow]  # noqa: N815


def authorization(method: str, path: str, host: str, body: bytes, now: datetime) -> str:
    """Sign as the document describes it, step by step."""
    prefix = f"auth-v2/{ACCESS_KEY}/{now:%Y-%m-%dT%H:%M:%SZ}/host"
    key = hmac.new(SECRET_KEY.encode(), prefix.encode(), hashlib.sha256).hexdigest()
    canonical = "\n".join([method, path, "host", "host:" + quote(host, safe=""), quote(body, safe="")])
    return prefix + "/" + hmac.new(key.encode(), canonical.encode(), hashlib.sha256).hexdigest()


def rows(answer: Any, converter: cattrs.Converter) -> list[Any]:
    """The records of one answer; only the copy that is wanted is structured."""
    if "result" in answer and isinstance(answer["result"], dict):
        return [converter.structure(answer["result"], AgentRow)]
    if isinstance(answer["resultDesc"], dict):
        return converter.structure(answer["resultDesc"]["data"], list[IndicatorRow])
    return converter.structure(answer["resultDesc"], list[SkillRow])


@contextlib.asynccontextmanager
async def ways(server: lab.Server, jobs: tuple[work.Work, ...]) -> AsyncIterator[dict[str, lab.Way]]:
    """One way per piece of work, all on one session."""
    converter = cattrs.Converter()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=work.WORKERS), timeout=floor.TIMEOUT, headers=floor.HEADERS
    ) as session:

        async def fetch(ask: work.Ask) -> list[Any]:
            if ask.agent_id is None:
                signed = authorization(ask.method, ask.path, server.host, ask.body, datetime.now(UTC))
                headers = {"Authorization": signed}
            else:
                headers = {"Guid": canned.guid(ask.agent_id)}
            async with session.request(
                ask.method, server.url + ask.path, data=ask.body or None, headers=headers
            ) as response:
                return rows(await response.json(), converter)

        def way(job: work.Work) -> lab.Way:
            async def ask_all() -> int:
                answers = await asyncio.gather(*(fetch(ask) for ask in job.asks))
                assert sum(map(len, answers)) == job.records * len(answers)
                return len(answers)

            return ask_all

        yield {job.name: way(job) for job in jobs}
