"""Numbers 38 to 54: what is in the bodies."""

# ruff: noqa: SIM117 - first a server, then a client of it: one line each

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cc_async import AkSk
from cc_async.errors import ApiError, BatchError, DecodeError, NoPermission

from . import answers
from . import behaviours as do
from .checks import ACCESS_KEY, AGENT, SECRET_KEY, asking, asking_gateway, checked, failing, no_secret
from .server import FaultServer, Seen, Wire

ROW = answers.skill_row(1)


def envelope(**fields: Any) -> bytes:
    """A body of these fields."""
    return json.dumps(fields).encode()


async def rows_of(body: bytes, **options: Any) -> Any:
    """Ask queue 1 of a server that always says this, and return the batch."""
    async with FaultServer(then=do.body(body)) as server, asking(server, **options) as cms:
        return await cms.skill_call_stats([1], partial=True)


async def error_of(body: bytes, kind: type[Any], **expected: Any) -> Any:
    """Ask queue 1 of a server that always says this, and return the error."""
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        return await failing(cms.skill_call_stats([1]), kind, within=3, **expected)


@pytest.mark.parametrize("code", ["0100000", "0", 0, "0200000", " 0100000 "])
async def test_fault_38_codes_of_success(code: Any) -> None:
    """Every spelling of success brings the rows."""
    batch = await rows_of(envelope(resultCode=code, resultDesc=[ROW]))
    assert batch[0].offered == 6


async def test_fault_38_a_failure_code() -> None:
    """A failure's text stands where the rows would, and reaches the user with the code."""
    error = await error_of(
        answers.cms_failure("0100003", "CTI too old"), ApiError, code="0100003", attempts=1
    )
    assert error.text == "CTI too old"
    error = await error_of(answers.cms_failure("0101002", "no"), NoPermission, code="0101002", attempts=1)


@pytest.mark.parametrize(
    "body", [envelope(resultDesc=[ROW]), b"{}", envelope(resultCode=None, resultDesc=[])]
)
async def test_fault_39_no_code(body: bytes) -> None:
    """Without a code nobody knows whether it went well."""
    error = await error_of(body, DecodeError, attempts=1)
    assert "resultCode" in error.message


@pytest.mark.parametrize("code", ["9999999", "E-1", 7, "100000", -1, "0100000x"])
async def test_fault_40_unknown_code(code: Any) -> None:
    """An unknown code is an ApiError that keeps it; 100000 is not 0100000."""
    await error_of(envelope(resultCode=code, resultDesc="x"), ApiError, code=str(code), attempts=1)


async def test_fault_40_known_codes_are_asked_once_more() -> None:
    """Call failed, unknown exception: both are asked twice, other codes once."""
    for code in ("0100001", "0100999"):
        await error_of(answers.cms_failure(code, "failed"), ApiError, attempts=2)


ROWS_IN: dict[str, tuple[Any, int]] = {
    "a list": ([ROW], 1),
    "an object": (ROW, 1),
    "data and count": ({"data": [ROW], "count": 1}, 1),
    "an empty list": ([], 0),
    "null": (None, 0),
    "an empty text": ("", 0),
    "an empty object": ({}, 0),
    "data null": ({"data": None, "count": 0}, 0),
}


@pytest.mark.parametrize(("data", "number"), ROWS_IN.values(), ids=ROWS_IN.keys())
async def test_fault_41_result_desc_in_every_form(data: Any, number: int) -> None:
    """Wherever the rows are, they are found; no rows are an absent key."""
    batch = await rows_of(envelope(resultCode="0100000", resultDesc=data))
    assert len(batch) == number
    assert batch.absent == (() if number else (1,))


@pytest.mark.parametrize("data", ["some text", 7, True, 1.5, [[ROW]], ["x"], [None]])
async def test_fault_41_result_desc_that_is_nothing(data: Any) -> None:
    """What cannot be rows is a DecodeError."""
    await error_of(envelope(resultCode="0100000", resultDesc=data), DecodeError)


async def test_fault_42_result_datas_in_its_place() -> None:
    """An old server's rows are read from the copy."""
    batch = await rows_of(envelope(resultCode="0100000", result="0", resultDatas=[ROW]))
    assert batch[0].offered == 6


NUMBERS: dict[str, tuple[str, int | None]] = {
    "text": ('"7"', 7),
    "blanks": ('" 7 "', 7),
    "float": ("7.0", 7),
    "null": ("null", None),
    "empty": ('""', None),
    "none": ("4294967295", None),
}
BAD_NUMBERS = ["true", "NaN", "1e999", "-1", "9223372036854775808", '"1_000"', '"１２"', "1.5", "[]", "{}"]


