"""Questions without a time into files: a whole answer or none, and with ``partial`` all that arrived."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import truth
from folders import counted, left, parquet, parts

from cc_async import BatchError, CallTimeout, CmsClient, Quota
from cc_async.export import verify
from cc_async.simulator import Simulator

INTERFACE = "skill_states"


async def test_a_snapshot_is_added_at_every_run(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A question about now is one partition per run: two runs are two samples of every queue."""
    for _ in range(2):
        account = await cms.skill_states([1, 2, 3]).to_parquet(tmp_path)
        assert (account.rows, account.parts, account.done) == (3, 1, 1)
    assert counted(parquet(tmp_path, INTERFACE)) == counted(truth.skill_states(sim, [1, 2, 3]) * 2)


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_partial_keeps_all_that_arrived(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path, before: int
) -> None:
    """Whichever of three requests fails, the rows of the others are in the files, counted as they are."""
    query = make_cms(sim, concurrency=1).skill_states(by_vdn={1: [1], 2: [1], 3: [1]}, partial=True)
    if before:
        sim.fail(INTERFACE, delay=0.001, times=before)
    sim.fail(INTERFACE, code="0300028", times=1)
    account = await query.to_parquet(tmp_path)
    assert [failure.vdn for failure in account.failures] == [before + 1]
    wanted = [vdn for vdn in (1, 2, 3) if vdn != before + 1]
    assert sorted(row["vdn"] for row in parquet(tmp_path, INTERFACE)) == wanted
    assert (account.rows, verify(tmp_path)[1:]) == (2, (2, []))


async def test_without_partial_a_failure_leaves_nothing(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """One failed request of three, and no row is in a file or counted."""
    sim.fail(INTERFACE, code="0300028", times=1)
    query = make_cms(sim, concurrency=1).skill_states(by_vdn={1: [1], 2: [1], 3: [1]})
    with pytest.raises(BatchError) as caught:
        await query.to_parquet(tmp_path)
    assert (caught.value.batch.rows, parts(tmp_path), left(tmp_path)) == (0, [], [])


@pytest.mark.parametrize("partial", [False, True])
async def test_out_of_time_is_no_snapshot(
    sim: Simulator, make_cms: Callable[..., CmsClient], tmp_path: Path, partial: bool
) -> None:
    """A call that ran out of time after its first answer leaves nothing that passes for a whole one."""
    cms = make_cms(sim, quota=Quota(1, per=30.0))
    query = cms.skill_states(by_vdn={1: [1], 2: [1], 3: [1]}, timeout=0.5, partial=partial)
    with pytest.raises(CallTimeout) as caught:
        await query.to_parquet(tmp_path)
    assert (caught.value.batch.rows, parts(tmp_path), left(tmp_path)) == (0, [], [])
