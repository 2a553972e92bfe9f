"""Questions made by hand are held to the rules of arguments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from cc_async.batch.checked import checked
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Group, Question, Window

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def check(question: Question) -> Question:
    """Check a question against the row of the table it names."""
    return checked(question, ENDPOINTS[question.interface])


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (Question("skill_states", 1, (Group(170, ("../x",)),)), TypeError),
        (Question("skill_states", 1, (Group(170, (True,)),)), TypeError),
        (Question("skill_states", 1, (Group(None, (1,)),)), TypeError),
        (Question("skill_states", 1, (Group(0, (1,)),)), ValueError),
        (Question("skill_states", 1, (Group(170, (0,)),)), ValueError),
        (Question("skill_states", None, (Group(170, (1,)),)), ValueError),
        (Question("skill_states", 0, (Group(170, (1,)),)), ValueError),
        (Question("skill_states", 1, (Group(170, (1,)),), begin=BEGIN, end=BEGIN), ValueError),
        (Question("task_stats", 1, (Group(170, ("../x",)),)), ValueError),
        (Question("task_stats", 1, (Group(170, None),)), ValueError),
        (Question("agent_call_stats", None, (Group(None, ("../x",)),)), TypeError),
        (Question("agent_call_stats", None, (Group(170, (101,)),)), ValueError),
        (Question("agent_call_stats", None, (Group(None, (100,)),)), ValueError),
        (Question("agent_states", 1, (Group(170, (1,)),)), ValueError),
        (Question("system_indicators", 1), ValueError),
        (Question("system_indicators", 1, (Group(170),), begin=BEGIN, end=BEGIN + HOUR), ValueError),
        (Question("system_indicators", 1, begin=BEGIN.replace(tzinfo=None), end=BEGIN), TypeError),
        (Question("system_indicators", 1, begin=BEGIN, end=BEGIN - HOUR), ValueError),
    ],
)
def test_what_no_method_would_take_is_refused(question: Question, error: type[Exception]) -> None:
    """Types, ranges and parts that do not belong, as an argument of the method would be."""
    with pytest.raises(error):
        check(question)


@pytest.mark.parametrize(
    ("second", "shares"),
    [
        (Window(BEGIN + HOUR / 2, BEGIN + 2 * HOUR, (2, 3)), True),
        (Window(BEGIN, BEGIN + HOUR, None), True),
        (Window(BEGIN, BEGIN + HOUR, (3,)), False),
        (Window(BEGIN + HOUR, BEGIN + 2 * HOUR, (1,)), False),
    ],
)
def test_windows_that_share_a_row_are_refused(second: Window, shares: bool) -> None:
    """The same time of the same VDN asked twice would bring its rows twice."""
    question = Question("system_indicators", 1, windows=(Window(BEGIN, BEGIN + HOUR, (1, 2)), second))
    if shares:
        with pytest.raises(ValueError, match="share the time"):
            check(question)
    else:
        assert check(question) == question


def test_groups_of_one_vdn_become_one() -> None:
    """Keys asked in two groups of a VDN are asked once, in the place of the first."""
    groups: Any = (Group(170, (1, 2)), Group(171, (5,)), Group(170, (2, 3)))
    assert check(Question("skill_states", 1, groups)).groups == (Group(170, (1, 2, 3)), Group(171, (5,)))


def test_a_question_of_a_method_stays_as_it_is() -> None:
    """What the client itself makes passes unchanged."""
    question = Question("skill_states", 1, (Group(170, (1, 2)), Group(171, None)))
    assert check(question) == question
    indicators = Question("system_indicators", None, vdns=(1, 2), begin=BEGIN, end=BEGIN + HOUR)
    assert check(indicators) == indicators
    assert check(evolve(indicators, vdns=None)) == evolve(indicators, vdns=None)
