"""Which quota a request counts against."""

from __future__ import annotations

from typing import Any

import pytest

from cc_async.contract.endpoints import ENDPOINTS, agent_call_stats, raw_endpoint, skill_states, skills
from cc_async.contract.spec import Quota
from cc_async.session.quotas import Quotas

KNOWN = list(ENDPOINTS.values())
TEN, FIVE = Quota(10), Quota(5, per=2.0)


def test_one_quota_holds_for_each_interface() -> None:
    """A single ``Quota`` is everybody's, raw calls included."""
    quotas = Quotas(TEN, known=KNOWN)
    assert {quotas.of(endpoint) for endpoint in (*KNOWN, raw_endpoint("a/b"))} == {TEN}


def test_none_paces_nothing() -> None:
    """Not per interface, and not per agent."""
    quotas = Quotas(None, default=TEN, known=KNOWN)
    assert quotas.of(skill_states) is None
    wants = quotas.wants("h", "i", agent_call_stats, 101)
    assert [quota for _, quota in wants] == [None]


@pytest.mark.parametrize("name", ["skill_states", "skill/stateinfo", skill_states.path])
def test_a_mapping_names_an_interface_by_method_or_path(name: str) -> None:
    """What it leaves out has the default, or that of ``"*"``."""
    quotas = Quotas({name: FIVE}, default=TEN, known=KNOWN)
    assert (quotas.of(skill_states), quotas.of(skills)) == (FIVE, TEN)
    starred = Quotas({name: FIVE, "*": None}, default=TEN, known=KNOWN)
    assert (starred.of(skill_states), starred.of(skills)) == (FIVE, None)


def test_a_path_of_a_sister_interface() -> None:
    """A raw call is named by the path it is called with."""
    quotas = Quotas({"vdn/totalagentstate": FIVE}, default=TEN, known=KNOWN)
    assert quotas.of(raw_endpoint("vdn/totalagentstate")) == FIVE
    assert quotas.of(raw_endpoint("vdn/other")) == TEN


@pytest.mark.parametrize(
    "key",
    [
        "configures/agents/1/170/0/100",
        "configures/agents/1/170/100/100",
        "configures/agents",
        "/rest/cmsapp/v1/openapi/configures/agents/1/170/0/100",
    ],
)
def test_numbers_in_a_path_are_arguments(key: str) -> None:
    """However a raw call is spelled, in the setting or in the call, it is one interface."""
    quotas = Quotas({key: FIVE}, default=TEN, known=KNOWN)
    assert quotas.of(raw_endpoint("configures/agents/1/170/0/100", "GET")) == FIVE
    assert quotas.of(raw_endpoint("/rest/cmsapp/v1/openapi/configures/agents/2/5/0/9", "GET")) == FIVE


@pytest.mark.parametrize("key", ["skill/service", "/rest/cmsapp/v1/openapi/skill/service"])
def test_an_absolute_path_of_a_sister_interface(key: str) -> None:
    """It is the same as its relative path; one of another version is another interface."""
    quotas = Quotas({key: FIVE}, default=TEN, known=KNOWN)
    assert quotas.of(raw_endpoint("skill/service")) == FIVE
    assert quotas.of(raw_endpoint("/rest/cmsapp/v1/openapi/skill/service")) == FIVE
    assert quotas.of(raw_endpoint("/rest/cmsapp/v2/openapi/skill/service")) == TEN


def test_the_end_of_a_path_is_not_its_name() -> None:
    """``x/stateinfo`` and ``l/stateinfo`` are no spelling of ``skill/stateinfo``."""
    assert Quotas({"l/stateinfo": FIVE}, default=TEN, known=KNOWN).of(skill_states) == TEN


def test_an_interface_may_be_freed() -> None:
    """None in a mapping: no pacing for that one."""
    assert Quotas({"skill_states": None}, default=TEN, known=KNOWN).of(skill_states) is None


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"skill_status": TEN}, ValueError),
        ({"": TEN}, ValueError),
        ({"skill_states": 10}, TypeError),
        ({None: TEN}, TypeError),
        (10, TypeError),
        ("10/1", TypeError),
        ([TEN], TypeError),
    ],
)
def test_wrong_settings(setting: Any, error: type[Exception]) -> None:
    """Unknown names, and what is no quota; the message names what is known."""
    with pytest.raises(error, match="quota"):
        Quotas(setting, default=TEN, known=KNOWN)


def test_an_agent_is_asked_for_before_the_system() -> None:
    """Whoever waits for its own quota holds none of the system's."""
    wants = Quotas(TEN, known=KNOWN).wants("host:1", "guids", agent_call_stats, 101)
    assert wants == (
        (("host:1", "guids", "agent_call_stats", "101"), Quota(5, per=2.0)),
        (("host:1", "guids", "agent_call_stats"), TEN),
    )


def test_published_limits_count_full_and_brief_together() -> None:
    """For the agent always; for the system unless another quota is set: that is of one interface."""
    brief = ENDPOINTS["agent_call_stats_brief"]
    assert brief.quota is not None
    of_agent = (("h", "guids", "agent_call_stats", "101"), FIVE)
    published = Quotas({brief.name: brief.quota}, known=KNOWN).wants("h", "guids", brief, 101)
    assert published == (
        of_agent,
        (("h", "guids", "agent_call_stats_brief"), None),
        (("h", "guids", "agent_call_stats"), brief.quota),
    )
    own = Quotas({brief.name: TEN}, known=KNOWN).wants("h", "guids", brief, 101)
    assert own == (of_agent, (("h", "guids", "agent_call_stats_brief"), TEN))


def test_other_interfaces_have_one_key() -> None:
    """Host, identity and interface."""
    wants = Quotas(TEN, known=KNOWN).wants("host:1", "ak-1", skill_states, None)
    assert wants == ((("host:1", "ak-1", "skill_states"), TEN),)
