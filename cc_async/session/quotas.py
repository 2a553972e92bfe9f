"""Which quota a request counts against: the client's setting, or what is published for the interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from cc_async.contract.endpoints import name_of
from cc_async.contract.spec import Endpoint, Quota
from cc_async.session.pacer import PaceKey

QuotaSetting = Quota | Mapping[str, Quota | None] | None
"""One quota for each interface, a mapping from method name, path or ``"*"``, or None for no pacing."""


class Quotas:
    """The quotas of one client, kept per interface (and per agent where that is published)."""

    __slots__ = ("_agents", "_by_name", "_rest")

    def __init__(
        self, setting: QuotaSetting, *, default: Quota | None = None, known: Iterable[Endpoint[Any]] = ()
    ) -> None:
        """Read a setting; ``default`` stands for interfaces that a mapping without ``"*"`` leaves out.

        Raises:
            TypeError: neither a Quota, a mapping of them, nor None.
            ValueError: a mapping names an interface nobody knows.
        """
        self._agents = setting is not None
        self._by_name: dict[str, Quota | None] = {}
        self._rest: Quota | None = None
        if isinstance(setting, Quota):
            self._rest = setting
        elif isinstance(setting, Mapping):
            self._rest = default
            self._read(setting, list(known))
        elif setting is not None:
            raise TypeError(
                f"quota must be a Quota, a mapping of names to Quota, or None, not {type(setting).__name__}: "
                "quota=Quota(10, per=1.0)"
            )

    def _read(self, setting: Mapping[str, Quota | None], known: list[Endpoint[Any]]) -> None:
        names = {endpoint.name for endpoint in known}
        for name, quota in setting.items():
            if not isinstance(name, str) or not (quota is None or isinstance(quota, Quota)):
                raise TypeError("quota must map a method name, a path or '*' to a Quota or None")
            if name == "*":
                self._rest = quota
                continue
            if name not in names and "/" not in name:
                raise ValueError(
                    f"quota names an unknown interface {name!r}; "
                    f"known are {', '.join(sorted(names))}, a path, or '*'"
                )
            self._by_name[name_of(name) if "/" in name else name] = quota

    @property
    def shared(self) -> str | None:
        """The file in which all quotas of the client are counted, or None.

        Raises:
            ValueError: two files are named; one client counts in one.
        """
        quotas = (self._rest, *self._by_name.values())
        files = {str(quota.shared) for quota in quotas if quota is not None and quota.shared is not None}
        if len(files) > 1:
            raise ValueError(f"quota names several shared files ({', '.join(sorted(files))}); name one")
        return min(files, default=None)

    def of(self, endpoint: Endpoint[Any]) -> Quota | None:
        """The quota of an interface, or None when it is not paced."""
        return self._by_name.get(endpoint.name, self._rest)

    def wants(
        self, host: str, identity: str, endpoint: Endpoint[Any], agent_id: int | None
    ) -> tuple[tuple[PaceKey, Quota | None], ...]:
        """What a request needs a slot of: the agent's own quota first, then the system's.

        Published limits count some interfaces together; a quota that was set is of one interface.
        """
        own, quota = (host, identity, endpoint.name), self.of(endpoint)
        if agent_id is None or endpoint.agent_quota is None or not self._agents:
            return ((own, quota),)
        together = (host, identity, endpoint.counted_with or endpoint.name)
        agent = ((*together, str(agent_id)), endpoint.agent_quota)
        if together == own or not _is_published(quota, endpoint):
            return agent, (own, quota)
        # Without a quota the interface's own pauses and locks hold.
        return agent, (own, None), (together, quota)


def _is_published(quota: Quota | None, endpoint: Endpoint[Any]) -> bool:
    published = endpoint.quota
    return quota is not None and published is not None and evolve(quota, shared=None) == published