@pytest.mark.parametrize(("written", "read"), NUMBERS.values(), ids=NUMBERS.keys())
async def test_fault_43_numbers_in_every_form(written: str, read: int | None) -> None:
    """A count is read from text and whole floats; nothing is None."""
    body = answers.cms([{**ROW, "allCallCount": "#"}]).replace(b'"#"', written.encode())
    assert (await rows_of(body))[0].offered == read


@pytest.mark.parametrize("written", BAD_NUMBERS)
async def test_fault_43_a_bad_number_costs_its_row(written: str) -> None:
    """A number that cannot be read: its row is reported, the other lives."""
    body = answers.cms([{**ROW, "allCallCount": "#"}, answers.skill_row(2)])
    body = body.replace(b'"#"', written.encode())
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        batch = await cms.skill_call_stats([1, 2], partial=True)
        assert [row.skill_id for row in batch] == [2]
        assert len(batch.rejected) == 1
        assert "offered" in batch.rejected[0].reason or "allCallCount" in batch.rejected[0].reason
        with pytest.raises(BatchError) as caught:
            await cms.skill_call_stats([1, 2])
        checked(caught.value, DecodeError)


RATES = {"50%": 0.5, "50": 0.5, "0.5": 0.5, "--": None, "": None, "100%": 1.0, "0%": 0.0}


@pytest.mark.parametrize(("written", "read"), RATES.items())
async def test_fault_44_rates(written: str, read: float | None) -> None:
    """Rates are ratios, or None."""
    body = answers.cms({"totalCount": "4", "succRate": written})
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        assert (await cms.task_stats(["1122104910"]))[0].success_rate == read


@pytest.mark.parametrize("name", ["incallNums", "inCallNums", "INCALLNUMS", "incallNums "])
async def test_fault_45_spellings(name: str) -> None:
    """Names are read in any case, with blanks around them."""
    begin = datetime(2023, 11, 14, 22, 15, tzinfo=UTC)
    end = datetime(2023, 11, 14, 22, 20, tzinfo=UTC)
    row = answers.indicator_row(170, answers.START)
    row[name] = row.pop("incallNums")
    body = answers.cms({"data": [row], "count": 1})
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        batch = await cms.system_indicators(begin=begin, end=end, vdns=[170])
        assert [row.inbound_calls for row in batch] == [7]


async def test_fault_46_unknown_fields() -> None:
    """Fields nobody knows harm nothing."""
    body = answers.cms([{**ROW, "new": {"deep": [1, {"x": None}]}, "": 1}], extra=[1], result="0")
    assert (await rows_of(body))[0].offered == 6


async def test_fault_47_missing_field_is_none() -> None:
    """What the server does not say is None and never 0."""
    row = (await rows_of(answers.cms([{"id": 1, "startTime": answers.START}])))[0]
    assert row.offered is None
    assert row.connected is None


async def test_fault_48_fewer_rows_than_ids() -> None:
    """Ids without a row are absent: told, and no error."""
    async with FaultServer(then=do.body(answers.cms([ROW]))) as server, asking(server) as cms:
        batch = await cms.skill_call_stats([1, 2, 3])
        assert batch.absent == (2, 3)
        assert batch.complete


async def test_fault_49_more_rows_than_ids() -> None:
    """Duplicate and foreign rows are dropped and told as events; each key stays once."""
    seen: list[Any] = []

    class Watcher:
        def on_event(self, event: Any) -> None:
            seen.append(event)

    rows = [ROW, answers.skill_row(77), ROW, answers.skill_row(2)]
    async with FaultServer(then=do.body(answers.cms(rows))) as server:
        async with asking(server, observers=[Watcher()]) as cms:
            batch = await cms.skill_call_stats([1, 2])
    assert [row.skill_id for row in batch] == [1, 2]
    assert batch.dropped == 2
    told = {(event.reason, event.count) for event in seen if type(event).__name__ == "RowsDropped"}
    assert told == {("duplicates", 1), ("foreign", 1)}


async def test_fault_50_unknown_status_numbers() -> None:
    """A code outside the table is kept as its number."""
    body = answers.cms([answers.agent_row(1, status=42, ctiStatus=77, mediaType=999)])
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        row = (await cms.signed_in_agents([1]))[0]
    assert (row.status, row.cti_status, row.media_type) == (42, 77, 999)


