"""Alert rules for Prometheus, made from the table of metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import frozen

from cc_async.integrations import prometheus_definitions as of

LEAST_OFFERED = 20
"""Calls in 5 minutes below which nothing is said about a queue."""

# A queue of one process; joining by it keeps several contact centers apart.
_ON = "on (job, instance, vdn, skill_id)"
_NAMED = f"* {_ON} group_left (queue) {of.QUEUE_INFO}"
_ENOUGH = f'and {_ON} {of.WINDOW_OFFERED}{{window="5m"}} >= {LEAST_OFFERED}'
_QUEUE = "{{ $labels.queue }} (VDN {{ $labels.vdn }})"
_SHARE = "{{ $value | humanizePercentage }}"
_FOR = "{{ $value | humanizeDuration }}"
_INTERFACE = "{{ $labels.interface }}"


@frozen
class Rule:
    """One alert rule."""

    name: str
    expr: str
    lasts: str
    """How long it has to hold, as Prometheus writes durations."""
    severity: str
    summary: str
    advice: str


RULES: Sequence[Rule] = (
    Rule(
        "CcAsyncServiceLevelLow",
        f'({of.SERVICE_LEVEL}{{window="5m"}} < 0.8 {_ENOUGH}) {_NAMED}',
        "6m",  # the closed window changes every 5 minutes: two of them in a row
        "warning",
        f"{_QUEUE}: {_SHARE} within 20 s",
        f"Two closed 5 minutes in a row with {LEAST_OFFERED} calls offered or more.",
    ),
    Rule(
        "CcAsyncLostRateHigh",
        f'({of.LOST_RATE}{{window="5m"}} > 0.05 {_ENOUGH}) {_NAMED}',
        "6m",
        "warning",
        f"{_QUEUE}: {_SHARE} lost",
        "Offered minus connected: disconnects and hang-ups of agents are in it.",
    ),
    Rule(
        "CcAsyncNoIdleAgent",
        f'({of.QUEUE_AGENTS}{{state="idle"}} == 0 and {_ON} {of.CALLS_WAITING} > 0) {_NAMED}',
        "5m",
        "warning",
        f"{_QUEUE}: calls wait and no agent is idle",
        "Look at who is not ready or resting.",
    ),
    Rule(
        "CcAsyncNoData",
        f"{of.SAMPLE_AGE} > 600",
        "1m",
        "critical",
        f"{_INTERFACE}: nothing for {_FOR}",
        "Figures of it are old or absent: an empty board is not a quiet contact center.",
    ),
    Rule(
        "CcAsyncAskingFails",
        f"{of.UP} == 0",
        "10m",
        "critical",
        f"{_INTERFACE}: every asking fails",
        f"See {of.REQUESTS} for the status and the error, or run cc-async doctor.",
    ),
    Rule(
        "CcAsyncDataIncomplete",
        f"{of.SAMPLE_COVERAGE} < 0.99",
        "15m",
        "warning",
        f"{_INTERFACE}: only {_SHARE} of what is asked comes",
        "Some parts fail again and again, or rows cannot be read.",
    ),
    Rule(
        "CcAsyncCallsUnseen",
        f'min by (job, instance, vdn) ({of.WINDOW_COVERAGE}{{window="5m"}}) < 0.9',
        "11m",  # three closed windows in a row; the first after a start is seen in part only
        "warning",
        "VDN {{ $labels.vdn }}: " + f"only {_SHARE} of the last 5 minutes was seen",
        "Calls of the rest are missing in sums and figures: ask closer to the end of each 5 minutes.",
    ),
    Rule(
        "CcAsyncBreakerOpen",
        f"{of.BREAKER_OPEN} == 1",
        "1m",
        "critical",
        "The server of the contact center does not answer as it should",
        "Requests are held back and one at a time tests whether it is back.",
    ),
    Rule(
        "CcAsyncCredentialLocked",
        f"{of.LOCKED} == 1",
        "0s",  # each further 401 brings the lock-out of the address nearer
        "critical",
        f"{_INTERFACE}: the server rejected the signature (401)",
        "Correct the key, or the clock: nothing is sent until the lock ends.",
    ),
    Rule(
        "CcAsyncQuotaSaturated",
        f"{of.QUOTA_USED} / {of.QUOTA_LIMIT} >= 0.95",
        "10m",
        "warning",
        f"{_INTERFACE}: {_SHARE} of the quota is used all the time",
        "Questions wait for each other: ask less often, or for a larger quota.",
    ),
    Rule(
        "CcAsyncThrottled",
        f"increase({of.PAUSES}[15m]) > 3",
        "0s",
        "warning",
        f"{_INTERFACE}: the server asks for fewer requests",
        "Somebody else uses the same quota, or it is smaller than the one that is set.",
    ),
    Rule(
        "CcAsyncRequestsFail",
        f'sum by (job, instance) (rate({of.REQUESTS}{{error!=""}}[10m])) '
        f"/ sum by (job, instance) (rate({of.REQUESTS}[10m])) > 0.5",
        "10m",
        "warning",
        f"{_SHARE} of the requests fail",
        f"See {of.REQUESTS} for the status and the error.",
    ),
    Rule(
        "CcAsyncRowsRejected",
        f"increase({of.ROWS_REJECTED}[15m]) > 0",
        "0s",
        "warning",
        f"{_INTERFACE}: rows cannot be read",
        "The server speaks differently than documented: run cc-async doctor.",
    ),
    Rule(
        "CcAsyncClockOff",
        f"abs({of.CLOCK_OFFSET}) > 60",
        "5m",
        "warning",
        f"The server's clock is {_FOR} off ours",
        "Signatures carry the time: set the clock before the server rejects them.",
    ),
    Rule(
        "CcAsyncGone",
        f"absent({of.BUILD_INFO})",
        "5m",
        "critical",
        "Nothing of cc_async is scraped any more",
        "Is cc-async serve running, and is the target of Prometheus right?",
    ),
)


def rules_file() -> str:
    """The rules as a file for ``rule_files``: YAML in the spelling of JSON."""
    rules = [
        {
            "alert": rule.name,
            "expr": rule.expr,
            "for": rule.lasts,
            "labels": {"severity": rule.severity},
            "annotations": {"summary": rule.summary, "description": rule.advice},
        }
        for rule in RULES
    ]
    return json.dumps({"groups": [{"name": "cc_async", "rules": rules}]}, indent=2, ensure_ascii=False) + "\n"
