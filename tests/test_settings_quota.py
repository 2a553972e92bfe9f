"""Quotas of a site: how they are written, and what each client takes of them."""

from __future__ import annotations

import pytest

from cc_async.clients.cms_base import cms_quotas
from cc_async.contract import agent_endpoints, endpoints
from cc_async.contract.spec import Quota
from cc_async.gateway import gateway_quotas
from cc_async.session.quotas import Quotas, QuotaSetting
from cc_async.session.secret import Secret
from cc_async.settings import Site, parse_quota

SECRET = "s3cr3t-never-shown"


def quotas(setting: QuotaSetting) -> tuple[Quotas, Quotas]:
    """What a quota of a site is to the client of CC-CMS and to that of CC-Gateway."""
    site = Site(
        cms_url="https://cms.example.com",
        gateway_url="https://gw.example.com",
        access_key="ak",
        secret_key=Secret(SECRET),
        quota=setting,
    )
    cms, gateway = site.cms_arguments(), site.gateway_arguments(guids=False)
    return cms_quotas(cms["quota"]), gateway_quotas(gateway["quota"])


def test_a_quota_that_nobody_set_is_each_clients_own() -> None:
    """Ten a second at CC-CMS, what the vendor publishes (15 000 in 2 s) at CC-Gateway."""
    cms, gateway = quotas(Site().quota)
    assert cms.of(endpoints.skill_states) == Quota(10, per=1.0)
    assert gateway.of(endpoints.agent_call_stats) == Quota(15_000, per=2.0)


def test_polls_of_agent_sessions_may_be_limited() -> None:
    """Their names are the gateway's; the statistics keep what is published."""
    cms, gateway = quotas({"agent_events": Quota(50), "skill_states": Quota(5)})
    assert gateway.of(agent_endpoints.events) == Quota(50)
    assert gateway.of(agent_endpoints.sign_in) is None
    assert gateway.of(endpoints.agent_call_stats) == Quota(15_000, per=2.0)
    assert cms.of(endpoints.skill_states) == Quota(5)


@pytest.mark.parametrize("quota", [Quota(3, per=2.0), None])
def test_one_quota_is_for_both_clients(quota: Quota | None) -> None:
    """A quota that was set, or none, holds at both hosts."""
    cms, gateway = quotas(quota)
    assert cms.of(endpoints.skill_states) == gateway.of(endpoints.agent_call_stats) == quota


def test_each_client_takes_its_own_names_of_a_quota() -> None:
    """Names of both hosts may stand in one table; what it leaves out keeps the client's own default."""
    brief = endpoints.agent_call_stats_brief
    cms, gateway = quotas({"skill_states": Quota(5), "agent_call_stats": Quota(3), "agents/more": Quota(2)})
    assert (cms.of(endpoints.skill_states), cms.of(endpoints.agent_states)) == (Quota(5), Quota(10))
    assert gateway.of(endpoints.agent_call_stats) == Quota(3)
    assert gateway.of(brief) == Quota(15_000, per=2.0)
    cms, gateway = quotas({brief.path: Quota(4), "*": Quota(1)})
    assert cms.of(endpoints.skill_states) == gateway.of(endpoints.agent_call_stats) == Quota(1)
    assert gateway.of(brief) == Quota(4)


@pytest.mark.parametrize(
    ("text", "quota"),
    [("10/1", Quota(10)), ("5", Quota(5)), ("3/2.5", Quota(3, per=2.5)), ("none", None), (" None ", None)],
)
def test_quotas_as_text(text: str, quota: Quota | None) -> None:
    """Requests per seconds, a second when it is left out."""
    assert parse_quota(text) == quota


@pytest.mark.parametrize("text", ["", "x", "1/x", "0/1", "1/0", "1/-1", "1/inf", "1/nan", "/1", "1.5/1"])
def test_quotas_that_are_none(text: str) -> None:
    """What is no quota is refused, with how one is written."""
    with pytest.raises(ValueError, match="requests/seconds"):
        parse_quota(text)
