"""Every metric with its type, unit, labels and help: collector, rules and dashboard are made from this."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from attrs import frozen

Kind = Literal["counter", "gauge", "histogram", "info"]
Unit = Literal["", "seconds", "ratio"]


@frozen
class Definition:
    """One metric. Labels are numbers and words of this library, and the names of queues; never of people."""

    name: str
    """As PromQL has it: counters end in ``_total``, what has a unit in that."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: Unit = ""

    def __str__(self) -> str:
        return self.name


def _counter(name: str, text: str, labels: tuple[str, ...] = (), unit: Unit = "") -> Definition:
    return Definition(f"cc_async_{name}_total", "counter", text, labels, unit)


def _gauge(name: str, text: str, labels: tuple[str, ...] = (), unit: Unit = "") -> Definition:
    return Definition(f"cc_async_{name}", "gauge", text, labels, unit)


_QUEUE = ("vdn", "skill_id")
_WINDOW = (*_QUEUE, "window")
_INTERFACE = ("interface",)

# Queues: calls since the sums began. They survive a restart as the state of the Stitcher does.

_SUM = "stitched over the 5-minute buckets; survives a restart"
OFFERED = _counter("queue_offered_calls", f"Calls offered to the queue, {_SUM}", _QUEUE)
CONNECTED = _counter("queue_connected_calls", f"Calls connected to agents, {_SUM}", _QUEUE)
CONNECTED_IN_20S = _counter(
    "queue_connected_in_20s_calls", f"Calls connected within 20 seconds, {_SUM}", _QUEUE
)
ENDED = _counter("queue_ended_calls", f"Calls that ended, {_SUM}", _QUEUE)
WRAPPED_UP = _counter("queue_wrapped_up_calls", f"Calls that were wrapped up, {_SUM}", _QUEUE)
WRAP_UP_SECONDS = _counter("queue_wrap_up_seconds", f"Time spent on wrap-up, {_SUM}", _QUEUE, "seconds")
IVR_SECONDS = _counter("queue_ivr_seconds", f"Time callers spent in the IVR, {_SUM}", _QUEUE, "seconds")
SUMS_COVERAGE = _gauge(
    "queue_sums_coverage_ratio",
    "Share of the time since the sums began that was seen; calls of the rest are not in them",
    _QUEUE,
    "ratio",
)

# Queues: the last closed 5 minutes (window="5m") and the closed half hour before now (window="30m").

SERVICE_LEVEL = _gauge(
    "queue_service_level_ratio", "Connected within 20 seconds, of offered; lost calls count against it",
    _WINDOW, "ratio",
)  # fmt: skip
LOST_RATE = _gauge(
    "queue_lost_ratio",
    "Offered minus connected, of offered; not the abandonment rate, and below 0 in a window that connects "
    "calls offered before it",
    _WINDOW,
    "ratio",
)
WINDOW_OFFERED = _gauge("queue_window_offered_calls", "Calls offered in the closed window", _WINDOW)
WINDOW_COVERAGE = _gauge(
    "queue_window_coverage_ratio", "Share of the closed window that was seen", _WINDOW, "ratio"
)

# Queues: now, as the server reports it.

CALLS_WAITING = _gauge("queue_calls_waiting", "Calls waiting in the queue", _QUEUE)
LONGEST_WAIT = _gauge(
    "queue_longest_wait_seconds", "Longest wait, as reported for 5 minutes", _QUEUE, "seconds"
)
AVERAGE_WAIT = _gauge(
    "queue_average_wait_seconds", "Average wait, as reported for 5 minutes; never average it over queues",
    _QUEUE, "seconds",
)  # fmt: skip
AVERAGE_TALK = _gauge(
    "queue_average_talk_seconds", "Average talk, as reported for 5 minutes; never average it over queues",
    _QUEUE, "seconds",
)  # fmt: skip
_EACH = "an agent of several queues is in each of them: never add queues"
QUEUE_AGENTS = _gauge("queue_agents", f"Agents signed in to the queue by state; {_EACH}", (*_QUEUE, "state"))
SIGNED_IN = _gauge("queue_signed_in_agents", f"Agents signed in to the queue; {_EACH}", _QUEUE)
AVAILABLE = _gauge("queue_available_agents", f"Agents who can take a call of the queue; {_EACH}", _QUEUE)
QUEUE_INFO = Definition("cc_async_queue_info", "info", "The name of a queue", (*_QUEUE, "queue"))

# VDNs and outbound tasks.