UNREADABLE = {
    "100 000 levels": b'{"resultCode":"0100000","resultDesc":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100 000 levels, open": b'{"resultDesc":' + b'{"a":' * 100_000,
    "100 000 levels in a row": answers.cms([{**ROW, "x": "#"}]).replace(
        b'"#"', b"[" * 100_000 + b"]" * 100_000
    ),
    "a lone surrogate": answers.cms([{**ROW, "name": "#"}]).replace(b"#", rb"\ud800"),
    "a mark of byte order": b"\xef\xbb\xbf" + answers.cms([ROW]),
    "UTF-16": answers.cms([ROW]).decode().encode("utf-16"),
    "UTF-32": answers.cms([ROW]).decode().encode("utf-32"),
    "Latin-1": answers.cms([ROW], name="#").replace(b"#", b"\xe9"),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_fault_51_bodies_that_break_parsers(body: bytes) -> None:
    """Depth, broken text and foreign encodings are DecodeErrors, not crashes."""
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        await failing(cms.skill_call_stats([1]), DecodeError, within=4)


NASTY = [
    '=HYPERLINK("x")',
    "+1",
    "@SUM(A1)",
    "\x1b[31mred\x1b[0m",
    "\u202eevil",
    "x" * 2**20,
    "a\r\nb",
    "\x00",
]


@pytest.mark.parametrize("name", NASTY, ids=["formula", "plus", "at", "ansi", "rtl", "1 MB", "lines", "nul"])
async def test_fault_52_nasty_names(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A name is data: it arrives as it was sent, and never in a log, an error or an event.

    Tables and CSV escape it: held by the tests of the command line.
    """
    body = answers.cms([answers.agent_row(1, name=name)])
    async with FaultServer(then=do.body(body)) as server, asking(server) as cms:
        batch = await cms.signed_in_agents([1])
        assert batch[0].name == name
        no_secret(batch, batch[0], list(batch))
    bad = answers.cms([answers.agent_row(1, name=name, workNo="x"), answers.agent_row(1)])
    async with FaultServer(then=do.body(bad)) as server, asking(server) as cms:
        batch = await cms.signed_in_agents([1], partial=True)
        assert name not in repr(batch.rejected)
    assert name[:40] not in caplog.text or len(name) < 4


@pytest.mark.parametrize("start", [0, 1, 946_684_800_000, 4_102_444_800_000])
async def test_fault_53_start_time_of_another_age(start: int) -> None:
    """A bucket of the past or future is kept as it was sent."""
    row = (await rows_of(answers.cms([{**ROW, "startTime": start}])))[0]
    assert row.start_time == datetime.fromtimestamp(start / 1000, UTC)
    assert row.offered == 6


async def test_fault_53_start_time_beyond_the_calendar() -> None:
    """An instant no calendar has costs its row and nothing else."""
    batch = await rows_of(answers.cms([{**ROW, "startTime": 10**18}, ROW]))
    assert len(batch.rejected) == 1
    assert [row.skill_id for row in batch] == [1]


async def test_fault_54_the_bucket_rolls_over_between_two_chunks() -> None:
    """A batch whose rows are of two intervals tells both."""

    async def rolling(wire: Wire, seen: Seen) -> None:
        late = 1 not in seen.json["skillIds"]
        rows = [
            answers.skill_row(skill, startTime=answers.START + late * 300_000)
            for skill in seen.json["skillIds"]
        ]
        await do.body(answers.cms(rows))(wire, seen)

    async with FaultServer(then=rolling) as server, asking(server) as cms:
        batch = await cms.skill_call_stats(range(1, 401))
        assert len(batch) == 400
    first, second = batch.interval_starts
    assert (second - first).total_seconds() == 300
    assert {row.interval_start for row in batch} == {first, second}


async def test_fault_38_gateway_codes() -> None:
    """The gateway's codes: retried as declared, told with their meaning."""
    counts = {"000-004": 3, "100-007": 2, "100-006": 1, "000-003": 1, "100-012": 1}
    for code, requests in counts.items():
        body = answers.gateway({}, code, "said")
        async with FaultServer(then=do.body(body)) as server, asking_gateway(server) as gateway:
            await failing(gateway.agent_call_stats([AGENT]), ApiError, within=3, attempts=requests, code=code)
            assert len(server.requests) == requests


def test_the_key_used_here_is_no_real_one() -> None:
    """The constants are the same everywhere."""
    assert repr(AkSk(ACCESS_KEY, SECRET_KEY)) == "AkSk(AKFA..., '***')"
