"""Typical use, held by mypy and pyright: this file is type-checked and never run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, assert_type

from cc_async import (
    AddressBlocked,
    AgentCallStats,
    AgentEvent,
    AgentSession,
    AgentState,
    AgentStatus,
    AkSk,
    ApiError,
    Auth,
    AuthError,
    Batch,
    BatchError,
    Breaker,
    CallTimeout,
    CcError,
    CircuitOpen,
    Clock,
    ClosedError,
    CmsClient,
    ConfigError,
    ConnectError,
    CtiStatus,
    DecodeError,
    Event,
    ExportError,
    Failure,
    GatewayClient,
    GatewayError,
    Group,
    Guids,
    Health,
    HttpError,
    MediaType,
    MemoryPacer,
    NoPermission,
    NotDeployed,
    NotSignedIn,
    NotTheApi,
    Observer,
    Pacer,
    PaginationLoop,
    Plan,
    ProtocolError,
    Query,
    Question,
    Quota,
    Rejected,
    RequestTimeout,
    ResponseTooLarge,
    Retry,
    Secret,
    ServerError,
    SessionLost,
    SignatureRejected,
    SignedInAgent,
    Skill,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
    Throttled,
    Timeouts,
    Tls,
    TlsError,
    UnknownKey,
    Unsigned,
    Vdn,
    Window,
)
from cc_async.integrations.opentelemetry import Tracing
from cc_async.integrations.prometheus import Metrics
from cc_async.monitor import Stitcher
from cc_async.monitor.listener import Listener

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def use(*_: object) -> None:
    """Take what need only exist."""


async def every_method(cms: CmsClient, gateway: GatewayClient) -> None:
    """Each method's answer has its own record type, whatever is asked and however."""
    assert_type(await cms.skill_call_stats(skill_ids=range(1, 2001)), Batch[SkillCallStats])
    assert_type(await cms.skill_call_stats(), Batch[SkillCallStats])
    assert_type(await cms.skill_call_stats(skill_ids={7, 8}, vdn=171), Batch[SkillCallStats])
    assert_type(await cms.skill_call_stats(by_vdn={170: [1, 2], 171: range(9)}), Batch[SkillCallStats])
    assert_type(await cms.skill_states(timeout=None, partial=True), Batch[SkillState])
    assert_type(await cms.signed_in_agents(skill_ids=[1, 2, 3]), Batch[SignedInAgent])
    assert_type(await cms.agent_states(), Batch[AgentState])
    assert_type(await cms.task_stats(task_ids=["1122104910"]), Batch[TaskStats])
    assert_type(await cms.system_indicators(begin=BEGIN, end=END), Batch[SystemIndicators])
    assert_type(
        await cms.system_indicators(begin=BEGIN, end=END, vdns=range(1, 301)), Batch[SystemIndicators]
    )
    assert_type(await cms.skills(), Batch[Skill])
    assert_type(await cms.vdns(), Batch[Vdn])
    assert_type(await gateway.agent_call_stats([101, 102]), Batch[AgentCallStats])
    assert_type(await gateway.agent_call_stats([101, 102], brief=True), Batch[AgentCallStats])
    use(await cms.call("vdn/totalagentstate", {}))
    use(await cms.call("/rest/cmsapp/v1/openapi/configures/agents/1/170/0/100", method="GET"))
    use(await cms.call("outbound/of/which/nobody/knows", {}, retryable=True))


async def a_batch(cms: CmsClient) -> None:
    """A batch is a sequence of its records and says what is missing."""
    batch = await cms.skill_call_stats(skill_ids=[1, 2], partial=True)
    rows: Sequence[SkillCallStats] = batch
    assert_type(batch[0], SkillCallStats)
    for row in batch:
        assert_type(row.skill_id, int)
        assert_type(row.offered, int | None)
        assert_type(row.interval_start, datetime | None)
        assert_type(row.sampled_at, datetime | None)
        row.to_dict()
    for failure in batch.failures:
        assert_type(failure, Failure)
        assert_type(failure.error, CcError)
    for rejected in batch.rejected:
        assert_type(rejected, Rejected)
    assert_type(batch.complete, bool)
    assert_type(batch.request_count, int)
    assert_type(batch.began, datetime | None)
    assert_type(batch.ended, datetime | None)
    assert_type(batch.unanswered, Question | None)
    assert_type(batch.to_dicts(), list[dict[str, Any]])
    if not batch.complete:
        assert_type(await cms.retry(batch), Batch[SkillCallStats])
    assert_type(Batch.of(rows), Batch[SkillCallStats])
    batch.to_polars()
    use(batch.by_key, batch.absent, len(batch))


async def a_query(cms: CmsClient) -> None:
    """A query is a coroutine to everything that takes one, and has verbs of its own."""
    query = cms.skill_states(skill_ids=[1, 2])
    assert_type(query, Query[SkillState])
    coroutine: Coroutine[Any, Any, Batch[SkillState]] = query
    use(coroutine)
    assert_type(query.question, Question)
    assert_type(query.plan(), Plan)
    use(query.plan().chunks, query.plan().requests, query.plan().seconds)
    queues, vdns = await asyncio.gather(cms.skills(), cms.vdns())
    assert_type(queues, Batch[Skill])
    assert_type(vdns, Batch[Vdn])
    several = await asyncio.gather(*[cms.skill_states(vdn=vdn) for vdn in (170, 171)])
    assert_type(several, list[Batch[SkillState]])
    assert_type(await asyncio.wait_for(query, 5), Batch[SkillState])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(query)
    assert_type(task.result(), Batch[SkillState])
    alone = asyncio.create_task(cms.agent_states())
    assert_type(await alone, Batch[AgentState])
    async with asyncio.timeout(3):
        again = await query
    assert_type(again, Batch[SkillState])
    await cms.ask(query.question)


