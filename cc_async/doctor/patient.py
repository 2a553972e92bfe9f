"""Who is examined: the site, the way to it, and what the steps have found out for each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen
from yarl import URL

from cc_async.contract.spec import Shape
from cc_async.doctor.line import Answer, Line
from cc_async.errors import ConfigError
from cc_async.session.clock import Clock
from cc_async.session.timeouts import Timeouts
from cc_async.settings import Site


@frozen
class Limits:
    """How long the doctor waits, in seconds."""

    connect: float = 10.0
    """Name look-up, one TCP connection, one TLS handshake: each."""
    answer: float = 30.0
    """One answer."""


@define(eq=False)
class Patient:
    """One site under examination; make it with ``of``."""

    site: Site
    clock: Clock
    limits: Limits
    line: Line
    task_id: str | None = None
    settings: dict[str, Any] = field(factory=dict)
    """Keys of the site's table that should be set."""
    hosts: set[str] = field(factory=set)
    """Names and addresses met on the way."""
    first: Answer | None = None
    """The first answer of the server."""
    answers: dict[str, Answer] = field(factory=dict)
    """One good answer of each interface."""
    shape: Shape = field(factory=Shape)
    """How this host wants its requests."""
    has_global: bool = False
    """True once an interface of the global key has answered."""

    @classmethod
    def of(
        cls, site: Site, clock: Clock, limits: Limits = Limits(), *, task_id: str | None = None
    ) -> Patient:
        """Take a site; raises ConfigError for one that no client could be made of."""
        timeouts = Timeouts(connect=limits.connect, read=limits.answer, attempt=limits.answer)
        try:
            line = Line(site, clock, timeouts)
        except ConfigError:
            raise
        except (TypeError, ValueError) as error:  # a key that cannot be one
            raise ConfigError(str(error), hint="correct the settings of the site") from None
        hosts = {URL(site.cms_url or "").raw_host or ""}
        if site.host is not None:
            hosts.update((site.host, site.host.rpartition(":")[0]))
        return cls(site, clock, limits, line, task_id, hosts=hosts)

    @property
    def url(self) -> URL:
        """Where the server is."""
        return URL(self.site.cms_url or "")

    @property
    def global_key(self) -> str:
        """Which key pair asks the interfaces of the global key."""
        both = self.site.global_access_key and self.site.global_secret_key
        return "global" if both else "tenant"

    async def change(self, **settings: Any) -> None:
        """Go on with other settings of the site."""
        self.site = evolve(self.site, **settings)
        await self.line.use(self.site)

    def scope(self, **params: Any) -> Mapping[str, Any]:
        """Return the parameters of a request about the site's VDN."""
        return {"ccId": self.site.cc_id, "vdn": self.site.vdn, **params}

    async def ask(self, interface: str, params: Mapping[str, Any], **options: Any) -> Answer:
        """Ask in the shape this host wants; a good answer is kept for the steps that follow."""
        answer = await self.line.ask(interface, params, options.pop("shape", self.shape), **options)
        if answer.error is None and len(answer.rows) >= len(self._kept(interface)):
            self.answers[interface] = answer
        return answer

    def _kept(self, interface: str) -> tuple[Any, ...]:
        kept = self.answers.get(interface)
        return () if kept is None else kept.rows
