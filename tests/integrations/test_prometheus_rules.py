"""Rules and dashboard: valid for Prometheus' own tools, firing when they should, about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from exposed import Still, beat
from prometheus_client import Metric

from cc_async import Batch, SkillState
from cc_async.integrations.grafana import COLUMNS, dashboard
from cc_async.integrations.prometheus import Metrics
from cc_async.integrations.prometheus_definitions import DEFINITIONS
from cc_async.integrations.prometheus_rules import RULES, rules_file

README = Path(__file__).parent.parent.parent / "README.md"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (of Prometheus) is not installed")

_HERE = 'job="cc", instance="a:1"'
_QUEUE = f'{_HERE}, vdn="170", skill_id="7"'
_INFO = f'cc_async_queue_info{{{_QUEUE}, queue="Billing"}}'
_LABELS = {"job": "cc", "instance": "a:1"}
_OF_QUEUE = {**_LABELS, "vdn": "170", "skill_id": "7", "queue": "Billing"}
_OF_STATES = {**_LABELS, "interface": "skill_states"}
_STATES = f'{_HERE}, interface="skill_states"'


def offered(calls: int) -> dict[str, str]:
    """A closed window with so many calls, and the queue's name."""
    return {f'cc_async_queue_window_offered_calls{{{_QUEUE}, window="5m"}}': f"{calls}x40", _INFO: "1x40"}


def level(value: str) -> dict[str, str]:
    """Service levels of closed windows."""
    return {f'cc_async_queue_service_level_ratio{{{_QUEUE}, window="5m"}}': value}


def lost(value: str) -> dict[str, str]:
    """Lost rates of closed windows."""
    return {f'cc_async_queue_lost_ratio{{{_QUEUE}, window="5m"}}': value}


def idle(agents: int, waiting: int) -> dict[str, str]:
    """A queue with so many idle agents and calls waiting."""
    return {
        f'cc_async_queue_agents{{{_QUEUE}, state="idle"}}': f"{agents}x40",
        f"cc_async_queue_calls_waiting{{{_QUEUE}}}": f"{waiting}x40",
        _INFO: "1x40",
    }


def requests(good: str, bad: str) -> dict[str, str]:
    """Requests that were answered and that failed."""
    return {
        f'cc_async_requests_total{{{_STATES}, status="200", error=""}}': good,
        f'cc_async_requests_total{{{_STATES}, status="503", error="ServerError"}}': bad,
    }


Series = Mapping[str, str]
"""Values a minute apart, as promtool writes them, by series."""

# Of each rule: what makes it fire, the labels and the sentence of the alert; and what must leave it quiet.
FIRING: Mapping[str, tuple[Series, Mapping[str, str], str]] = {
    "CcAsyncServiceLevelLow": (
        level("0.7x40") | offered(20), {**_OF_QUEUE, "window": "5m"}, "Billing (VDN 170): 70% within 20 s",
    ),
    "CcAsyncLostRateHigh": (
        lost("0.06x40") | offered(20), {**_OF_QUEUE, "window": "5m"}, "Billing (VDN 170): 6% lost",
    ),
    "CcAsyncNoIdleAgent": (
        idle(0, 2), {**_OF_QUEUE, "state": "idle"}, "Billing (VDN 170): calls wait and no agent is idle",
    ),
    "CcAsyncNoData": (
        {f"cc_async_sample_age_seconds{{{_STATES}}}": "0+60x40"}, _OF_STATES,
        "skill_states: nothing for 30m 0s",
    ),
    "CcAsyncAskingFails": (
        {f"cc_async_up{{{_STATES}}}": "0x40"}, _OF_STATES, "skill_states: every asking fails",
    ),
    "CcAsyncDataIncomplete": (
        {f"cc_async_sample_coverage_ratio{{{_STATES}}}": "0.9x40"}, _OF_STATES,
        "skill_states: only 90% of what is asked comes",
    ),
    "CcAsyncCallsUnseen": (
        {f'cc_async_queue_window_coverage_ratio{{{_QUEUE}, window="5m"}}': "0.5x40"},
        {**_LABELS, "vdn": "170"}, "VDN 170: only 50% of the last 5 minutes was seen",
    ),
    "CcAsyncBreakerOpen": (
        {f"cc_async_breaker_open{{{_HERE}}}": "1x40"}, _LABELS,
        "The server of the contact center does not answer as it should",
    ),
    "CcAsyncCredentialLocked": (
        {f"cc_async_credential_locked{{{_STATES}}}": "0x29 1x10"}, _OF_STATES,
        "skill_states: the server rejected the signature (401)",
    ),
    "CcAsyncQuotaSaturated": (
        {
            f"cc_async_quota_used_requests{{{_STATES}}}": "10x40",
            f"cc_async_quota_limit_requests{{{_STATES}}}": "10x40",
        },
        _OF_STATES, "skill_states: 100% of the quota is used all the time",
    ),
    "CcAsyncThrottled": (
        {f"cc_async_throttle_pauses_total{{{_STATES}}}": "0x20 5x20"}, _OF_STATES,
        "skill_states: the server asks for fewer requests",
    ),
    "CcAsyncRequestsFail": (requests("0+1x40", "0+3x40"), _LABELS, "75% of the requests fail"),
    "CcAsyncRowsRejected": (
        {f"cc_async_rows_rejected_total{{{_STATES}}}": "0x28 1x12"}, _OF_STATES,
        "skill_states: rows cannot be read",
    ),
    "CcAsyncClockOff": (
        {f"cc_async_clock_offset_seconds{{{_HERE}}}": "-90x40"}, _LABELS,
        "The server's clock is 1m 30s off ours",
    ),
    "CcAsyncGone": ({}, {}, "Nothing of cc_async is scraped any more"),
}  # fmt: skip

