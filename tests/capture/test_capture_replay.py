"""A site is captured and played: the same questions, equal records; nothing private is in the file."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import to_thread

from cc_async import AkSk, Batch, BatchError, CmsClient, SignatureRejected
from cc_async.capture import capture
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator import Simulator, SteppedClock

OpenSim = Callable[..., Awaitable[Simulator]]
ODD = ("documented", "wrapped", "old_server", "lower_keys", "capped_50", "numbers_as_text", "paging_text")
ODDER = ("task_id_number", "task_array", "count_missing", "unsorted", "code_number_zero", "padded_keys")
KEY = b"a key that nobody keeps"
NOON = datetime(2026, 3, 4, 12, 2, 30, tzinfo=UTC)


class Moved:
    """The clock of whoever captures, beside the contact center's: its sleeps move the contact center on."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def monotonic(self) -> float:
        return self._sim.clock.monotonic()

    def wall(self) -> float:
        return self._sim.clock.wall()

    async def sleep(self, seconds: float) -> None:
        self._sim.advance(seconds)


def site_of(sim: Simulator) -> Site:
    """The site of a contact center."""
    return Site(
        cms_url=sim.cms_url,
        access_key=sim.access_key,
        secret_key=Secret(sim.secret_key),
        global_access_key=sim.global_access_key,
        global_secret_key=Secret(sim.global_secret_key),
        cc_id=sim.cc_id,
        vdn=sim.vdn,
        quota=None,
    )


async def captured(sim: Simulator, path: Path, **options: Any) -> list[dict[str, Any]]:
    """Capture a contact center into a file; returns its lines."""
    out = io.StringIO()
    given = {"task_ids": [sim.task_ids[0], "77"], **options}
    await capture(site_of(sim), out, Moved(sim), KEY, **given)
    await to_thread.run_sync(path.write_text, out.getvalue(), "ascii")
    return [json.loads(line) for line in out.getvalue().splitlines()]


def client_of(sim: Simulator, **given: Any) -> CmsClient:
    """A client with both keys."""
    site = site_of(sim)
    return CmsClient(**{**site.cms_arguments(), **given})


