"""Tables, JSON and CSV, and the harm that text from servers can do."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async import (
    AgentStatus,
    SignedInAgent,
    Skill,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
)
from cc_async.cli import views
from cc_async.cli.output import Format, Report, write
from cc_async.cli.text import visible
from cc_async.export.cells import harmless

HOSTILE = {
    "markup": "[bold red]Sales[/bold red]",
    "ansi": "\x1b[31mred\x1b[0m\x07",
    "csi": "\x9b31mred",
    "direction": "abc\u202egnp.exe",
    "isolates": "\u2066x\u2069\u200f",
    "lines": "two\nlines\rback",
    "surrogate": "half \ud83d pair",
    "separator": "a\u2028b",
}


def shown(report: Report, form: Format, *, rows: int = 200) -> str:
    """What a report looks like."""
    out = io.StringIO()
    write(report, form, out, rows=rows)
    return out.getvalue()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_in_a_table(name: str) -> None:
    """A name shows as it is spelled: no markup is obeyed, nothing moves the cursor or turns the writing."""
    text = shown(Report(views.SKILLS, [Skill(skill_id=1, name=name)]), Format.TABLE)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl") for char in text.replace("\n", ""))
    assert len(text.splitlines()) == 4
    if name.startswith("[bold"):
        assert name in text


@given(st.text(st.characters(exclude_categories=())))
def test_visible_text_is_harmless_and_stays_readable(name: str) -> None:
    """No control, format or surrogate character passes; printable text is left as it is."""
    clean = visible(name)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in clean)
    if name.isprintable():
        assert clean == name


def test_a_megabyte_of_name_is_cut() -> None:
    """A huge name does not flood the terminal."""
    text = shown(Report(views.SKILLS, [Skill(skill_id=1, name="n" * 1_000_000)]), Format.TABLE)
    assert "…" in text
    assert len(text) < 1_000


@pytest.mark.parametrize(
    ("start", "written"),
    [
        *((sign, sign) for sign in ("=", "+", "-", "@", " =", "＝", "＠")),
        ("\t", "\\x09"),
        ("\r", "\\x0d"),
        ("\n", "\\x0a"),
    ],
)
def test_a_cell_is_never_a_formula(start: str, written: str) -> None:
    """Text that a spreadsheet would run gets an apostrophe; other text and numbers are left alone."""
    assert harmless(f"{start}1+1") == f"'{written}1+1"
    assert harmless("1+1=2") == "1+1=2"


def test_csv_has_every_field_and_keeps_numbers() -> None:
    """A row is read back as it was: numbers stay numbers, below zero too; codes are numbers, instants UTC."""
    moment = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    rows = [
        SignedInAgent(
            skill_id=1, agent_id=101, name="=cmd|' /C calc'!A0", status=AgentStatus(77), login_time=moment
        )
    ]
    [row] = csv.DictReader(io.StringIO(shown(Report(views.SIGNED_IN_AGENTS, rows), Format.CSV)))
    assert row["name"] == "'=cmd|' /C calc'!A0"
    assert (row["skill_id"], row["agent_id"], row["status"]) == ("1", "101", "77")
    assert row["login_time"] == "2026-11-20T12:00:00Z"
    assert row["group_id"] == ""
    indicators = [SystemIndicators(vdn=1, interval_start=moment, connection_rate_raw=-5)]
    [row] = csv.DictReader(io.StringIO(shown(Report(views.SYSTEM_INDICATORS, indicators), Format.CSV)))
    assert row["connection_rate_raw"] == "-5"


def test_csv_without_rows_is_its_header() -> None:
    """An empty answer still says which columns there are."""
    text = shown(Report(views.SKILLS), Format.CSV)
    assert text == "skill_id,name,media_type,cc_id,vdn\n"


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_is_plain_ascii_and_gives_the_name_back(name: str) -> None:
    """JSON is safe on a terminal and loses nothing."""
    text = shown(Report(views.SKILLS, [Skill(skill_id=1, name=name)], requests=2), Format.JSON)
    assert text.isascii()
    assert "\x1b" not in text
    document = json.loads(text)
    assert list(document) == ["version", "records", "failures", "rejected", "absent", "requests"]
    assert document["records"][0]["name"] == name
    assert (document["version"], document["requests"]) == (1, 2)


def test_a_table_says_what_it_leaves_out() -> None:
    """Rows beyond the limit are counted, and 0 shows all."""
    queues = [Skill(skill_id=number) for number in range(1, 31)]
    report = Report(views.SKILLS, queues, absent=[41, 42], requests=1)
    short = shown(report, Format.TABLE, rows=10)
    assert "30 skill queues; 1 request; 20 rows not shown" in short
    assert "2 answered without a row: 41, 42" in short
    assert len(short.splitlines()) == 2 + 10 + 1
    assert len(shown(report, Format.TABLE, rows=0).splitlines()) == 2 + 30 + 1


def test_cells_are_written_for_people() -> None:
    """Rates are per cent, codes are words or their number, what is unknown is a dash."""
    task = TaskStats(task_id="11", total=4, success_rate=0.5)
    line = shown(Report(views.TASK_STATS, [task]), Format.TABLE).splitlines()[2]
    assert line.split() == ["11", "4", "-", "-", "50.0%", "-", "-", "-", "-"]
    agents = [
        SignedInAgent(skill_id=1, agent_id=2, status=AgentStatus.NOT_READY),
        SignedInAgent(skill_id=1, agent_id=3, status=AgentStatus(77)),
    ]
    text = shown(Report(views.SIGNED_IN_AGENTS, agents), Format.TABLE)
    assert "not ready" in text
    assert text.splitlines()[3].split()[:4] == ["1", "3", "-", "77"]


class Window(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """A terminal it is."""
        return True


MOMENT = datetime(2026, 11, 20, 12, 5, 30, tzinfo=UTC)
ROWS = {
    "calls": (views.SKILL_CALL_STATS, SkillCallStats(skill_id=10_000, interval_start=MOMENT, offered=123)),
    "states": (views.SKILL_STATES, SkillState(skill_id=10_000, signed_in_agents=123, calls_waiting=12)),
    "indicators": (
        views.SYSTEM_INDICATORS,
        SystemIndicators(vdn=1700, interval_start=MOMENT, inbound_calls=9),
    ),
    "agents": (
        views.SIGNED_IN_AGENTS,
        SignedInAgent(skill_id=1, agent_id=10_001, name="Wolfeschlegelsteinhausenberger", login_time=MOMENT),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_table_fits_a_window_of_80(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers break between words only, numbers and instants never: one line a row, but for long names."""
    monkeypatch.setenv("TERM", "dumb")  # 80 wide, no colours
    view, record = ROWS[name]
    out = Window()
    write(Report(view, [record], requests=1), Format.TABLE, out, rows=0)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    head = " ".join(lines).partition("\u2500")[0].split()
    assert set(head) - {"(UTC)"} == set(
        " ".join(view.columns).replace("_id", "").replace("_seconds", " (s)").replace("_", " ").split()
    )
    rule = next(number for number, line in enumerate(lines) if "\u2500" in line)
    body = lines[rule + 1 : -1]
    assert len(body) == (2 if name == "agents" else 1)
    if name in ("calls", "indicators"):
        assert "11-20 12:05 " in body[0]
    if name == "agents":
        assert "11-20 12:05:30" in body[0]


def test_a_wide_window_shows_instants_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room nothing is shortened."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    view, record = ROWS["calls"]
    out = Window()
    write(Report(view, [record]), Format.TABLE, out, rows=0)
    assert "2026-11-20T12:05:30Z" in out.getvalue()
