"""Line 2: answers into frozen records, every rule applied."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import cattrs

from benchmarks import by_hand, canned, lab
from benchmarks.report import Line, line
from cc_async.contract import endpoints
from cc_async.session.codec import decode
from cc_async.session.request import Request

GOAL, RATIO = 750_000, 5.0


def run(smoke: bool) -> list[Line]:
    """Decode the two-copy answer, a page and one agent, beside json.loads and cattrs as it comes."""
    sampled_at = datetime(2026, 3, 1, tzinfo=UTC)
    skills = Request(endpoints.skill_call_stats, {}, {"cc_id": 1, "vdn": 170})
    page = Request(endpoints.system_indicators, {}, {"cc_id": 1})
    agent = Request(endpoints.agent_call_stats, {}, {"agent_id": 101}, agent_id=101)
    converter = cattrs.Converter()
    two_copies, indicators, statistics = (
        canned.skills_answer(),
        canned.indicator_pages()[0],
        canned.agent_answer(),
    )
    ways = {
        "skills": lambda: decode(skills, two_copies, sampled_at),
        "page": lambda: decode(page, indicators, sampled_at),
        "agent": lambda: decode(agent, statistics, sampled_at),
        "by hand, one copy": lambda: by_hand.rows(json.loads(two_copies), converter),
        "by hand, whole": lambda: converter.structure(json.loads(two_copies), by_hand.SkillAnswer),
    }
    count = len(canned.SKILL_IDS)
    assert len(decode(skills, two_copies, sampled_at).rows) == count
    assert len(decode(page, indicators, sampled_at).rows) == canned.PAGE_SIZE
    rounds, seconds = (1, 0.005) if smoke else (15, 0.2)
    taken = lab.alternate_calls(ways, rounds, seconds)
    lines = []
    for name, records, title in (
        ("skills", count, f"{count} skills, two copies"),
        ("page", canned.PAGE_SIZE, f"page of {canned.PAGE_SIZE} rows"),
        ("agent", 1, "one agent"),
    ):
        rate = lab.Spread.of([records * 1e6 / one for one in taken[name]])
        goal = f"at least {GOAL:,}".replace(",", " ") if name == "skills" else ""
        lines.append(line(title, rate, "records/s", goal, rate.median >= GOAL if goal else None))
    for name, title, least in (
        ("by hand, one copy", "json.loads + cattrs of the copy that is wanted", RATIO),
        ("by hand, whole", "json.loads + cattrs of the whole answer", None),
    ):
        rate = lab.Spread.of([count * 1e6 / one for one in taken[name]])
        ratio = lab.Spread.of([slow / fast for slow, fast in zip(taken[name], taken["skills"], strict=True)])
        goal, met = ("", None) if least is None else (f"at least {least:g}", ratio.median >= least)
        lines.append(line(title, rate, "records/s"))
        lines.append(line(f"{title} / cc_async", ratio, "x", goal, met))
    return lines
