"""A seeded soak: many clients, every interface, every fault at once; exit 1 if its report is not clean."""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import warnings
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from benchmarks import report
from benchmarks.findings import Ask, StandingClock, lines_of, open_files, questions, resident_mib
from benchmarks.ledger import Found, Ledger
from benchmarks.weather import Relay
from cc_async import AkSk, Breaker, CmsClient, GatewayClient, Quota, Retry, Timeouts
from cc_async.errors import CcError
from cc_async.simulator import Simulator

TIMEOUT = 6.0
CLIENTS = 4
RETRY = Retry(base=0.01, throttle_base=0.02, cap=0.1)


class Soak:
    """The run: clients, pollers, cancellers, and what they found."""

    def __init__(self, seconds: float, seed: int, share: float) -> None:
        self.seconds, self.seed, self.share = seconds, seed, share
        self.rng = random.Random(seed)
        self.found = Found()
        self.ledgers: list[Ledger] = []
        self.relays: list[Relay] = []
        self.memory: list[float] = []
        self.left: dict[str, int] = {}
        self.until = 0.0

    async def run(self) -> None:
        """Everything, from an empty loop to an empty loop."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._complained)
        tasks, files = len(asyncio.all_tasks()), open_files()
        async with Simulator(
            seed=self.seed, clock=StandingClock(), agent_quota=None, gateway_quota=None, record_requests=False
        ) as sim:
            await self._in_the_weather(sim)
            await _until(lambda: sim.open_connections == 0)
            self.left["connections to the simulator"] = sim.open_connections
        gc.collect()
        await asyncio.sleep(0.1)
        self.left["tasks"] = len(asyncio.all_tasks()) - tasks
        self.left["open files"] = open_files() - files

    def _complained(self, loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        self.found.strange.append(f"the loop: {told.get('message')}")

    async def _in_the_weather(self, sim: Simulator) -> None:
        truth, agents = await self._truth(sim)
        self.relays = [
            Relay(url, self.share, self.seed + n) for n, url in enumerate((sim.cms_url, sim.gateway_url))
        ]
        cms_relay, gateway_relay = self.relays
        async with AsyncExitStack() as stack:
            for relay in self.relays:
                await stack.enter_async_context(relay.server)
                stack.push_async_callback(relay.close)
            url = cms_relay.server.url
            clients = [await stack.enter_async_context(self._cms(sim, url, n)) for n in range(CLIENTS)]
            gateway = await stack.enter_async_context(self._gateway(sim, gateway_relay.server.url))
            self.until = asyncio.get_running_loop().time() + self.seconds
            asks = questions(sim)
            async with asyncio.TaskGroup() as group:
                for cms in clients:
                    for name, ask in asks.items():
                        group.create_task(self._poll(name, ask, cms, truth[name]))
                group.create_task(self._poll("agents", agents[0], gateway, agents[1]))
                group.create_task(self._stream(clients[0], truth["signed_in_agents"]))
                group.create_task(self._come_and_go(sim, url, truth["skill_states"]))
                group.create_task(self._watch_memory())
            self._account([*clients, gateway])
        for name, relay in (("client's", cms_relay), ("gateway client's", gateway_relay)):
            await _until(partial(_is_idle, relay))
            self.left[f"{name} connections"] = relay.server.counters.open

    def _options(self, number: int) -> dict[str, Any]:
        self.ledgers.append(Ledger(RETRY))
        return {
            "timeout": TIMEOUT,
            "timeouts": Timeouts(connect=1.0, read=0.4, attempt=1.5),
            "retry": RETRY,
            "breaker": Breaker(open_for=0.05, longest=0.2),
            "lockout": 0.2,
            "concurrency": 16,
            "quota": Quota(100, per=0.5),
            "observers": [self.ledgers[-1]],
            "rng": random.Random(self.seed * 1000 + number),
        }

    def _cms(self, sim: Simulator, url: str, number: int) -> CmsClient:
        auth = AkSk(sim.access_key, sim.secret_key)
        overall = AkSk(sim.global_access_key, sim.global_secret_key)
        return CmsClient(url, auth, global_auth=overall, vdn=sim.vdn, **self._options(number))

    def _gateway(self, sim: Simulator, url: str) -> GatewayClient:
        return GatewayClient(url, sim.guids, **self._options(99))

    async def _truth(self, sim: Simulator) -> tuple[dict[str, Any], tuple[Ask, Any]]:
        """The answers in fair weather."""
        ids = sorted(sim.guids)[:40]

        def ask(gateway: Any) -> Any:
            return gateway.agent_call_stats(ids, partial=True)

        async with self._cms(sim, sim.cms_url, 0) as cms, self._gateway(sim, sim.gateway_url) as gateway:
            truth = {name: await each(cms) for name, each in questions(sim).items()}
            agents = ask, await gateway.with_options(quota=None).agent_call_stats(ids)
        self.ledgers.clear()
        if not all(batch.complete and batch.records for batch in truth.values()):
            raise RuntimeError("the simulator does not answer whole even in fair weather")
        return truth, agents

    async def _poll(self, name: str, ask: Ask, client: Any, truth: Any) -> None:
        """Ask, and ask again what is missing, until all is there; now and then give up in the middle."""
        while self._going():
            batch: Any = None
            for _ in range(30):
                if not self._going():
                    break
                query = ask(client) if batch is None else client.retry(batch, partial=True)
                found = await self._call(query)
                batch = found if found is not None else batch
                if batch is not None and batch.unanswered is None:
                    break
                await asyncio.sleep(self.rng.random() * 0.1)
            if batch is not None:
                self.found.compare(name, batch, truth)
            await asyncio.sleep(self.rng.random() * 0.2)

    async def _call(self, query: Coroutine[Any, Any, Any]) -> Any:
        """One call: its batch, or None when it failed as calls may."""
        found, loop = self.found, asyncio.get_running_loop()
        found.calls += 1
        began = loop.time()
        task = asyncio.create_task(query)
        if self.rng.random() < 0.05:
            await asyncio.sleep(self.rng.random() * 0.3)
            task.cancel()
        try:
            return await task
        except CcError as error:
            found.failed[type(error).__name__] += 1
            return error.batch
        except asyncio.CancelledError:
            found.cancelled += 1
            return None
        except Exception as error:
            found.strange.append(f"{type(error).__name__} reached a caller")
            return None
        finally:
            found.longest = max(found.longest, loop.time() - began - TIMEOUT)

    async def _stream(self, cms: CmsClient, truth: Any) -> None:
        """Read streams, some of them half."""
        known = set(truth.records)
        while self._going():
            enough = self.rng.randrange(1, 60)
            try:
                async with cms.signed_in_agents(range(1, 31)).stream() as rows:
                    async for row in rows:
                        if row not in known:
                            self.found.wrong.append("stream: a row differs")
                        enough -= 1
                        if not enough or not self._going():
                            break
            except CcError as error:
                self.found.failed[type(error).__name__] += 1
            await asyncio.sleep(0.05)

    async def _come_and_go(self, sim: Simulator, url: str, truth: Any) -> None:
        """A client that is made, used and closed with calls under way, again and again."""
        while self._going():
            async with self._cms(sim, url, self.rng.randrange(10**6)) as cms:
                self.ledgers.pop()
                calls = [asyncio.ensure_future(self._call(cms.skill_states(range(1, 1001)))) for _ in "abc"]
                await asyncio.sleep(self.rng.random() * 0.5)
                await cms.aclose(grace=self.rng.choice([0.0, 0.1]))
                await asyncio.gather(*calls)

    async def _watch_memory(self) -> None:
        while self._going():
            gc.collect()
            self.memory.append(resident_mib())
            await asyncio.sleep(min(5.0, self.seconds / 12))

    def _account(self, clients: Sequence[Any]) -> None:
        """Nothing is under way any more: every place and slot must be free."""
        sessions = [client._core.session for client in clients]
        self.left["places in gates"] = sum(session.gate.in_use for session in sessions)
        self.left["requests in flight"] = sum(session.exchange.in_flight for session in sessions)
        self.left["calls"] = sum(client._core.calls for client in clients)
        self.left["quota slots never sent"] = sum(
            window.counted - len(window._landed) - sum(not slot.landed for slot in window._flying)
            for session in sessions
            for window in session.pacer._windows.values()
        )

    def _going(self) -> bool:
        return asyncio.get_running_loop().time() < self.until


def _is_idle(relay: Relay) -> bool:
    return relay.server.counters.open == 0


async def _until(true: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait for it, but not for ever; the figure that is then looked at tells."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not true() and loop.time() < end:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a soak; 0 when its report is clean."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.05, help="of the answers that suffer each fault")
    options = parser.parse_args(argv)
    soak = Soak(options.minutes * 60, options.seed, options.share)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(soak.run())
        gc.collect()
    soak.found.strange += [str(each.message) for each in warned if each.category is ResourceWarning]
    lines = lines_of(soak.found, soak.ledgers, soak.relays, soak.memory, soak.left)
    report.print_table([(f"soak of {options.minutes:g} minutes, seed {options.seed}", lines)], smoke=False)
    for text in [*soak.found.wrong, *soak.found.strange][:20]:
        print(text)
    return 0 if all(one.met is not False for one in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
