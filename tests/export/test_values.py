"""Privacy, cells and formats: values in, values out."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from folders import parquet, parts
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_async import (
    AgentCallStats,
    AgentState,
    CmsClient,
    ConfigError,
    SignedInAgent,
    Skill,
    SystemIndicators,
)
from cc_async.export import Privacy, Target, export
from cc_async.export.cells import harmless
from cc_async.export.formats import FORMATS, decode, encode
from cc_async.export.schema import Schema
from cc_async.simulator import Simulator

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
KEY = b"a key of sixteen bytes or more"
AGENT = SignedInAgent(1, 101, name="Anna Müller", phone_number="5551234")


def written(privacy: Privacy, record: Any, row: Any) -> dict[str, Any]:
    """One row as it would be written."""
    schema = Schema.of(record)
    return {name: value for name, [value] in privacy.apply(schema.columns([row]), schema).items()}


def test_agents_are_dropped_by_default() -> None:
    """Name, number and phone of an agent are empty; everything else stays."""
    found = written(Privacy(), SignedInAgent, AGENT)
    assert (found["agent_id"], found["name"], found["phone_number"]) == (None, None, None)
    assert found["skill_id"] == 1


def test_hashed_agents_can_be_told_apart() -> None:
    """Under one key an agent is the same everywhere, under another not; the number is a number still."""
    one, other = Privacy("hash", KEY), Privacy("hash", KEY[::-1])
    first, again = written(one, SignedInAgent, AGENT), written(one, AgentState, AgentState(101))
    assert first["agent_id"] == again["agent_id"] not in (101, None)
    assert 0 <= first["agent_id"] < 2**63
    assert first["agent_id"] != written(one, AgentState, AgentState(102))["agent_id"]
    assert first["agent_id"] != written(other, AgentState, AgentState(101))["agent_id"]
    assert not {"Anna Müller", "5551234"} & set(map(str, first.values()))
    assert None not in (first["name"], first["phone_number"])


def test_kept_agents_are_kept() -> None:
    """``keep`` writes them as they came."""
    found = written(Privacy("keep"), SignedInAgent, AGENT)
    assert (found["agent_id"], found["name"], found["phone_number"]) == (101, "Anna Müller", "5551234")


def test_only_agents_are_personal() -> None:
    """Names of skill queues stay, and agents' call statistics lose the agent's number."""
    assert written(Privacy(), Skill, Skill(7, name="Billing"))["name"] == "Billing"
    assert written(Privacy(), AgentCallStats, AgentCallStats(101))["agent_id"] is None


def test_a_hash_needs_a_key() -> None:
    """A missing or short key and an unknown choice are refused; no key is shown by a repr."""
    for key in (b"", b"short"):
        with pytest.raises(ConfigError, match="key"):
            Privacy("hash", key)
    with pytest.raises(ConfigError, match="drop, hash, keep"):
        Privacy("mask")  # type: ignore[arg-type]
    assert KEY.decode() not in repr(Privacy("hash", KEY)) + Privacy("hash", KEY).mark


async def test_names_and_phones_are_in_no_file(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """Signed-in agents as files hold neither a name nor a phone of anybody, whatever the format."""
    names = {row.name for row in await cms.signed_in_agents([1, 2, 3])}
    phones = {row.phone_number for row in await cms.signed_in_agents([1, 2, 3])}
    assert names
    for form in FORMATS:
        for privacy in (Privacy(), Privacy("hash", KEY)):
            folder = tmp_path / form / privacy.agents
            await export(cms.signed_in_agents([1, 2, 3]), Target(folder, form, privacy=privacy))
            [part] = parts(folder)
            text = (
                part.read_bytes() if form != "parquet" else repr(parquet(folder, "signed_in_agents")).encode()
            )
            for told in names | phones:
                assert str(told).encode() not in text
                assert json.dumps(str(told))[1:-1].encode() not in text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_cell_is_a_formula(text: str) -> None:
    """Whatever a text begins with, its cell is no formula and no command; made harmless again it stays."""
    found = harmless(text)
    assert not found.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert not found.lstrip().startswith(tuple("=+-@＝＋－＠"))
    assert not any(char < " " or char == "\x7f" or "\x80" <= char < "\xa0" for char in found)
    assert harmless(found) == found


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Billing 7", "Billing 7"),
        ("客户", "客户"),
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("abc\u202edef", "abc\\u202edef"),
    ],
)
def test_cells(text: str, cell: str) -> None:
    """Plain text stays, formulas get an apostrophe, what moves a cursor is spelled by number."""
    assert harmless(text) == cell


async def test_a_csv_file_is_harmless(tmp_path: Path) -> None:
    """A name that is a formula is text in the CSV file; numbers stay numbers."""
    schema = Schema.of(Skill)
    data = encode("csv", schema.columns([Skill(7, name="=cmd|'/c calc'!A1", vdn=170)]), schema.kinds)
    [row] = csv.DictReader(io.StringIO(data.decode()))
    assert (row["skill_id"], row["name"], row["vdn"]) == ("7", "'=cmd|'/c calc'!A1", "170")


counts = st.none() | st.integers(0, 2**63 - 1)
rows = st.builds(
    SystemIndicators,
    vdn=st.integers(1, 5000),
    interval_start=st.integers(0, 10**6).map(lambda n: MOMENT + n * timedelta(minutes=5)),
    online_agents=counts,
    inbound_calls=counts,
    connection_rate_raw=st.none() | st.sampled_from(["12.5%", "0.5", "7"]),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(rows, max_size=20), st.sampled_from(FORMATS))
def test_what_is_written_is_read(found: list[SystemIndicators], form: Any) -> None:
    """A part read again holds the values that were written, in every format."""
    schema = Schema.of(SystemIndicators)
    columns = schema.columns(found)
    assert decode(form, encode(form, columns, schema.kinds), schema.kinds) == columns


@pytest.mark.parametrize("form", FORMATS)
def test_garbage_is_not_read(form: Any) -> None:
    """Bytes that are no part are a ValueError, not a crash."""
    with pytest.raises(ValueError, match="not readable"):
        decode(form, b"PAR1 {\xff\x00\n\xff", Schema.of(SystemIndicators).kinds)
