"""What a test, a demo or a command line may change about a contact center while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import inf
from typing import TypedDict, Unpack

import attrs
import msgspec

from .faults import Failure, Faults, Script
from .journal import Request
from .living.incidents import Incident, Kind
from .override import Override
from .profiles import Profile, profile_of
from .quota import Window, most_in_any_window
from .sessions import Sessions
from .site import Site
from .world import World


class Odds(TypedDict, total=False):
    """The fields of `Faults`, as keyword arguments."""

    latency: float
    jitter: float
    error_rate: Mapping[int, float]
    throttle_rate: float
    retry_after: str | None
    lockout_after: int | None
    wrong_row_rate: float


class SkillValues(TypedDict, total=False):
    """The fields of `Override`, as keyword arguments."""

    offered: int
    connected: int
    lost: int
    ended: int
    ivr_seconds: int
    connected_in_20s: int
    wrapped_up: int
    wrap_up_seconds: int
    calls_waiting: int
    longest_wait_seconds: int
    average_wait_seconds: int
    average_talk_seconds: int
    name: str
    media_type: int


class Controls:
    """The hand on the contact center; `Simulator` adds its sockets."""

    def __init__(
        self,
        world: World,
        main_vdn: int,
        profile: Profile | str,
        faults: Faults,
        sessions: Sessions,
        windows: list[Window],
    ) -> None:
        self.world = world
        self._main_vdn = main_vdn
        self.requests: list[Request] = []
        """Every request in order of arrival, refused ones too."""
        self._profile, self._faults = profile_of(profile), faults
        self._sessions, self._windows = sessions, windows
        self._script = Script()
        self._bad_signatures: dict[str, int] = {}
        self._site: Site | None = None

    @property
    def profile(self) -> Profile:
        """The habits of the server; may be replaced while running."""
        return self._profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._profile = profile
        if self._site is not None:
            self._site.reshape(profile)

    def use_profile(self, profile: Profile | str) -> None:
        """Take on other habits, by name or as a `Profile`."""
        self.profile = profile_of(profile)

    @property
    def faults(self) -> Faults:
        """The standing odds of trouble; replace the object to change them while running."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        if self._site is not None:
            self._site.faults = faults

    def set_faults(self, **odds: Unpack[Odds]) -> None:
        """Change some of the standing odds."""
        self.faults = attrs.evolve(self._faults, **odds)

    def fail(
        self,
        interface: str,
        status: int | None = None,
        times: int | None = 3,
        *,
        code: str | None = None,
        text: str = "",
        retry_after: str | float | None = None,
        body: bytes | str | dict[str, object] | list[object] | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        disconnect: bool = False,
    ) -> None:
        """Lay down failures for the next `times` requests of an interface (None: until `clear_failures`).

        `status` is 503, but 200 with a `code`, a `body`, or only a `delay`, which leaves the answer as it is.
        `disconnect` cuts the connection in place of an answer. It happens before any signature is checked.
        """
        if status is None:
            status = 200 if code is not None or body is not None or delay else 503
        if isinstance(body, str):
            body = body.encode()
        elif body is not None and not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        failure = Failure(
            status=status,
            code=code,
            text=text,
            retry_after=None if retry_after is None else str(retry_after),
            body=body,
            headers=headers or {},
            delay=delay,
            disconnect=disconnect,
        )
        self._script.add(interface, failure, times)

    def clear_failures(self, interface: str | None = None) -> None:
        """Forget what `fail` has laid down, for one interface or for all."""
        self._script.clear(interface)

    def set_skill(self, vdn: int, skill_id: int, **values: Unpack[SkillValues]) -> None:
        """Lay down values of one skill queue, seen by call statistics and states alike until cleared.

        What is not given follows from offered and connected. A skill queue that does not exist is made.
        System indicators of the VDN do not change. A second call replaces the first.
        """
        self.world.override(vdn, skill_id, Override(**values))

    def clear_skill(self, vdn: int, skill_id: int) -> None:
        """Take back what `set_skill` has laid down."""
        self.world.override(vdn, skill_id, None)

    def incident(
        self,
        kind: Kind,
        *,
        at: datetime | float,
        until: datetime | float = inf,
        vdn: int | None = None,
        skill_id: int | None = None,
        agent_id: int | None = None,
        task_id: str | None = None,
        times: float | None = None,
    ) -> None:
        """Let something happen in a living world, from `at` until `until` (aware instants or epoch seconds).

        * "queue loses its agents" (`skill_id`): calls under way go on, no new one is taken.
        * "arrivals multiply" (`times`, `skill_id` or the whole VDN): 3.0 is three times as many, 0.0 none.
        * "agent hangs in wrap-up" (`agent_id`): from `at`, or from the end of the call or break.
        * "task stands still" (`task_id`): no number is dialled.
        * "agents sign out": all of the VDN, those in a call when it is wrapped up.

        Raises ValueError for what does not exist, or when this VDN has already been seen past `at`;
        TypeError when the world is not a living one.
        """
        self.world.incident(
            Incident(
                kind=kind,
                vdn=self._main_vdn if vdn is None else vdn,
                at=_seconds(at),
                until=_seconds(until),
                skill_id=skill_id,
                agent_id=agent_id,
                task_id=task_id,
                times=times,
            )
        )

    @property
    def task_ids(self) -> tuple[str, ...]:
        """Ids of the outbound tasks."""
        return self.world.task_ids

    @property
    def guids(self) -> dict[int, str]:
        """The newest GUID of every agent with a session on the gateway."""
        return self._sessions.guids()

    def rotate_guid(self, agent_id: int) -> str:
        """Give an agent a new GUID, announced by `Set-GUID` on the next answer; the old one stays valid."""
        return self._sessions.rotate(agent_id)

    def password_of(self, agent_id: int) -> str:
        """Return the password an agent signs in with at the gateway (made up, like all of this)."""
        return self._sessions.password(agent_id)

    @property
    def free_agents(self) -> tuple[int, ...]:
        """Ids of the gateway's VDN without a session: those that can sign in without forcing anybody out."""
        team = self.world.team(self._main_vdn)
        ids, taken = range(team.first_id, team.first_id + team.size), self._sessions.guids()
        return tuple(agent_id for agent_id in ids if agent_id not in taken)

    def sign_in(self, agent_id: int) -> str:
        """Begin the gateway session of a person at work and return its GUID; one that was there ends.

        Such a session is kept alive by the agent's own desktop: it does not end by silence, and its GUID
        changes with `rotate_guid` only. Agents who sign in by request follow all the gateway's rules.

        Raises ValueError for an agent who is not of the gateway's VDN.
        """
        if self.world.team(self._main_vdn).index_of(agent_id) is None:
            raise ValueError(f"agent {agent_id} is not of VDN {self._main_vdn}")
        return self._sessions.sign_in(agent_id)

    def sign_out(self, agent_id: int) -> None:
        """End an agent's gateway session: 100-006 from now on."""
        self._sessions.sign_out(agent_id)

    def unlock(self) -> None:
        """Forget bad signatures, so that locked addresses are let in again."""
        self._bad_signatures.clear()

    @property
    def over_quota(self) -> int:
        """Arrivals beyond a quota so far, the gateway's overload control included."""
        return sum(window.over for window in self._windows)

    def most_in_any_window(self, seconds: float, interface: str | None = None) -> int:
        """Return the most requests of the journal (of one interface) that arrived within any such window."""
        times = [each.time for each in self.requests if interface in (None, each.interface)]
        return most_in_any_window(times, seconds)


def _seconds(moment: datetime | float) -> float:
    """Return a moment as epoch seconds."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.timestamp()
