"""What the keys open: the interfaces of the global key, and the service modules that may not be there."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from cc_async.doctor.line import Answer
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, problem, remark
from cc_async.errors import NoPermission, NotDeployed, SignatureRejected
from cc_async.session.tolerant import fold
from cc_async.session.values import BadValue, whole

_LOST = "system_indicators and vdns cannot be asked"
_NOBODYS_TASK = "1"
_AS_NUMBER = frozenset({"taskId"})


async def overall(patient: Patient) -> Sequence[Finding]:
    """Ask for the VDNs: only the global key of an independent deployment may."""
    key = patient.global_key
    answer = await patient.ask("vdns", {"ccId": patient.site.cc_id}, key=key)
    error = answer.error
    if error is None:
        patient.has_global = True
        return [ok("global", f"the {key} key opens it: {len(answer.rows)} VDNs"), *_own(patient, answer)]
    if isinstance(error, NotDeployed):
        text = f"not an independent deployment (HTTP 404): {_LOST}"
        return [remark("not-independent", text, "nothing to set; leave those two interfaces out")]
    if not isinstance(error, SignatureRejected | NoPermission):
        raise error
    how = "HTTP 401" if isinstance(error, SignatureRejected) else f"code {error.code}"
    if key == "tenant":
        advice = (
            "ask for the global key of an independent deployment and set CC_ASYNC_GLOBAL_ACCESS_KEY and "
            "CC_ASYNC_GLOBAL_SECRET_KEY; without it leave those two interfaces out"
        )
        return [remark("global-key-needed", f"a tenant key is not enough ({how}): {_LOST}", advice)]
    text = f"the global key is turned away ({how}): {_LOST}"
    advice = "check the global key pair; or this is no independent deployment, ask the operator"
    return [remark("global-key-rejected", text, advice)]


def _own(patient: Patient, answer: Answer) -> list[Finding]:
    """The VDN of the site should be among those of the call center."""
    known = numbers(answer.rows, "vdn")
    if known and patient.site.vdn not in known:
        text = f"vdn {patient.site.vdn} is not among the {len(known)} VDNs of this call center"
        return [problem("vdn-unknown", text, "check vdn and cc_id: cc-async list vdns shows what is there")]
    return []


async def tasks(patient: Patient) -> Sequence[Finding]:
    """Ask for an outbound task, its id as text and as a number; one that nobody has will do."""
    task = patient.task_id or _NOBODYS_TASK
    params = patient.scope(taskId=task)
    as_text = await patient.ask("task_stats", params)
    if isinstance(as_text.error, NotDeployed):
        text = "iSales is not deployed (HTTP 404): task_stats cannot be asked"
        return [remark("isales-not-deployed", text, "nothing to set; leave task_stats out")]
    shape = evolve(patient.shape, as_number=_AS_NUMBER)
    as_number = await patient.ask("task_stats", params, shape=shape)
    if isinstance(as_text.error, NoPermission):
        advice = "ask for a key with permission for outbound tasks, or leave task_stats out"
        return [remark("no-permission-tasks", f"not for this key: {as_text.error.message}", advice)]
    if as_text.refused and as_number.refused:
        text = "the task id is refused as text and as a number: task_stats cannot be asked"
        return [remark("task-refused", text, "give the id of a real task with --task")]
    (as_number if as_text.refused else as_text).checked()
    found: list[Finding] = []
    if as_text.refused:
        found.append(
            note("task-id-number", "task ids are wanted as numbers; the library finds out by itself")
        )
    elif as_number.refused:
        found.append(note("task-id-text", "task ids are wanted as text, as the library sends them"))
    answer = as_number if as_text.refused else as_text
    rows = answer.rows
    if isinstance(answer.data, list):
        found.append(note("task-array", "a task comes as an array of one row"))
    if not rows and patient.task_id is not None:
        found.append(note("no-such-task", "there is no task with the id that was given"))
    told = "iSales answers" if rows else "iSales answers; the fields of a task show with --task ID"
    return [ok("isales", told), *found]


def numbers(rows: Sequence[object], name: str) -> list[int]:
    """Return the numbers of one field, by its folded name; rows without one are left out."""
    found: list[int] = []
    for row in rows:
        try:
            number = whole(fold(row).get(name)) if isinstance(row, dict) else None
        except BadValue:
            number = None
        if number is not None:
            found.append(number)
    return found
