"""How answers are wrapped: the success code, the copies kept for old clients, fields nobody documents."""

from __future__ import annotations

from collections.abc import Sequence

from cc_async.doctor.drift import field_name
from cc_async.doctor.line import Answer
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok

_DOCUMENTED = frozenset({"resultcode", "resultdesc", "result", "resultdatas", "count"})
_SUCCESS = "0100000"
_COPIED = "skill_call_stats"
"""The one interface whose documents have the copies."""


async def wrapped(patient: Patient) -> Sequence[Finding]:
    """Look at the envelopes of all good answers; nothing is asked."""
    answers = patient.answers
    found = [ok("envelope", f"{len(answers)} interfaces answered well")]
    codes = {repr(answer.code) for answer in answers.values()} - {repr(_SUCCESS)}
    if "0" in codes:
        found.append(note("code-number-zero", "success is the number 0 in place of 0100000"))
    if "'0'" in codes:
        found.append(note("code-text-zero", 'success is the text "0" in place of 0100000'))
    unknown = {name for answer in answers.values() for name in _names(answer)} - _DOCUMENTED
    if unknown:
        shown = ", ".join(sorted({field_name(name) for name in unknown})[:10])
        found.append(note("unknown-envelope-fields", f"answers carry fields nobody documents: {shown}"))
    if any(answer.reply.headers.get("Content-Encoding") for answer in answers.values()):
        found.append(note("compressed", "answers are compressed"))
    return [*found, *_copies(answers)]


def _copies(answers: dict[str, Answer]) -> list[Finding]:
    """Look where the rows stand: in resultDesc, in resultDatas, or twice."""
    by_name = {name: _names(answer) for name, answer in answers.items()}
    if not by_name:
        return []
    if not any("resultdesc" in names for names in by_name.values()):
        return [note("old-server", "rows stand in resultDatas only: a server of 8.13 or earlier")]
    copied = {name for name, names in by_name.items() if "resultdatas" in names}
    if copied - {_COPIED}:
        return [note("copies-everywhere", "every answer holds its rows twice (resultDatas)")]
    if _COPIED in by_name and _COPIED not in copied:
        return [note("no-copies", "rows stand in resultDesc only, without the copy for old clients")]
    return []


def _names(answer: Answer) -> set[str]:
    return {name.strip().lower() for name in answer.document}
