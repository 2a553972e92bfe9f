"""How this host wants its requests: parameters flat, or wrapped in ``queryParam``."""

from __future__ import annotations

from collections.abc import Sequence

from cc_async.contract.spec import Shape
from cc_async.doctor.line import Answer
from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, problem, remark
from cc_async.errors import NoPermission

_NAMES = {False: "flat", True: "wrapped"}


async def requests(patient: Patient) -> Sequence[Finding]:
    """Ask for the skill queues both ways."""
    set_to = patient.site.request_shape
    first = set_to == "wrapped"
    answers = {first: await _skills(patient, wrapped=first)}
    if (stop := _stop(answers[first])) is not None:
        return [stop]
    answers[not first] = await _skills(patient, wrapped=not first)
    good = [wrapped for wrapped, answer in answers.items() if answer.error is None]
    if not good:
        return [_both_refused(patient, answers[first])]
    patient.shape = Shape(wrapped=good[0])
    name = _NAMES[good[0]]
    if len(good) == 2:
        return [note("flat-or-wrapped", f"parameters may come flat or in queryParam; {name} is used")]
    if set_to not in ("learn", name):
        patient.settings["request_shape"] = name
        text = f"the server wants its parameters {name}, and request_shape says {set_to}"
        return [remark("wrong-shape", text, "set what is below")]
    if good[0]:
        if set_to == "learn":
            patient.settings["request_shape"] = "wrapped"
        text = "parameters are wanted in queryParam; the library finds out, the setting saves a request"
        return [note("wrapped", text)]
    return [ok("shape", "parameters flat, as documented")]


async def _skills(patient: Patient, *, wrapped: bool) -> Answer:
    return await patient.ask("skills", patient.scope(), shape=Shape(wrapped=wrapped))


def _stop(answer: Answer) -> Finding | None:
    """Name what the other shape would not change."""
    if isinstance(answer.error, NoPermission):
        advice = "ask for a key with permission for the monitoring interfaces (CC-CMS)"
        return problem("no-permission", f"the key is good, but not for this: {answer.error.message}", advice)
    if answer.error is not None and not answer.refused:
        raise answer.error
    return None


def _both_refused(patient: Patient, answer: Answer) -> Finding:
    said = answer.error.message if answer.error is not None else ""
    text = f"cc_id {patient.site.cc_id} with vdn {patient.site.vdn} is refused, flat and wrapped: {said}"
    return problem("parameters-refused", text, "check cc_id and vdn: the operator knows them")
