"""The state of a Stitcher: a restart goes on from it, a bad file is an error, a failed write does no harm."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cc_async import ExportError, SkillCallStats
from cc_async.monitor import Stitcher

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY = (170, 7)


def sample(at: float, offered: int, connected: int = 0) -> SkillCallStats:
    """A row of queue 7, asked ``at`` seconds after noon."""
    moment = NOON + timedelta(seconds=at)
    start = NOON + timedelta(seconds=at // 300 * 300)
    return SkillCallStats(
        7, start, start, offered, connected, offered - connected, sampled_at=moment, cc_id=1, vdn=170
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the state is kept."""
    return tmp_path / "sums.json"


def test_a_restart_inside_a_bucket_counts_nothing_twice(path: Path) -> None:
    """Killed at 5 calls, started again in the same bucket at 8: 8 calls, not 13."""
    first = Stitcher(state_file=path)
    first.feed([sample(100, 5)])
    first.save()
    second = Stitcher(state_file=path)
    second.feed([sample(200, 8)])
    assert second.sums[KEY].offered == 8


def test_a_restart_goes_on_exactly(path: Path) -> None:
    """A day with a restart after every sample comes to the same sums, windows and buckets as one without."""
    whole = Stitcher()
    for number in range(40):
        rows = [sample(number * 300 + 120, number % 7), sample(number * 300 + 299, number % 7 + 3, 2)]
        for row in rows:
            expected = whole.feed([row])
            restarted = Stitcher(state_file=path)
            assert restarted.feed([row]) == expected
            restarted.save()
    again = Stitcher(state_file=path)
    assert again.sums == whole.sums
    assert again.closed == whole.closed
    assert again.rolling(60) == whole.rolling(60)


def test_the_time_of_a_standstill_is_told_as_a_gap(path: Path) -> None:
    """Stopped from 12:04 to 12:21: the three buckets between are a gap of the first feeding."""
    first = Stitcher(state_file=path)
    first.feed([sample(250, 5)])
    first.save()
    second = Stitcher(state_file=path)
    (gap,) = second.feed([sample(1260, 2)]).gaps
    assert (gap.begin, gap.buckets) == (NOON + timedelta(minutes=5), 3)


async def test_take_feeds_and_saves(path: Path) -> None:
    """After ``take`` the sums are on the disk."""
    stitcher = Stitcher(state_file=path)
    (closed,) = (await stitcher.take([sample(299, 5)])).closed
    assert closed.offered == 5
    assert Stitcher(state_file=path).sums == stitcher.sums


async def test_without_a_file_nothing_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ``state_file``: ``take`` and ``save`` leave no trace where they run."""
    monkeypatch.chdir(tmp_path)
    stitcher = Stitcher()
    await stitcher.take([sample(299, 5)])
    stitcher.save()
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "is damaged"),
        (b'{"kind": "cc_async.stitcher", "version": 1, "bo', "is damaged"),
        (b"[1, 2]", "is damaged"),
        (b'{"kind": "cc_async.stitcher"}', "is damaged"),
        (b'{"kind": "cc_async.alerts", "version": 1, "body": {}}', "is not a state of cc_async.stitcher"),
        (b'{"kind": "cc_async.stitcher", "version": 99, "body": {}}', "is of version 99"),
        (b'{"kind": "cc_async.stitcher", "version": 1, "body": {"cc_id": 1}}', "is damaged"),
        (b'{"kind": "cc_async.stitcher", "version": 1, "body": []}', "is not a state"),
    ],
)
def test_a_file_that_cannot_be_understood_is_an_error_and_stays(path: Path, text: bytes, told: str) -> None:
    """Going on from nothing would lose the sums without a word."""
    path.write_bytes(text)
    with pytest.raises(ExportError, match=told):
        Stitcher(state_file=path)
    assert path.read_bytes() == text


def test_accounts_of_another_shape_are_damage(path: Path) -> None:
    """A queue with too few counts is not read as something else."""
    stitcher = Stitcher(state_file=path)
    stitcher.feed([sample(100, 5)])
    stitcher.save()
    whole = json.loads(path.read_bytes())
    whole["body"]["queues"][0][2][2].pop()
    path.write_text(json.dumps(whole))
    with pytest.raises(ExportError, match="is damaged"):
        Stitcher(state_file=path)


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    """What the system says about a file becomes an error of ours."""
    with pytest.raises(ExportError, match="directory"):
        Stitcher(state_file=tmp_path)


def test_a_write_that_fails_leaves_the_state_before_and_no_litter(path: Path) -> None:
    """A target that cannot be replaced: an error, and nothing half written beside it."""
    stitcher = Stitcher(state_file=path)
    stitcher.feed([sample(100, 5)])
    path.mkdir()
    with pytest.raises(ExportError, match="state"):
        stitcher.save()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_is_an_error_of_saving(tmp_path: Path) -> None:
    """The sums stay in memory; the error says what is wrong."""
    stitcher = Stitcher(state_file=tmp_path / "nowhere" / "sums.json")
    stitcher.feed([sample(100, 5)])
    with pytest.raises(ExportError, match="No such file"):
        stitcher.save()
    assert stitcher.sums[KEY].offered == 5


def test_the_state_says_what_it_is(path: Path) -> None:
    """Kind and version are inside; no more than numbers besides."""
    stitcher = Stitcher(state_file=path)
    stitcher.feed([sample(100, 5)])
    stitcher.save()
    whole = json.loads(path.read_bytes())
    assert (whole["kind"], whole["version"]) == ("cc_async.stitcher", 1)
