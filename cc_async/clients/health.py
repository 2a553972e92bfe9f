"""How a client is doing, read without any I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import field, frozen

from cc_async.clients.core import Core
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Host
from cc_async.session.session import Session


@frozen
class Health:
    """The state of one client at one host; nothing was sent to find out."""

    ok: bool
    """True while the breaker is closed, no credential is locked, and the last answer was a good one."""
    breaker: str = "closed"
    """``closed``, ``open`` or ``half-open``."""
    last_success_age: float | None = None
    """Seconds since the last good answer; None: there was none yet."""
    locked_until: Mapping[str, datetime] = field(factory=dict, hash=False)
    """Interfaces whose credential is locked after a 401, and until when (aware, UTC)."""
    clock_offset: float | None = None
    """Seconds the server's clock is ahead of ours, to about a second; None: no answer yet."""
    quota_used: Mapping[str, tuple[int, int]] = field(factory=dict, hash=False)
    """Slots counted now and the limit, by interface; interfaces not in use are left out."""
    in_flight: int = 0
    """Requests being sent or answered."""
    calls: int = 0
    """Calls under way."""
    retry_budget: int = 0
    """Tokens left for retries; 0: nothing is retried until something succeeds."""


def health_of(core: Core, host: Host) -> Health:
    """Read the state of a client."""
    session = core.session
    if session is None:
        return Health(ok=not core.closed, retry_budget=core.budget.left)
    clock, exchange = session.clock, session.exchange
    now = clock.monotonic()
    locked: dict[str, datetime] = {}
    used: dict[str, tuple[int, int]] = {}
    for endpoint in ENDPOINTS.values():
        if endpoint.host is not host:
            continue
        credential = (session.host, session.credentials[endpoint.needs].identity)
        lock = session.pacer.locked(credential, endpoint.name)
        if lock is not None:
            locked[endpoint.name] = datetime.fromtimestamp(clock.wall() + lock.until - now, UTC)
        counted = session.pacer.used((*credential, endpoint.name))
        if counted[1]:
            used[endpoint.name] = counted
    breaker = exchange.circuit.state
    last = exchange.last_success
    return Health(
        ok=not core.closed and breaker == "closed" and not locked and _last_was_good(session),
        breaker=breaker,
        last_success_age=None if last is None else now - last,
        locked_until=locked,
        clock_offset=session.memory.clock_offset,
        quota_used=used,
        in_flight=exchange.in_flight,
        calls=core.calls,
        retry_budget=session.budget.left,
    )


def _last_was_good(session: Session) -> bool:
    failure, success = session.exchange.last_failure, session.exchange.last_success
    return failure is None or (success is not None and success >= failure)