async def a_stream(cms: CmsClient) -> None:
    """A stream gives the same records one by one, and its account."""
    async with cms.system_indicators(begin=BEGIN, end=END).stream() as rows:
        async for row in rows:
            assert_type(row, SystemIndicators)
            use(row.key)
        assert_type(rows.failures, tuple[Failure, ...])
        assert_type(rows.rejected, list[Rejected])
        assert_type(rows.request_count, int)


class Bearer:
    """A bearer token instead of a signature: the whole of another ``Auth``."""

    identity = "bearer"

    async def sign(self, request: Unsigned) -> Mapping[str, str]:
        return {"Authorization": Secret("Bearer token")}

    async def absorb(self, request: Unsigned, status: int, headers: Mapping[str, str]) -> None:
        return None


class Watching:
    """An observer."""

    def on_event(self, event: Event) -> None:
        use(event.at, event.call, event.endpoint)


def by_question() -> Sequence[Question]:
    """Questions are plain values."""
    groups = (Group(170, (1, 2)), Group(171))
    stretch = Window(BEGIN, END, (170, 171))
    return [
        Question("skill_states", cc_id=1, groups=groups),
        Question("system_indicators", windows=(stretch,)),
    ]


def codes(agent: SignedInAgent) -> None:
    """Codes are open enums."""
    assert_type(agent.status, AgentStatus | None)
    assert_type(agent.cti_status, CtiStatus | None)
    assert_type(agent.media_type, MediaType | None)
    use(agent.status is AgentStatus(3))


async def options(clock: Clock) -> None:
    """Everything a client takes, and the ways to close it."""
    observer: Observer = Watching()
    bearer: Auth = Bearer()
    pacer: Pacer = MemoryPacer()
    auth = AkSk("ak", "sk", milliseconds=True, empty_query_line=False, signed_headers=("host",))
    async with CmsClient(
        "https://cms.example.com:28443",
        auth,
        global_auth=bearer,
        cc_id=1,
        vdn=170,
        quota={"skill_states": Quota(1, per=1.0), "*": Quota(10)},
        concurrency=32,
        timeout=60.0,
        page_size=100,
        array_limit="items",
        tls=Tls(ca_file="ca.pem"),
        host="cms.example.com:28443",
        proxy="http://proxy.example.com:3128",
        retry=Retry(),
        breaker=Breaker(),
        lockout=300.0,
        pacer=pacer,
        clock=clock,
        rng=random.Random(1),
        timeouts=Timeouts(connect=5.0),
        observers=[observer],
        allow_http=False,
    ) as cms:
        assert_type(cms, CmsClient)
        assert_type(cms.with_options(timeout=5.0), CmsClient)
        assert_type(cms.health, Health)
        await cms.ping()
        await cms.replace_auth(bearer)
    async with GatewayClient(
        "https://gw.example.com:8043", {101: "uuid.AgentGateway1"}, quota=None
    ) as gateway:
        assert_type(gateway, GatewayClient)
    use(GatewayClient("https://gw.example.com:8043", Guids({101: "uuid.AgentGateway1"})))
    await agent_session(gateway)
    assert_type(CmsClient.from_env(), CmsClient)
    berlin = CmsClient.from_site("berlin")
    assert_type(berlin, CmsClient)
    await berlin.aclose(grace=5)


async def agent_session(gateway: GatewayClient) -> None:
    """A session, its events, and what it knows about itself."""
    async with gateway.agent_session(101, password="x", phone="70101", status=4, resume=True) as session:
        assert_type(session, AgentSession)
        assert_type(session.signed_in_at, datetime | None)
        assert_type(session.lost, CcError | None)
        async for event in session:
            assert_type(event, AgentEvent)
            assert_type(event.state, CtiStatus | None)
            assert_type(event.call_id, str | None)
            use(event.to_dict())


async def errors(cms: CmsClient) -> None:
    """Every error a caller can name, each with what it adds to the common ones."""
    try:
        await cms.skills()
    except BatchError as error:
        assert_type(error.exceptions, tuple[CcError | ExceptionGroup[CcError], ...])
        use(error.batch)
    except (SignatureRejected, AddressBlocked, NoPermission, AuthError) as error:
        use(error.hint)
    except (Throttled, ServerError, NotTheApi, NotDeployed, HttpError) as error:
        assert_type(error.status, int)
    except (NotSignedIn, SessionLost, GatewayError, ApiError) as error:
        assert_type(error.text, str)
    except CircuitOpen as error:
        assert_type(error.until, float | None)
    except (TlsError, ConnectError, RequestTimeout, CallTimeout, ResponseTooLarge, ProtocolError) as error:
        assert_type(error.retryable, bool)
        assert_type(error.retry_after, float | None)
    except (ConfigError, ClosedError, DecodeError, ExportError, PaginationLoop, UnknownKey) as error:
        assert_type(error.code, str | None)
    except CcError as error:
        assert_type(error.endpoint, str | None)
        assert_type(error.attempts, int)


async def companions(cms: CmsClient) -> None:
    """Metrics and traces are observers; metrics are a listener of a board, too."""
    metrics = Metrics(lambda: cms.health, {7: "Billing", (170, 8): "Sales"}, Stitcher())
    listener: Listener = metrics
    observers: list[Observer] = [metrics, Tracing()]
    use(listener, observers)
    assert_type(await metrics.scrape("text/plain"), tuple[bytes, str])
