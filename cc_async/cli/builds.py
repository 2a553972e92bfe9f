"""The questions of the commands, made from their options; ``plan`` makes the same ones and sends nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cc_async import CmsClient, GatewayClient, Query
from cc_async.cli.ids import parse_numbers, parse_tasks
from cc_async.cli.options import When
from cc_async.cli.run import Build, built, skill_ids
from cc_async.cli.times import parse_window
from cc_async.clients.base import UNSET, Unset
from cc_async.session.clock import LoopClock

Limit = float | Unset | None
"""Seconds for a whole question, streams included; unset: the client's own, which streams ignore."""


def skill_stats(
    skills: str | None, *, asks: bool = True, partial: bool = True, timeout: Limit = UNSET
) -> Build:
    """Call statistics of skill queues."""

    async def build(cms: CmsClient) -> Query[Any]:
        ids = await skill_ids(cms, skills, asks=asks)
        return built(lambda: cms.skill_call_stats(skill_ids=ids, partial=partial, timeout=timeout))

    return build


def skill_states(
    skills: str | None, *, asks: bool = True, partial: bool = True, timeout: Limit = UNSET
) -> Build:
    """Agents and waiting calls of skill queues."""

    async def build(cms: CmsClient) -> Query[Any]:
        ids = await skill_ids(cms, skills, asks=asks)
        return built(lambda: cms.skill_states(skill_ids=ids, partial=partial, timeout=timeout))

    return build


def agents(skills: str | None, *, asks: bool = True, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """Agents signed in to skill queues."""

    async def build(cms: CmsClient) -> Query[Any]:
        ids = await skill_ids(cms, skills, asks=asks)
        return built(lambda: cms.signed_in_agents(skill_ids=ids, partial=partial, timeout=timeout))

    return build


def agent_states(*, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """Every agent of the VDN."""

    async def build(cms: CmsClient) -> Query[Any]:
        return built(lambda: cms.agent_states(partial=partial, timeout=timeout))

    return build


def task_stats(tasks: str, *, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """Outbound tasks."""
    ids = parse_tasks(tasks)

    async def build(cms: CmsClient) -> Query[Any]:
        return built(lambda: cms.task_stats(task_ids=ids, partial=partial, timeout=timeout))

    return build


def indicators(vdns: str | None, when: When, *, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """Indicators of VDNs in 5-minute rows."""
    ids = parse_numbers(vdns, "--vdns")

    async def build(cms: CmsClient) -> Query[Any]:
        now = datetime.fromtimestamp(LoopClock().wall(), UTC)
        begin, end = parse_window(
            last=when.last, day=when.day, begin=when.begin, end=when.end, tz=when.tz, now=now
        )
        return built(
            lambda: cms.system_indicators(begin=begin, end=end, vdns=ids, partial=partial, timeout=timeout)
        )

    return build


def agent_stats(
    agents: str | None, known: tuple[int, ...], *, brief: bool, partial: bool = True, timeout: Limit = UNSET
) -> Build:
    """Call statistics of agents; none named: all that have a GUID."""
    ids = parse_numbers(agents, "--agents")

    async def build(gateway: GatewayClient) -> Query[Any]:
        asked = list(known) if ids is None else ids
        return built(lambda: gateway.agent_call_stats(asked, brief=brief, partial=partial, timeout=timeout))

    return build


def queues(*, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """Skill queues of the VDN."""

    async def build(cms: CmsClient) -> Query[Any]:
        return built(lambda: cms.skills(partial=partial, timeout=timeout))

    return build


def vdns(*, partial: bool = True, timeout: Limit = UNSET) -> Build:
    """VDNs of the call center."""

    async def build(cms: CmsClient) -> Query[Any]:
        return built(lambda: cms.vdns(partial=partial, timeout=timeout))

    return build
