"""Records: frozen, hashable, picklable, JSON-ready, masked."""

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from cc_async.contract import records
from cc_async.contract.codes import AgentStatus
from cc_async.contract.endpoints import ENDPOINTS

NOON = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
SMALLEST: list[Any] = [
    records.SkillCallStats(7),
    records.SkillState(7),
    records.SignedInAgent(7, 20011),
    records.AgentState(20011),
    records.TaskStats("1122104910"),
    records.SystemIndicators(170, NOON),
    records.Skill(7),
    records.Vdn(170),
    records.AgentCallStats(101),
]
KEYS = [7, 7, (7, 20011), 20011, "1122104910", (170, NOON), 7, 170, 101]

# The public field names, in the order the design gives them.
FIELDS = {
    "SkillCallStats": "skill_id interval_start start_time offered connected lost ended ivr_seconds "
    "connected_in_20s wrapped_up wrap_up_seconds sampled_at cc_id vdn",
    "SystemIndicators": "vdn interval_start online_agents talking_agents idle_agents not_ready_agents "
    "resting_agents inbound_calls connected_calls connection_rate_raw outbound_calls cc_id",
    "TaskStats": "task_id total succeeded failed success_rate completed waiting executing completion_rate "
    "sampled_at cc_id vdn",
    "SignedInAgent": "skill_id agent_id name status cti_status group_id media_type phone_number "
    "state_seconds state_since login_time sampled_at cc_id vdn",
    "AgentCallStats": "agent_id talk_seconds answered unanswered outbound internal internal_help "
    "transferred_in transferred_out transferred_to_ivr redirected held not_ready_count rest_count "
    "rest_overrun_count rest_seconds rest_overrun_seconds released_by_agent not_ready_seconds signed_in_at "
    "sampled_at",
    "SkillState": "skill_id signed_in_agents talking_agents idle_agents available_agents not_ready_agents "
    "resting_agents wrap_up_agents study_agents calls_waiting longest_wait_seconds average_wait_seconds "
    "average_talk_seconds offered connected_in_20s sampled_at cc_id vdn",
    "AgentState": "agent_id cti_status state_seconds state_since sampled_at cc_id vdn",
    "Skill": "skill_id name media_type cc_id vdn",
    "Vdn": "vdn name cc_id",
}


@pytest.mark.parametrize("record", SMALLEST, ids=lambda record: type(record).__name__)
def test_field_names_are_the_public_ones(record: Any) -> None:
    """Names and order of the fields are a promise."""
    names = [item.name for item in attrs.fields(type(record))]
    assert names == FIELDS[type(record).__name__].split()


@pytest.mark.parametrize(("record", "key"), list(zip(SMALLEST, KEYS, strict=True)), ids=lambda x: "")
def test_a_record_needs_its_key_only(record: Any, key: Any) -> None:
    """Everything but the key is None, and the key is the fields that make it."""
    assert record.key == key
    rest = {k: v for k, v in record.to_dict().items() if k not in record.key_fields}
    assert set(rest.values()) == {None}


@pytest.mark.parametrize("record", SMALLEST, ids=lambda record: type(record).__name__)
def test_records_are_frozen_hashable_and_picklable(record: Any) -> None:
    """A record handed to two callers cannot be changed by one of them."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record.vdn = 5
    assert not hasattr(record, "__dict__")
    assert len({record, attrs.evolve(record)}) == 1
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(record, protocol)) == record


def test_to_dict_is_ready_for_json() -> None:
    """Instants are UTC text ending in Z, whatever zone they came in; codes are plain numbers."""
    berlin = timezone(timedelta(hours=2))
    agent = records.SignedInAgent(
        7, 20011, status=AgentStatus(42), state_since=NOON.astimezone(berlin), phone_number="70942"
    )
    data = agent.to_dict()
    assert data["state_since"] == "2026-05-04T12:00:00.250000Z"
    assert type(data["status"]) is int
    assert data["status"] == 42
    assert data["phone_number"] == "70942"
    assert json.loads(json.dumps(data)) == data


def test_phone_numbers_do_not_show() -> None:
    """The repr of an agent says that there is a phone number, not which."""
    assert "70942" not in repr(records.SignedInAgent(7, 20011, phone_number="70942"))
    assert "phone_number=None" in repr(records.SignedInAgent(7, 20011))


def test_the_table_speaks_of_fields_that_exist() -> None:
    """What an endpoint fills, reports or is keyed by is a field of its record; snapshots say when."""
    for endpoint in ENDPOINTS.values():
        names = {item.name for item in attrs.fields(endpoint.record)}
        assert {
            *endpoint.fills,
            *(endpoint.reports or ()),
            *([endpoint.key] if endpoint.key else []),
        } <= names
        assert ("sampled_at" in names) is endpoint.snapshot


def test_pydantic_is_not_imported_by_records() -> None:
    """pydantic costs nothing until somebody asks for a schema."""
    code = "import sys, cc_async.contract.records; sys.exit('pydantic_core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pydantic_reads_and_writes_records() -> None:
    """A model with a record in it dumps every field by name, and reads it back."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is optional")
    adapter = pydantic.TypeAdapter(list[records.SignedInAgent])
    agents = [records.SignedInAgent(7, 20011, status=AgentStatus(42), state_since=NOON)]
    text = adapter.dump_json(agents)
    assert json.loads(text)[0]["status"] == 42
    assert json.loads(text)[0]["state_since"] == "2026-05-04T12:00:00.250000Z"
    assert adapter.validate_json(text) == agents
    assert adapter.validate_python(agents)[0] is agents[0]
    schema = adapter.json_schema(mode="serialization")
    assert schema["$defs"]["SignedInAgent"]["properties"]["agent_id"]["type"] == "integer"
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_json(b'[{"skill_id": 7}]')