QUIET: Mapping[str, Series] = {
    "CcAsyncServiceLevelLow": level("0.7x40") | offered(19),
    "CcAsyncLostRateHigh": lost("0.05x40") | offered(200),
    "CcAsyncNoIdleAgent": idle(1, 2),
    "CcAsyncNoData": {f"cc_async_sample_age_seconds{{{_STATES}}}": "600x40"},
    "CcAsyncAskingFails": {f"cc_async_up{{{_STATES}}}": "0x21 1x0 0x20"},
    "CcAsyncDataIncomplete": {f"cc_async_sample_coverage_ratio{{{_STATES}}}": "0.995x40"},
    "CcAsyncCallsUnseen": {f'cc_async_queue_window_coverage_ratio{{{_QUEUE}, window="5m"}}': "1x21 0.5x9"},
    "CcAsyncBreakerOpen": {f"cc_async_breaker_open{{{_HERE}}}": "0x40"},
    "CcAsyncCredentialLocked": {f"cc_async_credential_locked{{{_STATES}}}": "1x20 0x20"},
    "CcAsyncQuotaSaturated": {
        f"cc_async_quota_used_requests{{{_STATES}}}": "9x40",
        f"cc_async_quota_limit_requests{{{_STATES}}}": "10x40",
    },
    "CcAsyncThrottled": {f"cc_async_throttle_pauses_total{{{_STATES}}}": "5x40"},
    "CcAsyncRequestsFail": requests("0+3x40", "0+1x40"),
    "CcAsyncRowsRejected": {f"cc_async_rows_rejected_total{{{_STATES}}}": "1x40"},
    "CcAsyncClockOff": {f"cc_async_clock_offset_seconds{{{_HERE}}}": "59x40"},
    "CcAsyncGone": {f'cc_async_build_info{{{_HERE}, version="1"}}': "1x40"},
}


def run(*arguments: str, given: str = "") -> str:
    """What promtool says; its exit code has to be 0."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metric_names(expression: str) -> set[str]:
    """The metrics an expression is about; a histogram's parts are the histogram."""
    found = set(re.findall(r"\bcc_async_\w+", expression))
    return {re.sub(r"_bucket$", "", name) for name in found}


def test_every_rule_is_tried_both_ways() -> None:
    """No rule is without a case in which it fires and one in which it must not."""
    assert [rule.name for rule in RULES] == list(FIRING) == list(QUIET)


@needs_promtool
def test_the_rules_are_valid(tmp_path: Path) -> None:
    """``promtool check rules`` takes the file."""
    file = tmp_path / "cc_async.rules.yml"
    file.write_text(rules_file(), encoding="utf-8")
    assert f"SUCCESS: {len(RULES)} rules found" in run("check", "rules", str(file))


