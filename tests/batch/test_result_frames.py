"""A batch becomes a typed polars frame."""

import enum
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from attrs import frozen

from cc_async.batch.frames import kinds
from cc_async.batch.result import Batch
from cc_async.contract.codes import CtiStatus
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.records import AgentState, SkillCallStats, SystemIndicators, TaskStats

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_columns_have_the_types_of_the_fields() -> None:
    """Counts are Int64, instants UTC with microseconds, codes their numbers, None stays null."""
    east = NOON.astimezone(timezone(timedelta(hours=8)))
    rows = [AgentState(101, CtiStatus(5), 7, sampled_at=east), AgentState(102, CtiStatus(99))]
    frame = Batch.of(rows).to_polars()
    assert dict(frame.schema) == {
        "agent_id": pl.Int64,
        "cti_status": pl.Int64,
        "state_seconds": pl.Int64,
        "state_since": pl.Datetime("us", "UTC"),
        "sampled_at": pl.Datetime("us", "UTC"),
        "cc_id": pl.Int64,
        "vdn": pl.Int64,
    }
    assert frame.row(0) == (101, 5, 7, None, NOON, None, None)
    assert frame.row(1) == (102, 99, None, None, None, None, None)


def test_rates_are_floats_and_text_is_text() -> None:
    """Task ids keep their leading zeros."""
    frame = Batch.of([TaskStats("007", success_rate=0.5), TaskStats("8", success_rate=1)]).to_polars()
    assert (frame.schema["task_id"], frame.schema["success_rate"]) == (pl.String, pl.Float64)
    assert frame.select("task_id", "success_rate").rows() == [("007", 0.5), ("8", 1.0)]


def test_a_value_of_unknown_unit_is_text_as_it_came() -> None:
    """Number or text: one column cannot be both."""
    rows = [SystemIndicators(1, NOON, connection_rate_raw=raw) for raw in (50, "50%", 0.5, None)]
    assert Batch.of(rows).to_polars()["connection_rate_raw"].to_list() == ["50", "50%", "0.5", None]


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_an_empty_batch_gives_the_same_columns(name: str) -> None:
    """Every record of the table has a frame, and no rows do not change its types."""
    record = ENDPOINTS[name].record
    frame = Batch.of([], record=record).to_polars()
    assert frame.height == 0
    assert frame.columns == list(kinds(record))
    assert pl.Null not in frame.dtypes


def test_an_empty_batch_of_unknown_class_says_so() -> None:
    """No columns are guessed."""
    with pytest.raises(ValueError, match=r"Batch\.of\(\[\], record="):
        Batch.of([]).to_polars()


def test_a_field_of_another_type_is_a_type_error() -> None:
    """A new kind of field needs a decision, not a guess."""

    @frozen
    class Odd:
        tags: list[str]

    with pytest.raises(TypeError, match=r"Odd\.tags"):
        kinds(Odd)
    assert kinds(SkillCallStats)["skill_id"] is int
    assert kinds(AgentState)["cti_status"] is enum.IntEnum


def test_without_polars_the_message_names_the_extra() -> None:
    """And the package is not imported before a frame is asked for."""
    script = (
        "import sys; from cc_async.batch.result import Batch; assert 'polars' not in sys.modules;"
        "sys.modules['polars'] = None; Batch.of([]).to_polars()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: frames need polars: pip install 'cc_async[frames]'" in done.stderr
