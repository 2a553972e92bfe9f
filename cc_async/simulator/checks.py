"""Reading parameters as a server does: every limit of the contract, and 0100002 for what breaks one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from .profiles import Profile

CC_MAX, VDN_MAX = 65_535, 5_000
ARRAY_MAX, VDNS_MAX, DAYS_MAX, TASK_ID_MAX = 1000, 100, 31, 30
Params = dict[str, Any]


class IllegalParameter(ValueError):
    """A request broke a rule; its text becomes resultDesc of 0100002."""


def refuse(text: str) -> NoReturn:
    """Refuse a request."""
    raise IllegalParameter(text)


def unwrapped(body: object, profile: Profile) -> Params:
    """Return the parameters of a body, flat or in `queryParam`, as the profile wants them."""
    if not isinstance(body, dict):
        refuse("the request body is not a JSON object")
    inner = body.get("queryParam")
    wrapped = isinstance(inner, dict)
    if profile.request_shape == "wrapped" and not wrapped:
        refuse("queryParam is missing")
    if profile.request_shape == "flat" and "queryParam" in body:
        refuse("ccId is missing")
    return inner if isinstance(inner, dict) else body


def integer(params: Params, name: str, low: int, high: int, *, text: bool = False) -> int:
    """Return a mandatory integer within bounds; `text`: digits in a string will do."""
    if name not in params:
        refuse(f"{name} is missing")
    value = params[name]
    if text and isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(f"{name} is not an integer")
    if not low <= value <= high:
        refuse(f"{name} is not from {low} to {high}")
    return value


def call_center(params: Params, cc_id: int, *, needed: bool = True, text: bool = False) -> None:
    """Check ccId."""
    if "ccId" not in params and not needed:
        return
    if integer(params, "ccId", 1, CC_MAX, text=text) != cc_id:
        refuse("this call center does not exist")


def vdn(params: Params, known: tuple[int, ...]) -> int:
    """Return the VDN of a request."""
    value = integer(params, "vdn", 1, VDN_MAX)
    if value not in known:
        refuse(f"VDN {value} does not exist")
    return value


def skill_ids(params: Params, raw: bytes, profile: Profile) -> list[int]:
    """Return the skill ids of a request, each once; `raw` is the body as it was sent."""
    ids = params.get("skillIds")
    if not isinstance(ids, list) or not ids:
        refuse("skillIds is not an array of skill queue IDs")
    for value in ids:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= profile.skill_max:
            refuse(f"skillIds: a value is not an integer from 1 to {profile.skill_max}")
    if len(ids) > ARRAY_MAX:
        refuse(f"skillIds has more than {ARRAY_MAX} items")
    if profile.array_limit == "characters" and _sent_length(raw) > ARRAY_MAX:
        refuse(f"skillIds exceeds {ARRAY_MAX} characters")
    return list(dict.fromkeys(ids))


def _sent_length(raw: bytes) -> int:
    """Return how many characters the skillIds array has as it was sent, brackets and commas included."""
    parts = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    if "skillIds" not in parts:
        parts = msgspec.json.decode(parts["queryParam"], type=dict[str, msgspec.Raw])
    return len(bytes(parts["skillIds"]))


def vdns(params: Params, known: tuple[int, ...]) -> list[int]:
    """Return the VDNs of a sysindex request that exist, ascending; all when none is named."""
    given = params.get("vdn")
    if given is None or given == []:
        return list(known)
    if not isinstance(given, list):
        refuse("vdn is not a list")
    if len(given) > VDNS_MAX:
        refuse(f"vdn has more than {VDNS_MAX} items")
    for value in given:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= VDN_MAX:
            refuse(f"vdn: a value is not an integer from 1 to {VDN_MAX}")
    wanted = set(given)
    return [value for value in known if value in wanted]


def window(params: Params) -> tuple[int, int]:
    """Return beginDate and endDate as epoch seconds; together at most 31 days, rounded up."""
    begin, end = _instant(params, "beginDate"), _instant(params, "endDate")
    if end < begin:
        refuse("endDate is before beginDate")
    if -(-(end - begin) // 86_400) > DAYS_MAX:
        refuse(f"the interval exceeds {DAYS_MAX} days")
    return begin, end


def _instant(params: Params, name: str) -> int:
    value = params.get(name)
    try:
        if not isinstance(value, str) or len(value) != len("2021-09-09 00:00:00"):
            raise ValueError
        return int(datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        refuse(f"{name} is not of the form YYYY-MM-DD HH:MM:SS")


def paging(
    params: Params, profile: Profile, largest: int, default: int | None, kind: str = "any"
) -> tuple[int, int]:
    """Return limit and offset, as numbers or text (`kind`); without a `default` both are mandatory.

    A limit above `largest` is refused or cut, as the profile has it.
    """
    found: dict[str, int] = {}
    for name, lowest in (("limit", 1), ("offset", 0)):
        value = params.get(name)
        if value is None:
            if default is None:
                refuse(f"{name} is missing")
            found[name] = default if name == "limit" else 0
            continue
        if kind == "text" and not isinstance(value, str):
            refuse(f"{name} is not a string")
        found[name] = integer(params, name, lowest, 2**31 - 1, text=kind != "number")
    limit, offset = found["limit"], found["offset"]
    if limit > largest and profile.over_page == "refuse" and not profile.limit_ignored:
        refuse(f"limit exceeds {largest}")
    limit = largest if profile.limit_ignored else min(limit, largest)
    return limit, 0 if profile.offset_ignored else offset


def task_id(params: Params, profile: Profile) -> str:
    """Return the id of an outbound task as text."""
    value = params.get("taskId")
    if isinstance(value, int) and not isinstance(value, bool) and profile.task_id_type != "text":
        value = str(value)
    elif not isinstance(value, str) or profile.task_id_type == "number":
        refuse("taskId is not of the right type")
    if not value.isascii() or not value.isdigit() or len(value) > TASK_ID_MAX:
        refuse(f"taskId is not a number of at most {TASK_ID_MAX} characters")
    return value