async def everything(cms: CmsClient, task: str, now: datetime) -> dict[str, Batch[Any]]:
    """The questions of a wallboard."""
    end = now.replace(minute=now.minute // 5 * 5, second=0)
    ids = [row.skill_id for row in await cms.skills()]
    return {
        "skills": await cms.skills(),
        "skill_call_stats": await cms.skill_call_stats(ids),
        "skill_states": await cms.skill_states(ids),
        "signed_in_agents": await cms.signed_in_agents(ids[:50]),
        "agent_states": await cms.agent_states(),
        "task_stats": await cms.task_stats([task]),
        "vdns": await cms.vdns(),
        "system_indicators": await cms.system_indicators(begin=end - timedelta(hours=1), end=end, vdns=[170]),
    }


def figures(batch: Batch[Any], *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Rows without what a capture may not hold."""
    hidden = {"name", "phone_number", "task_id", *without}
    return [{key: value for key, value in attrs.asdict(row).items() if key not in hidden} for row in batch]


@pytest.mark.parametrize("profile", [*ODD, *ODDER])
async def test_the_same_questions_give_equal_records(profile: str, open_sim: OpenSim, tmp_path: Path) -> None:
    """At the moment of the capture every figure is the site's own; names are pseudonyms that still join."""
    size = {"vdns": [1, 2], "skills_per_vdn": 30, "agents_per_vdn": 120}
    sim = await open_sim(profile=profile, clock=SteppedClock(NOON.timestamp()), **size)
    path = tmp_path / "site.jsonl"
    await captured(sim, path)
    async with client_of(sim) as real, Simulator.replay(path, clock=SteppedClock(NOON.timestamp())) as played:
        expected = await everything(real, sim.task_ids[0], NOON)
        async with client_of(played) as cms:
            found = await everything(cms, played.task_ids[0], NOON)
            with pytest.raises(SignatureRejected):
                async with client_of(played, auth=AkSk("another", "key")) as stranger:
                    await stranger.skills()
    for interface, batch in expected.items():
        assert figures(found[interface]) == figures(batch), interface
    named: dict[str, str] = {}
    for ours, theirs in zip(expected["signed_in_agents"], found["signed_in_agents"], strict=True):
        assert ours.name != theirs.name
        assert named.setdefault(ours.name, theirs.name) == theirs.name
    assert len(set(named.values())) == len(named) > 1


@pytest.mark.parametrize("mask_ids", [False, True])
async def test_nothing_private_is_in_the_file(open_sim: OpenSim, tmp_path: Path, mask_ids: bool) -> None:
    """No key, signature, name, phone number or task id; without ids where that is wanted."""
    clock = SteppedClock(NOON.timestamp())
    sim = await open_sim(profile="extra_fields", vdns=[1, 2], agents_per_vdn=60, clock=clock)
    lines = await captured(sim, tmp_path / "c.jsonl", mask_ids=mask_ids)
    text = (tmp_path / "c.jsonl").read_text("ascii")
    team = sim.world.team(170)
    people = [team.agent(place) for place in range(team.size)]
    private = [sim.access_key, sim.secret_key, sim.global_access_key, sim.global_secret_key, sim.task_ids[0]]
    private += [part for one in people for part in one.name.split()]
    private += [sim.world.skill_name(170, skill).split()[0] for skill in sim.world.skill_ids(170)]
    private += ["auth-v2", "Berlin", "Madrid", "127.0.0.1"]
    everyone = text + json.dumps(lines, ensure_ascii=False)
    assert [word for word in private if len(word) > 2 and word in everyone] == []
    phones = {one.phone_number for one in people}
    assert not [one for one in phones if f'"{one}"' in text]
    assert ('"vdn":170' in text) is not mask_ids
    assert lines[0]["cc_async_capture"] == 1
    asked = {line["interface"] for line in lines[1:]}
    assert {"skills", "skill_states", "signed_in_agents", "system_indicators", "task_stats"} <= asked
    if mask_ids:
        path = tmp_path / "c.jsonl"
        async with Simulator.replay(path, clock=SteppedClock(NOON.timestamp())) as played:
            assert played.vdn != 170
            async with client_of(played) as cms:
                known = [row.skill_id for row in await cms.skills()]
                states = await cms.skill_states(known)
                agents_seen = {row.agent_id for row in await cms.signed_in_agents(known)}
                every_agent = {row.agent_id for row in await cms.agent_states()}
        assert len(known) == len(set(known)) == len(states) == 30
        assert agents_seen
        assert agents_seen <= every_agent


async def test_the_capture_goes_on_beat_by_beat(open_sim: OpenSim, tmp_path: Path) -> None:
    """Two minutes are eight beats; played, the figures are those of their moment, and stay at the last."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()))
    path = tmp_path / "site.jsonl"
    lines = await captured(sim, path, minutes=2)
    states = [line["t"] for line in lines[1:] if line["interface"] == "skill_states"]
    assert states == [15.0 * beat for beat in range(9)]
    clock = SteppedClock(NOON.timestamp())
    async with Simulator.replay(path, clock=clock) as played, client_of(played) as cms:
        again = await open_sim(clock=SteppedClock(NOON.timestamp()))
        async with client_of(again) as real:
            for _ in range(9):
                assert figures(await cms.skill_states()) == figures(await real.skill_states())
                played.advance(15.0)
                again.advance(15.0)
        played.advance(3600.0)
        last = figures(await cms.skill_states(), without=("sampled_at",))
        assert last == figures(await cms.skill_states(), without=("sampled_at",))


async def test_indicators_are_kept_up_to_date(open_sim: OpenSim, tmp_path: Path) -> None:
    """Their rows are asked anew every 5 minutes; played, the last hour is whole whenever it is asked."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()))
    path = tmp_path / "site.jsonl"
    await captured(sim, path, minutes=6)
    async with Simulator.replay(path, clock=SteppedClock(NOON.timestamp())) as played:
        played.advance(320.0)
        end = NOON.replace(minute=5, second=0)
        hour = {"begin": end - timedelta(hours=1), "end": end, "vdns": [170]}
        async with client_of(played) as cms, client_of(sim) as real:
            found = await cms.system_indicators(**hour)
            assert figures(found) == figures(await real.system_indicators(**hour))
            assert len(found) == 12


async def test_times_move_with_the_clock(open_sim: OpenSim, tmp_path: Path) -> None:
    """Played a year later, buckets, sign-ins and indicators are of that day, on the 5-minute grid."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()))
    path = tmp_path / "site.jsonl"
    await captured(sim, path)
    later = NOON + timedelta(days=365, seconds=37)
    year = timedelta(days=365)
    played = Simulator.replay(path, clock=SteppedClock(later.timestamp()))
    async with played, client_of(played) as cms, client_of(sim) as real:
        [row] = await cms.skill_call_stats([7])
        [old] = await real.skill_call_stats([7])
        assert row.interval_start - old.interval_start == year
        found = await everything(cms, played.task_ids[0], later)
        expected = await everything(real, sim.task_ids[0], NOON)
    pairs = zip(found["signed_in_agents"], expected["signed_in_agents"], strict=True)
    assert {new.login_time - was.login_time for new, was in pairs} == {year}
    moved = [
        attrs.evolve(row, interval_start=row.interval_start - timedelta(days=365))
        for row in found["system_indicators"]
    ]
    assert moved == list(expected["system_indicators"])
    assert moved


async def test_a_question_that_was_never_captured(open_sim: OpenSim, tmp_path: Path) -> None:
    """Some queues, another page size: put together from what is there; another VDN or task: no data."""
    sim = await open_sim(clock=SteppedClock(NOON.timestamp()), agents_per_vdn=120)
    path = tmp_path / "site.jsonl"
    await captured(sim, path)
    played = Simulator.replay(path, clock=SteppedClock(NOON.timestamp()))
    async with played, client_of(played) as cms, client_of(sim) as real:
        assert figures(await cms.skill_states([9, 3, 4711])) == figures(await real.skill_states([9, 3]))
        end = NOON.replace(minute=0, second=0)
        hour = {"begin": end - timedelta(hours=1), "end": end, "vdns": [170]}
        small = cms.with_options(page_size=5)
        assert figures(await small.system_indicators(**hour)) == figures(await real.system_indicators(**hour))
        part = {**hour, "begin": end - timedelta(minutes=20)}
        assert figures(await cms.system_indicators(**part)) == figures(await real.system_indicators(**part))
        assert list(await cms.skill_states([1], vdn=1)) == []
        assert len(await cms.skill_states(range(1, 400))) == 30
        with pytest.raises(BatchError):
            await cms.with_options(array_limit="items").skill_states(range(1, 400))
        assert (await cms.task_stats(["123"])).absent == ("123",)
        with pytest.raises(BatchError) as caught:
            async with client_of(played, request_shape="wrapped") as wrapped:
                await wrapped.skill_states([1])
        assert [error.code for error in caught.value.exceptions] == ["0100002"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a capture"),
        ("hello\n", "not a capture"),
        ("[" * 100_000, "not a capture"),
        ("\udcff\udcfe", "not a capture"),
        ('{"cc_async_capture": 2}\n', "a newer cc_async wrote it: update"),
        ('{"cc_async_capture": 0}\n', "capture it again"),
        ('{"cc_async_capture": 1}\n', "the header lacks"),
        ('{"cc_async_capture": 1, "began": 1, "cc_id": 1, "vdn": 1}\n[1]\n', "line 2 is not a JSON object"),
        ('{"cc_async_capture": 1, "began": 1, "cc_id": 1, "vdn": 1}\n{"t": 1}\n', "line 2 is no pair"),
        (
            '{"cc_async_capture": 1, "began": 1, "cc_id": 1, "vdn": 1}\n{"t": 1, "pa',
            "cut short: delete",
        ),
    ],
)
def test_a_file_that_is_no_capture(tmp_path: Path, text: str, says: str) -> None:
    """It is refused with the line, before anything is opened."""
    path = tmp_path / "c.jsonl"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=says):
        Simulator.replay(path)


async def test_failures_are_captured_too(open_sim: OpenSim, tmp_path: Path) -> None:
    """A service that is not deployed is not deployed in the replay."""
    sim = await open_sim(profile="no_isales", clock=SteppedClock(NOON.timestamp()))
    path = tmp_path / "c.jsonl"
    await captured(sim, path)
    async with Simulator.replay(path) as played, client_of(played) as cms:
        with pytest.raises(BatchError) as caught:
            await cms.task_stats([played.task_ids[0]])
    assert [error.status for error in caught.value.exceptions] == [404]
