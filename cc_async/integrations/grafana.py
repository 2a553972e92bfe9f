"""A Grafana dashboard, made from the table of metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import frozen

from cc_async.integrations import prometheus_definitions as of
from cc_async.integrations.prometheus_definitions import Definition, Unit

COLUMNS = 24
"""Width of a dashboard, as Grafana counts."""

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_UNITS: Mapping[Unit, str] = {"ratio": "percentunit", "seconds": "s", "": "short"}
_SITE = 'job=~"$job", instance=~"$instance"'
_VDN = f'{_SITE}, vdn=~"$vdn"'
_NAMED = f'* on (job, instance, vdn, skill_id) group_left (queue) {of.QUEUE_INFO}{{{_VDN}, queue=~"$queue"}}'
_QUEUE, _INTERFACE = "{{queue}}", "{{interface}}"


@frozen
class Panel:
    """One picture; its unit and description are those of its metric."""

    title: str
    metric: Definition
    expr: str
    legend: str
    kind: Literal["timeseries", "bargauge", "stat"] = "timeseries"
    width: int = 12
    threshold: float | None = None
    """Where good turns into bad; from there on red."""
    good_above: bool = False
    stacked: bool = False
    unit: Unit | None = None
    """That of the expression, where it is another one."""


def _by_queue(metric: Definition, more: str = "") -> str:
    """The expression of a metric of queues, with their names."""
    return f"{metric}{{{_VDN}{more}}} {_NAMED}"


def _highest(metric: Definition) -> str:
    """The queues where a metric is highest."""
    return f"topk(15, {_by_queue(metric)})"


def _an_hour(metric: Definition) -> str:
    """A counter of calls as calls an hour: beats come minutes apart, so it is taken over half an hour."""
    return f"3600 * rate({metric}{{{_VDN}}}[30m]) {_NAMED}"


SECTIONS: Mapping[str, Sequence[Panel]] = {
    "Queues now": (
        Panel("Calls waiting", of.CALLS_WAITING, _highest(of.CALLS_WAITING), _QUEUE, "bargauge"),
        Panel("Longest wait", of.LONGEST_WAIT, _highest(of.LONGEST_WAIT), _QUEUE, "bargauge"),
        Panel(
            "Service level, last closed 5 minutes", of.SERVICE_LEVEL,
            _by_queue(of.SERVICE_LEVEL, ', window="5m"'), _QUEUE, threshold=0.8, good_above=True,
        ),
        Panel(
            "Service level, closed half hour", of.SERVICE_LEVEL,
            _by_queue(of.SERVICE_LEVEL, ', window="30m"'), _QUEUE, threshold=0.8, good_above=True,
        ),
        Panel(
            "Lost, closed half hour", of.LOST_RATE, _by_queue(of.LOST_RATE, ', window="30m"'), _QUEUE,
            threshold=0.05,
        ),
        Panel(
            "Seen of the half hour", of.WINDOW_COVERAGE, _by_queue(of.WINDOW_COVERAGE, ', window="30m"'),
            _QUEUE, threshold=0.9, good_above=True,
        ),
        Panel("Offered calls an hour", of.OFFERED, _an_hour(of.OFFERED), _QUEUE),
        Panel("Connected calls an hour", of.CONNECTED, _an_hour(of.CONNECTED), _QUEUE),
    ),
    "Agents": (
        Panel("Agents by state", of.AGENTS, f"{of.AGENTS}{{{_VDN}}}", "{{vdn}} {{state}}", stacked=True),
        Panel(
            "Idle agents of a queue", of.QUEUE_AGENTS, _by_queue(of.QUEUE_AGENTS, ', state="idle"'), _QUEUE
        ),
    ),
    "Data": (
        Panel("Age of the data", of.SAMPLE_AGE, f"{of.SAMPLE_AGE}{{{_SITE}}}", _INTERFACE, threshold=600),
        Panel(
            "Share of what is asked that comes", of.SAMPLE_COVERAGE, f"{of.SAMPLE_COVERAGE}{{{_SITE}}}",
            _INTERFACE, threshold=0.99, good_above=True,
        ),
    ),
    "Requests": (
        Panel("Breaker", of.BREAKER_OPEN, f"{of.BREAKER_OPEN}{{{_SITE}}}", "{{instance}}", "stat", 6, 1),
        Panel(
            "Locked credentials", of.LOCKED, f"sum by (instance) ({of.LOCKED}{{{_SITE}}})", "{{instance}}",
            "stat", 6, 1,
        ),
        Panel(
            "Quota used", of.QUOTA_USED, f"{of.QUOTA_USED}{{{_SITE}}} / {of.QUOTA_LIMIT}{{{_SITE}}}",
            _INTERFACE, threshold=0.95, unit="ratio",
        ),
        Panel(
            "Requests a second", of.REQUESTS,
            f"sum by (interface, status, error) (rate({of.REQUESTS}{{{_SITE}}}[5m]))",
            "{{interface}} {{status}} {{error}}",
        ),
        Panel(
            "Time of 95 % of the requests", of.REQUEST_SECONDS,
            f"histogram_quantile(0.95, sum by (interface, le) "
            f"(rate({of.REQUEST_SECONDS}_bucket{{{_SITE}}}[5m])))",
            _INTERFACE,
        ),
        Panel(
            "Retries a minute", of.RETRIES,
            f"60 * sum by (interface, error) (rate({of.RETRIES}{{{_SITE}}}[5m]))", "{{interface}} {{error}}",
        ),
        Panel("Pauses in 15 minutes", of.PAUSES, f"increase({of.PAUSES}{{{_SITE}}}[15m])", _INTERFACE),
    ),
}  # fmt: skip


def dashboard() -> str:
    """The dashboard as JSON, ready for import; it asks for nothing but the data source."""
    made = {
        "uid": "cc-async",
        "title": "Contact center",
        "tags": ["cc_async"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    for name, metric, chosen in (
        ("job", of.BUILD_INFO, ""),
        ("instance", of.BUILD_INFO, 'job=~"$job"'),
        ("vdn", of.QUEUE_INFO, _SITE),
        ("queue", of.QUEUE_INFO, _VDN),
    ):
        yield {
            "name": name,
            "label": name.capitalize() if name != "vdn" else "VDN",
            "type": "query",
            "datasource": _SOURCE,
            "query": {"query": f"label_values({metric}{{{chosen}}}, {name})", "refId": name},
            "refresh": 2,
            "includeAll": True,
            # Thousands of queues one by one would be too long for a question, and a VDN may have no number.
            "allValue": ".*",
            "multi": True,
            "sort": 1,
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def _panels() -> Iterator[dict[str, Any]]:
    """Every panel in its place, row by row from left to right."""
    number = top = 0
    for title, panels in SECTIONS.items():
        number += 1
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        top, left = top + 1, 0
        for panel in panels:
            if left + panel.width > COLUMNS:
                top, left = top + 8, 0
            number += 1
            yield _drawn(panel, number, {"x": left, "y": top, "w": panel.width, "h": 8})
            left += panel.width
        top += 8


def _drawn(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    below, above = ("red", "green") if panel.good_above else ("green", "red")
    steps: list[dict[str, Any]] = [{"color": "green" if panel.threshold is None else below, "value": None}]
    if panel.threshold is not None:
        steps.append({"color": above, "value": panel.threshold})
    live = panel.kind != "timeseries"
    custom: dict[str, Any] = {
        "fillOpacity": 30 if panel.stacked else 0,
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "off" if panel.threshold is None else "line"},
    }
    defaults = {
        "unit": _UNITS[panel.metric.unit if panel.unit is None else panel.unit],
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.metric.help,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults if live else {**defaults, "custom": custom}, "overrides": []},
        "targets": [
            {
                "refId": "A",
                "datasource": _SOURCE,
                "expr": panel.expr,
                "legendFormat": panel.legend,
                "instant": live,
                "range": not live,
            }
        ],
    }
