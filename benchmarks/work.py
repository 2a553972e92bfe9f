"""The three pieces of work every way of asking does, and how a batch of requests is handed to workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from attrs import frozen

from benchmarks import canned

WORKERS = 32


@frozen
class Ask:
    """One request, ready to send but for its signature."""

    method: str
    path: str
    body: bytes
    agent_id: int | None = None


@frozen
class Work:
    """A round of equal requests."""

    name: str
    asks: tuple[Ask, ...]
    records: int
    """Records in each answer."""
    copies: int = 1
    """How often the server sends each record in one answer."""


def one_agent(count: int) -> Work:
    """The statistics of so many agents, one request each."""
    ids = agent_ids(count)
    return Work("GET one agent", tuple(Ask("GET", canned.agent_path(one), b"", one) for one in ids), 1)


def agent_ids(count: int) -> range:
    """Agents, from the lowest number there is."""
    return range(101, 101 + count)


def pages() -> Work:
    """Every page of one window of system indicators."""
    asks = (Ask("POST", canned.INDICATORS_PATH, canned.page_body(page)) for page in range(canned.PAGES))
    return Work(f"page of {canned.PAGE_SIZE} rows", tuple(asks), canned.PAGE_SIZE)


def skills(vdns: int) -> Work:
    """222 queues of each of so many VDNs, one request each."""
    asks = (Ask("POST", canned.SKILLS_PATH, canned.skills_body(vdn)) for vdn in range(1, vdns + 1))
    return Work(f"{len(canned.SKILL_IDS)} skills, two copies", tuple(asks), len(canned.SKILL_IDS), copies=2)


async def by_workers(
    asks: Sequence[Ask], do: Callable[[Ask], Awaitable[None]], workers: int = WORKERS
) -> int:
    """Have so many tasks draw from the same iterator, the cheapest way there is."""
    waiting = iter(asks)

    async def worker(mine: Iterator[Ask]) -> None:
        for ask in mine:
            await do(ask)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker(waiting))
    return len(asks)