@needs_promtool
def test_the_rules_fire_when_they_should(tmp_path: Path) -> None:
    """Half an hour of values for each: it fires with its sentence, and stays quiet on the right side."""
    (tmp_path / "rules.yml").write_text(rules_file(), encoding="utf-8")
    cases: list[dict[str, Any]] = []
    for rule in RULES:
        series, labels, summary = FIRING[rule.name]
        alert = {
            "exp_labels": {**labels, "severity": rule.severity},
            "exp_annotations": {"summary": summary, "description": rule.advice},
        }
        cases += [case(rule.name, series, [alert]), case(rule.name, QUIET[rule.name], [])]
    text = json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": cases})
    (tmp_path / "test.yml").write_text(text, encoding="utf-8")
    assert "SUCCESS" in run("test", "rules", str(tmp_path / "test.yml"))


def case(name: str, series: Series, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    """One test of promtool: what the alert is after half an hour."""
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [{"eval_time": "30m", "alertname": name, "exp_alerts": alerts}],
    }


@needs_promtool
def test_the_exposition_is_as_prometheus_likes_it() -> None:
    """``promtool check metrics`` finds no fault with any name, type or help."""
    run("check", "metrics", given=Everything().render()[0].decode())


class Everything(Metrics):
    """Exposes every metric of the table once."""

    def __init__(self) -> None:
        super().__init__(clock=Still())

    def collect(self) -> Iterator[Metric]:
        for made, family in zip(DEFINITIONS.values(), self.describe(), strict=True):
            add: Any = family.add_metric  # type: ignore[attr-defined] # every kind has one of its own
            labels = ["1"] * len(made.labels)
            if made.kind == "histogram":
                add(labels, [("1.0", 1), ("+Inf", 1)], 1)
            elif made.kind == "info":
                add(labels[:-1], {made.labels[-1]: "1"})
            else:
                add(labels, 1)
            yield family


def test_the_registry_knows_every_name() -> None:
    """A scrape may ask for some names only."""
    metrics = Metrics(clock=Still())
    metrics.on_beat("skill_states", beat(Batch.of([SkillState(1, calls_waiting=2, vdn=170)])))
    families = metrics.registry.restricted_registry(["cc_async_queue_calls_waiting"]).collect()
    assert [family.name for family in families] == ["cc_async_queue_calls_waiting"]


@pytest.mark.parametrize("expression", [rule.expr for rule in RULES])
def test_rules_are_about_metrics_that_exist(expression: str) -> None:
    """Every name in a rule stands in the table."""
    assert metric_names(expression)
    assert metric_names(expression) <= set(DEFINITIONS)


@needs_promtool
def test_the_scrape_config_of_the_readme_is_valid(tmp_path: Path) -> None:
    """What a reader copies is what Prometheus takes, the rules beside it."""
    found = re.search(r"^```yaml\n(# prometheus\.yml\n.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.M)
    assert found is not None
    (tmp_path / "prometheus.yml").write_text(found[1], encoding="utf-8")
    (tmp_path / "cc_async.rules.yml").write_text(rules_file(), encoding="utf-8")
    assert "1 rule files found" in run("check", "config", str(tmp_path / "prometheus.yml"))


def drawn(board: dict[str, Any]) -> list[str]:
    """The expressions of a dashboard."""
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


@needs_promtool
def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    """Each expression parses; variables stand in texts, where anything may stand."""
    expressions = drawn(json.loads(dashboard()))
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(expressions)]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"SUCCESS: {len(expressions)} rules found" in run("check", "rules", str(tmp_path / "panels.yml"))


def test_the_dashboard_is_about_metrics_that_exist() -> None:
    """Every expression and every variable names metrics of the table."""
    board = json.loads(dashboard())
    expressions = drawn(board)
    queries = [one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"]
    assert len(expressions) > 15
    for expression in expressions + queries:
        assert metric_names(expression)
        assert metric_names(expression) <= set(DEFINITIONS)


def test_the_dashboard_hangs_together() -> None:
    """Panels have numbers of their own, lie inside the width and on no other; used variables are defined."""
    board = json.loads(dashboard())
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken
        taken |= cells
    defined = {one["name"] for one in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) <= defined
    # Chosen are all, which is one pattern: two thousand names of queues would not fit into a question.
    chosen = [one for one in board["templating"]["list"] if one["type"] == "query"]
    assert {(one["allValue"], *one["current"]["value"]) for one in chosen} == {(".*", "$__all")}
