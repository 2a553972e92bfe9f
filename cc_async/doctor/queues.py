"""Skill queues and agents: which ids are taken, how long an array may be, how many agents a page holds."""

from __future__ import annotations

from collections.abc import Sequence

from cc_async.doctor.patient import Patient
from cc_async.doctor.report import Finding, note, ok, remark
from cc_async.doctor.scope import numbers

_BOUNDS = (10_000, 5_000, 2_000)
"""The largest queue id by edition of the documents, the newest first."""
_SOME = 20
_LONG = range(1, 401)
"""Ids whose array has 1 492 characters: more than 1000, and fewer than 1000 items."""
_AGENT_PAGE = 1000


async def counted(patient: Patient) -> Sequence[Finding]:
    """Ask for a few queues, and ids at the edges."""
    known = numbers(patient.answers["skills"].rows, "id") if "skills" in patient.answers else []
    found: list[Finding] = [ok("queues", f"{len(known)} skill queues")]
    if not known:
        return [note("no-queues", "the VDN has no skill queues: their fields and limits cannot be looked at")]
    some = known[:_SOME]
    found += await _bounds(patient, some, known)
    (await patient.ask("skill_states", patient.scope(skillIds=some))).checked()
    found += await _array(patient)
    return found


async def _bounds(patient: Patient, some: list[int], known: list[int]) -> list[Finding]:
    """Find the largest id that is taken, and what an id that does not exist is answered."""
    missing = next(number for number in range(1, len(known) + 2) if number not in set(known))
    taken, answer = 0, None
    for bound in _BOUNDS:
        ids = list(dict.fromkeys([*some, missing, bound]))
        answer = await patient.ask("skill_call_stats", patient.scope(skillIds=ids))
        if answer.error is None:
            taken = bound
            break
        if not answer.refused:
            raise answer.error
    if answer is None or answer.error is not None:
        text = "call statistics are refused for the queues the server itself lists"
        return [remark("queues-refused", text, "ask the operator: is the monitoring of queues set up?")]
    found: list[Finding] = []
    if taken != _BOUNDS[0]:
        text = f"skill queue ids above {taken} are refused, as older editions of the documents say"
        found.append(note(f"skill-ids-to-{taken}", text))
    unknown = {missing, taken} - set(known)
    if unknown & set(numbers(answer.rows, "id")):
        text = "a queue that does not exist is answered with zeros: a wrong id does not show as absent"
        found.append(note("zeros-for-unknown", text))
    starts = numbers(answer.rows, "starttime")
    off = {start % 300_000 for start in starts}
    if off - {0}:
        text = f"startTime is {max(off) / 1000:g} s off the 5-minute grid; interval_start is floored to it"
        found.append(note("start-off-grid", text))
    return found


async def _array(patient: Patient) -> list[Finding]:
    """Ask with an array of more than 1000 characters."""
    answer = await patient.ask("skill_call_stats", patient.scope(skillIds=list(_LONG)))
    if answer.error is not None and not answer.refused:
        raise answer.error
    set_to = patient.site.array_limit
    takes_items = answer.error is None
    if takes_items and set_to == "characters":
        patient.settings["array_limit"] = "items"
        text = "id arrays may be longer than 1000 characters: up to 1000 ids fit into one request"
        return [remark("array-items", text, "set what is below: about four times fewer requests")]
    if not takes_items and set_to == "items":
        patient.settings["array_limit"] = "characters"
        text = "an id array of more than 1000 characters is refused, and array_limit says items"
        return [remark("array-characters", text, "set what is below")]
    return [ok("array", f"id arrays are limited by {set_to}, as set")]


async def agents(patient: Patient) -> Sequence[Finding]:
    """Ask for the agents of the VDN, and for those of one queue."""
    answer = (await patient.ask("agent_states", _page(patient, 0))).checked()
    given, total = len(answer.rows), answer.total
    found = [ok("agents", f"{given} agents in the first page")]
    if total is not None and total > given > 0:
        more = (await patient.ask("agent_states", _page(patient, given))).checked()
        if more.rows:
            text = f"a page holds {given} agents at most; the library goes by the rows that come"
            if given < _AGENT_PAGE:
                found.append(note("agent-page-capped", text))
        else:
            found.append(note("agent-count-large", f"count says {total} agents, and {given} are there"))
    elif total is not None and total < given:
        found.append(note("agent-count-small", f"count says {total} agents, and {given} are there"))
    staffed = _staffed(patient)
    if staffed is None:
        found.append(note("nobody-signed-in", "no agent is signed in to the first queues: fields not seen"))
    else:
        (await patient.ask("signed_in_agents", patient.scope(skillId=staffed))).checked()
    return found


def _page(patient: Patient, offset: int) -> dict[str, object]:
    return {**patient.scope(), "limit": _AGENT_PAGE, "offset": offset}


def _staffed(patient: Patient) -> int | None:
    """Return a queue with agents, the one with the most."""
    if "skill_states" not in patient.answers:
        return None
    rows = patient.answers["skill_states"].rows
    heads = dict(zip(numbers(rows, "skillid"), numbers(rows, "agentloginnums"), strict=False))
    best = max(heads, key=lambda skill: heads[skill], default=None)
    return best if best is not None and heads[best] > 0 else None