AGENTS = _gauge(
    "agents", "Distinct agents by state: each once, however many queues it serves", ("vdn", "state")
)
_CLOSED = "in the newest closed 5 minutes"
VDN_ONLINE = _gauge(
    "vdn_online_agents", f"Agents online {_CLOSED}, those who take no inbound calls included", ("vdn",)
)
VDN_INBOUND = _gauge("vdn_inbound_calls", f"Inbound calls {_CLOSED}", ("vdn",))
VDN_CONNECTED = _gauge("vdn_connected_calls", f"Inbound calls connected to agents {_CLOSED}", ("vdn",))
VDN_OUTBOUND = _gauge("vdn_outbound_calls", f"Outbound calls {_CLOSED}", ("vdn",))
TASK_ATTEMPTS = _gauge("task_attempts", "Attempts of the outbound task today", ("task_id", "outcome"))
TASK_NUMBERS = _gauge("task_numbers", "Numbers of the outbound task today by state", ("task_id", "state"))

# The watching itself.

UP = _gauge("up", "1: the last asking of the interface brought data; 0: it brought nothing", _INTERFACE)
SAMPLE_AGE = _gauge(
    "sample_age_seconds", "Age of the newest data; live figures older than 10 minutes are left out",
    _INTERFACE, "seconds",
)  # fmt: skip
SAMPLE_COVERAGE = _gauge(
    "sample_coverage_ratio", "Share of what was asked that the newest data holds", _INTERFACE, "ratio"
)
BEATS = _counter("beats", "Askings by what they brought: all, part or none", (*_INTERFACE, "brought"))
BEATS_MISSED = _counter("beats_missed", "Askings that were left out or overtaken", _INTERFACE)
BUCKETS_MISSED = _counter("buckets_missed", "Closed buckets of a queue without any sample")
ROWS_REFUSED = _counter("stitch_refused_rows", "Rows of call statistics whose bucket cannot be told")
ALERTS = _counter("alerts", "Alerts by rule and turn: raised or cleared", ("rule", "turn"))

# Requests to the server.

REQUESTS = _counter(
    "requests", "Attempts by HTTP status and error class; both empty where there was none",
    (*_INTERFACE, "status", "error"),
)  # fmt: skip
REQUEST_SECONDS = Definition(
    "cc_async_request_duration_seconds", "histogram", "Time of one attempt until its whole answer was read",
    _INTERFACE, "seconds",
)  # fmt: skip
RETRIES = _counter("retries", "Attempts that failed and were repeated", (*_INTERFACE, "error"))
PAUSES = _counter("throttle_pauses", "Pauses the server asked for", _INTERFACE)
PAUSE_SECONDS = _counter("throttle_pause_seconds", "Time of those pauses", _INTERFACE, "seconds")
ROWS = _counter("rows", "Rows received", _INTERFACE)
ROWS_DROPPED = _counter("rows_dropped", "Rows not kept, by reason", (*_INTERFACE, "reason"))
ROWS_REJECTED = _counter("rows_rejected", "Rows that could not be read", _INTERFACE)
CALLS = _counter("calls", "Questions by what they brought: all, part or none", (*_INTERFACE, "brought"))
CALLS_OPEN = _gauge("calls_in_progress", "Questions under way", _INTERFACE)
BREAKER_OPENINGS = _counter("breaker_openings", "Times the breaker of a host opened", ("host",))
CREDENTIAL_LOCKS = _counter(
    "credential_locks", "Times a 401 locked the credential; * is everywhere", _INTERFACE
)

# The state of the client, at the moment of the scrape.

CLIENT_OK = _gauge("client_ok", "1: breaker closed, nothing locked, and the last answer was a good one")
BREAKER_OPEN = _gauge("breaker_open", "1: the breaker of the host is open or half-open")
LOCKED = _gauge("credential_locked", "1: the credential is locked for the interface after a 401", _INTERFACE)
LAST_SUCCESS = _gauge("last_success_age_seconds", "Time since the last good answer", (), "seconds")
QUOTA_USED = _gauge("quota_used_requests", "Slots of the quota that are counted now", _INTERFACE)
QUOTA_LIMIT = _gauge("quota_limit_requests", "Slots of the quota", _INTERFACE)
IN_FLIGHT = _gauge("requests_in_flight", "Requests being sent or answered")
RETRY_BUDGET = _gauge("retry_budget_tokens", "Tokens left for retries; 0: nothing is retried")
CLOCK_OFFSET = _gauge("clock_offset_seconds", "The server's clock ahead of ours, to a second", (), "seconds")
BUILD_INFO = Definition("cc_async_build_info", "info", "The release of cc_async", ("version",))

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {made.name: made for made in tuple(globals().values()) if isinstance(made, Definition)}
)
"""Every metric by its name, in the order of this file."""
