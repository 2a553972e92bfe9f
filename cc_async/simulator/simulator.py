"""The simulator: a pretend contact center behind CC-CMS and CC-Gateway, on real sockets."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack

import attrs
from aiohttp import web

from .clock import Clock, LoopClock, SteppedClock
from .cms import Cms
from .controls import Controls, Odds
from .faults import Faults
from .formula import FormulaWorld
from .front import Front
from .gateway import Gateway
from .hashing import mix
from .living.world import LivingWorld
from .profiles import Profile
from .quota import Window
from .sessions import Sessions
from .site import Site
from .world import World

_Number = TypeVar("_Number", int, float)
_KeyPair = tuple[str, str]
Limit = tuple[int, float]
"""How many, in how many seconds."""
_BACKLOG = 2048
_MAIN_SKILLS, _MAIN_AGENTS, _SKILLS, _AGENTS = 2000, 2000, 20, 60
_CALLS_PER_AGENT = 100


class Simulator(Controls):
    """A contact center that can be asked as the real one is, and made to fail as the real one does.

    It opens with `async with`. The same seed gives the same world. What it may be told:

    * `profile`: the habits of the server, by name (`PROFILES`) or as a `Profile`.
    * `quota`: `(number, seconds)` per access key and interface, or a mapping by interface name (or "*");
      arrivals beyond it get 429. `agent_quota`, `gateway_quota`: the gateway's overload control, or None.
    * `vdn`, `vdns`, `skills_per_vdn`, `agents_per_vdn`: the size of the world; by default VDN 170 with 2 000
      skill queues and 2 000 agents, and VDNs 1 to 100 with 20 and 60. One number is for every VDN.
    * `world`: "formula" computes every figure from seed and time, at once and for any moment. "living" lets
      calls arrive, wait, be answered and be lost, so that figures have causes (`incident`, `world.calls`);
      it only goes forward, and the first question to a VDN costs its life so far, some seconds for a day
      of 300 000 calls. `calls_per_day`: by VDN or for each (100 for each agent); `begins`: when it comes
      into being, epoch seconds (midnight UTC before the start).
    * `faults`, or its fields as keywords (`latency`, `error_rate`...): standing odds of trouble.
    * Agents of `guids` are at work from the start, and their own desktops keep their sessions alive. Others
      (`free_agents`, with `password_of`) sign in by request and follow the gateway's rules: AUTHMODE
      (`Profile.auth_mode`), a node and its cookie, signed out after 120 s without a request.
    * `timestamp_window`: seconds a signature's timestamp may be off; None: any.
    * `clock`: anything with `wall()` and `monotonic()`; by default the event loop's time from now on.
    * `tls`: serve https. `record_requests=False` keeps no journal, for long runs.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        profile: Profile | str = "documented",
        quota: Limit | Mapping[str, Limit] | None = None,
        agent_quota: Limit | None = (5, 2.0),
        gateway_quota: Limit | None = (15_000, 2.0),
        cc_id: int = 1,
        vdn: int = 170,
        vdns: Iterable[int] | None = None,
        skills_per_vdn: int | Mapping[int, int] | None = None,
        agents_per_vdn: int | Mapping[int, int] | None = None,
        world: Literal["formula", "living"] = "formula",
        calls_per_day: float | Mapping[int, float] | None = None,
        begins: float | None = None,
        faults: Faults | None = None,
        timestamp_window: float | None = None,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        record_requests: bool = True,
        host: str = "127.0.0.1",
        cms_port: int = 0,
        gateway_port: int = 0,
        **odds: Unpack[Odds],
    ) -> None:
        every = sorted({vdn, *(range(1, 101) if vdns is None else vdns)})
        skills = {each: _of(skills_per_vdn, each, _MAIN_SKILLS if each == vdn else _SKILLS) for each in every}
        agents = {each: _of(agents_per_vdn, each, _MAIN_AGENTS if each == vdn else _AGENTS) for each in every}
        made: World
        if world == "living":
            calls = {each: _of(calls_per_day, each, _CALLS_PER_AGENT * agents[each]) for each in every}
            made = LivingWorld(seed, every, skills, agents, calls, begins)
        else:
            made = FormulaWorld(seed, every, skills, agents)
        sessions = Sessions(seed)
        for agent_id in made.gateway_agents(vdn):
            sessions.sign_in(agent_id)
        self._quotas = _windows(quota)
        self._per_agent = Window(*agent_quota) if agent_quota else None
        self._in_all = Window(*gateway_quota) if gateway_quota else None
        windows = [*self._quotas.values(), *(each for each in (self._per_agent, self._in_all) if each)]
        super().__init__(made, vdn, profile, attrs.evolve(faults or Faults(), **odds), sessions, windows)
        self.seed, self.cc_id, self.vdn = seed, cc_id, vdn
        self.access_key, self.secret_key = _key_pair(seed, "t")
        self.global_access_key, self.global_secret_key = _key_pair(seed, "g")
        self._given_clock, self._tls, self._record = clock, tls, record_requests
        self._timestamp_window = timestamp_window
        self._address = (host, cms_port, gateway_port)
        self._runners: list[web.ServerRunner] = []
        self.cms_url = self.gateway_url = ""

    async def __aenter__(self) -> Self:
        """Open both servers."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both servers and their connections."""
        await self.stop()

    async def start(self) -> None:
        """Open both servers; their addresses are known afterwards."""
        if self._runners:
            raise RuntimeError("the simulator is running already")
        clock = self._given_clock or LoopClock()
        self.world.begin(clock.wall())
        site = self._site = Site(
            seed=self.seed,
            cc_id=self.cc_id,
            world=self.world,
            clock=clock,
            profile=self._profile,
            faults=self._faults,
            script=self._script,
            record=self._record,
            requests=self.requests,
        )
        cms, gateway = self._fronts(site)
        host, cms_port, gateway_port = self._address
        try:
            self.cms_url = await self._serve(cms, host, cms_port)
            self.gateway_url = await self._serve(gateway, host, gateway_port)
        except BaseException:
            await self.stop()
            raise

    def _fronts(self, site: Site) -> tuple[Front, Front]:
        """Make the monitoring server and the gateway; a replay makes others."""
        return Cms(site, *self._checks), Gateway(site, *self._limits)

    @property
    def _checks(self) -> tuple[_KeyPair, _KeyPair, dict[str, Window], dict[str, int], float | None]:
        """What the monitoring server checks: both key pairs, quotas, bad signatures, timestamps."""
        tenant = (self.access_key, self.secret_key)
        global_ = (self.global_access_key, self.global_secret_key)
        return tenant, global_, self._quotas, self._bad_signatures, self._timestamp_window

    @property
    def _limits(self) -> tuple[int, Sessions, Window | None, Window | None]:
        """What the gateway goes by: its VDN, the sessions, the overload control."""
        return self.vdn, self._sessions, self._per_agent, self._in_all

    @classmethod
    def replay(cls, file: str | os.PathLike[str], **options: Any) -> Simulator:
        """Answer like the site whose answers a capture file holds; see `replay.Replay` for the options.

        Raises OSError, and ValueError for a file that is no capture, with the line.
        """
        from .replay import Replay

        return Replay(file, **options)

    async def _serve(self, front: Front, host: str, port: int) -> str:
        server = web.Server(front, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, host, port, backlog=_BACKLOG, ssl_context=self._tls).start()
        return f"{'https' if self._tls else 'http'}://{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close both servers; their ports are free afterwards. It may be started again."""
        while self._runners:
            await self._runners.pop().cleanup()

    def advance(self, seconds: float) -> None:
        """Move the contact center on; its clock has to be a `SteppedClock`, or the time runs by itself."""
        if not isinstance(self._given_clock, SteppedClock):
            raise TypeError("only a contact center with clock=SteppedClock(...) is moved by hand")
        self._given_clock.advance(seconds)
        self._sessions.wake_all()

    @property
    def clock(self) -> Clock:
        """The one clock of the simulator, from its start on."""
        if self._site is None:
            raise RuntimeError("the simulator has not been started")
        return self._site.clock

    @property
    def open_connections(self) -> int:
        """Connections clients hold open to both servers."""
        return sum(len(runner.server.connections) for runner in self._runners if runner.server is not None)


def _key_pair(seed: int, kind: str) -> tuple[str, str]:
    first, second, third = (mix(seed, ord(kind), part) for part in range(3))
    return f"ak{kind}{first:016x}", f"sk{kind}{second:016x}{third:016x}"


def _of(given: _Number | Mapping[int, _Number] | None, vdn: int, default: _Number) -> _Number:
    if isinstance(given, Mapping):
        return given.get(vdn, default)
    return default if given is None else given


def _windows(quota: Limit | Mapping[str, Limit] | None) -> dict[str, Window]:
    if quota is None:
        return {}
    by_name = quota if isinstance(quota, Mapping) else {"*": quota}
    return {name: Window(*limit) for name, limit in by_name.items()}
