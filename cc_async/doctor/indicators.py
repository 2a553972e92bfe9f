"""System indicators: how they are asked, ends, order and counts, and how large a page may be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from cc_async.doctor.line import Answer
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, remark
from cc_async.doctor.scope import numbers
from cc_async.session.tolerant import fold

_PERIOD = 300
_HOUR, _DAYS = 3600, 4 * 86_400
_BACK = 7200
"""Seconds the asked time lies back: its rows are surely closed."""
_SMALL, _DOCUMENTED, _LARGE = 5, 100, 1000
_AS_TEXT = frozenset({"limit", "offset"})
_NOT_ASKED = "not looked at: it needs the global key"


async def rows(patient: Patient) -> Sequence[Finding]:
    """Ask for an hour of one or two VDNs, limit and offset as numbers and as text."""
    if not patient.has_global:
        return [note("not-asked", _NOT_ASKED)]
    params = _params(patient, _HOUR, _DOCUMENTED, 0)
    as_number = await _ask(patient, params)
    text_shape = evolve(patient.shape, as_text=_AS_TEXT)
    as_text = await _ask(patient, params, shape=text_shape)
    found: list[Finding] = []
    if as_number.refused and as_text.error is None:
        patient.shape = text_shape
        found.append(
            note("paging-text", "limit and offset are wanted as text; the library finds out by itself")
        )
    elif as_text.refused and as_number.error is None:
        found.append(
            note("paging-number", "limit and offset are wanted as numbers, as the library sends them")
        )
    answer = as_text if as_number.refused else as_number
    if answer.refused:
        text = f"refused: {answer.error.message if answer.error else ''}"
        return [
            remark("indicators-refused", text, "ask the operator which call center and VDNs have history")
        ]
    answer.checked()
    return [ok("indicators", f"{len(answer.rows)} rows of an hour"), *found, *_looked_at(patient, answer)]


def _looked_at(patient: Patient, answer: Answer) -> list[Finding]:
    """Read from one whole answer how the server gives rows."""
    found: list[Finding] = []
    if isinstance(answer.data, list):
        found.append(note("indicators-list", "rows come as a bare list, without a count"))
    if not answer.rows:
        return [*found, note("no-indicators", "no rows in that hour: nothing to look at")]
    end = _end(patient) * 1000
    whole_rows = len(answer.rows) < _DOCUMENTED
    inside = [row for row in answer.rows if end not in numbers([row], "begintime")]
    if len(inside) < len(answer.rows):
        text = "the row that begins at the end is given, too; the library keeps [begin, end)"
        found.append(note("inclusive-end", text))
    found += _count(answer) if whole_rows else []
    if (order := _order(answer)) is not None:
        found.append(order)
    return found


def _count(answer: Answer) -> list[Finding]:
    """Compare what is counted with what came; a list has no count to compare."""
    given, total = len(answer.rows), answer.total
    if not isinstance(answer.data, dict):
        return []
    said = fold(answer.data).get("count")
    if total is None:
        return [note("count-missing", "the total is not counted; the library reads on to an empty page")]
    if total != given:
        size = "large" if total > given else "small"
        text = f"count says {total}, and {given} rows are there; the library does not rely on it"
        return [note(f"count-{size}", text)]
    return [note("count-text", "count comes as text")] if isinstance(said, str) else []


def _order(answer: Answer) -> Finding | None:
    """Name the order of the rows, where two VDNs show it."""
    vdns, times = numbers(answer.rows, "vdn"), numbers(answer.rows, "begintime")
    if len(vdns) != len(times):
        return None
    places = list(zip(vdns, times, strict=True))
    if places == sorted(places):
        return None
    if [time for _, time in places] == sorted(times):
        return note("rows-by-time", "rows come ordered by time, then VDN")
    return note("rows-unsorted", "rows come in no order")


async def pages(patient: Patient) -> Sequence[Finding]:
    """Ask two small pages and one large one, and count what comes."""
    if not patient.has_global or "system_indicators" not in patient.answers:
        return [note("not-asked", _NOT_ASKED)]
    first = (await _ask(patient, _params(patient, _HOUR, _SMALL, 0))).checked()
    second = (await _ask(patient, _params(patient, _HOUR, _SMALL, _SMALL))).checked()
    found: list[Finding] = []
    if len(first.rows) > _SMALL:
        text = f"limit is ignored: {len(first.rows)} rows came where {_SMALL} were asked; the library copes"
        found.append(note("limit-ignored", text))
    elif first.rows and first.rows == second.rows:
        text = "offset is ignored: only the first page of an answer can be read"
        advice = "ask narrow times and few VDNs, so that every answer fits into one page; tell the vendor"
        found.append(remark("offset-ignored", text, advice))
    large = await _ask(patient, _params(patient, _DAYS, _LARGE, 0))
    if large.error is not None and not large.refused:
        raise large.error
    return [*found, *_size(patient, large)]


def _size(patient: Patient, large: Answer) -> list[Finding]:
    """Say what a page holds, judged by one page of 1000."""
    set_to = patient.site.page_size
    given, total = len(large.rows), large.total
    if large.refused:
        if set_to == "learn" or set_to <= _DOCUMENTED:
            return [ok("pages", f"a page holds {_DOCUMENTED} rows, as documented")]
        patient.settings["page_size"] = _DOCUMENTED
        text = f"a page of {_LARGE} rows is refused, and page_size says {set_to}"
        return [remark("page-refused", text, "set what is below")]
    if given >= _LARGE:
        if set_to == "learn" or set_to >= _LARGE:
            return [ok("pages", f"a page holds {_LARGE} rows")]
        patient.settings["page_size"] = _LARGE
        text = f"a page holds {_LARGE} rows: ten times fewer requests than documented"
        return [remark("page-1000", text, "set what is below")]
    if total is not None and total > given and given != _DOCUMENTED:
        text = f"a page holds {given} rows, whatever is asked; the library goes by the rows that come"
        return [note("page-capped", text)]
    if given == _DOCUMENTED:
        return [ok("pages", f"a page holds {_DOCUMENTED} rows, as documented")]
    return [note("few-rows", f"only {given} rows are there: how large a page may be does not show")]


async def _ask(patient: Patient, params: dict[str, Any], **options: Any) -> Answer:
    return await patient.ask("system_indicators", params, key=patient.global_key, **options)


def _params(patient: Patient, seconds: int, limit: int, offset: int) -> dict[str, Any]:
    """Return the parameters of a question about the site's VDN; an hour is asked of a second VDN, too."""
    site, end = patient.site, _end(patient)
    vdns = [site.vdn]
    if seconds == _HOUR and "vdns" in patient.answers:
        vdns += [other for other in numbers(patient.answers["vdns"].rows, "vdn") if other != site.vdn][:1]
    return {
        "ccId": site.cc_id,
        "vdn": vdns,
        "beginDate": _instant(end - seconds),
        "endDate": _instant(end),
        "limit": limit,
        "offset": offset,
    }


def _end(patient: Patient) -> int:
    """Return a time on the 5-minute grid whose rows are closed, by the server's clock."""
    offset = patient.first.offset if patient.first is not None else None
    return int(patient.clock.wall() + (offset or 0.0)) // _PERIOD * _PERIOD - _BACK


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
