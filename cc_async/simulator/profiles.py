"""How a server may differ from the documents: frozen switches, and a name for each contradiction."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class Profile:
    """The habits of one server; the defaults are the documented reading of the contract."""

    success_code: str | int = "0100000"
    """What `resultCode` says on success; the sysindex sample has the number 0."""
    numbers: Literal["documented", "text"] = "documented"
    """Numbers of rows as the documents have them, or all as text."""
    task_numbers: Literal["text", "number"] = "text"
    inbound_key: str = "incallNums"
    set_busy_key: str = "agentSetBusyNums"
    key_case: Literal["documented", "lower", "upper"] = "documented"
    padded_keys: bool = False
    """Every key of a row ends in a blank."""
    extra_fields: bool = False
    """Rows and envelope have fields nobody documents."""
    request_shape: Literal["flat", "wrapped", "both"] = "flat"
    paging_type: Literal["any", "text", "number"] = "any"
    """How sysindex wants limit and offset."""
    task_id_type: Literal["any", "text", "number"] = "any"
    indicators_shape: Literal["object", "list"] = "object"
    task_shape: Literal["object", "array"] = "object"
    legacy_copies: Literal["documented", "all", "none", "only"] = "documented"
    """`result` and `resultDatas`: for skill_call_stats, for all, for none, or in place of `resultDesc`."""
    page_max: int = 100
    """Largest `limit` of the interfaces documented with 100."""
    over_page: Literal["refuse", "cap"] = "refuse"
    """What a `limit` above `page_max` gets: 0100002, or fewer rows than asked."""
    agent_page_max: int = 1000
    """Largest `limit` of totalagentabstractex3."""
    count: Literal["right", "large", "small", "missing", "text"] = "right"
    row_order: Literal["vdn", "time", "shuffled"] = "vdn"
    """Order of sysindex rows; a shuffle is the same every time."""
    inclusive_end: bool = False
    """Sysindex also gives the row that begins at endDate."""
    unknown_skills: Literal["absent", "zeros"] = "absent"
    unknown_codes: bool = False
    """Every third row has a status, state and media type nobody knows (42)."""
    global_refusal: Literal["code", "401"] = "code"
    """How a tenant key is turned away from the interfaces of the global key."""
    isales: bool = True
    """Whether outbound tasks are deployed; else 404."""
    offset_ignored: bool = False
    limit_ignored: bool = False
    array_limit: Literal["characters", "items"] = "characters"
    skill_max: int = 10_000
    agent_max: int = 999_999
    empty_query_line: bool = False
    """The signature has an empty line where there is no query."""
    start_offset_ms: int = 0
    """How far startTime is off the 5-minute grid; 2000 in the vendor's sample."""
    idle_agents_refused: bool = False
    """Gateway: 100-007 for an agent who is not in a call."""
    auth_mode: Literal[1, 2] = 2
    """AUTHMODE of the gateway, for agents who sign in there: 1 one GUID for the whole session, 2 a new one
    every minute on the answer of a poll or heartbeat, each dying 120 s after it was given."""
    heartbeat: Literal["handshake", "heartbeat"] = "handshake"
    """Gateway: `POST .../handshake`, or `PUT .../heartbeat` on older servers; the other one is 404."""
    gzip: bool = False
    """Answers are compressed when the client accepts it."""


_NAMED = {
    "documented": Profile(),
    "code_number_zero": Profile(success_code=0),
    "code_text_zero": Profile(success_code="0"),
    "numbers_as_text": Profile(numbers="text"),
    "task_numbers": Profile(task_numbers="number"),
    "in_call_nums": Profile(inbound_key="inCallNums"),
    "set_busy_lower": Profile(set_busy_key="agentSetbusyNums"),
    "lower_keys": Profile(key_case="lower"),
    "upper_keys": Profile(key_case="upper"),
    "padded_keys": Profile(padded_keys=True),
    "extra_fields": Profile(extra_fields=True),
    "wrapped": Profile(request_shape="wrapped"),
    "flat_or_wrapped": Profile(request_shape="both"),
    "paging_text": Profile(paging_type="text"),
    "paging_number": Profile(paging_type="number"),
    "task_id_number": Profile(task_id_type="number"),
    "task_id_text": Profile(task_id_type="text"),
    "indicators_list": Profile(indicators_shape="list"),
    "task_array": Profile(task_shape="array"),
    "legacy_everywhere": Profile(legacy_copies="all"),
    "no_legacy": Profile(legacy_copies="none"),
    "old_server": Profile(legacy_copies="only"),
    "page_1000": Profile(page_max=1000),
    "capped_50": Profile(page_max=50, agent_page_max=50, over_page="cap"),
    "capped_1000": Profile(page_max=1000, over_page="cap"),
    "count_large": Profile(count="large"),
    "count_small": Profile(count="small"),
    "count_missing": Profile(count="missing"),
    "count_text": Profile(count="text"),
    "by_time": Profile(row_order="time"),
    "unsorted": Profile(row_order="shuffled"),
    "inclusive_end": Profile(inclusive_end=True),
    "unknown_skills_zero": Profile(unknown_skills="zeros"),
    "unknown_codes": Profile(unknown_codes=True),
    "global_401": Profile(global_refusal="401"),
    "no_isales": Profile(isales=False),
    "offset_ignored": Profile(offset_ignored=True),
    "limit_ignored": Profile(limit_ignored=True),
    "array_items": Profile(array_limit="items"),
    "skills_2000": Profile(skill_max=2000),
    "empty_query_line": Profile(empty_query_line=True),
    "start_off_grid": Profile(start_offset_ms=2000),
    "idle_agents_refused": Profile(idle_agents_refused=True),
    "static_guids": Profile(auth_mode=1),
    "old_heartbeat": Profile(heartbeat="heartbeat"),
    "gzip": Profile(gzip=True),
}
PROFILES: Mapping[str, Profile] = MappingProxyType(_NAMED)
"""Every profile by name; each contradicts the documented one in one thing."""


def profile_of(given: Profile | str) -> Profile:
    """Return a profile by name, or the one that is given."""
    if isinstance(given, Profile):
        return given
    try:
        return PROFILES[given]
    except KeyError:
        raise ValueError(f"no profile is called {given!r}; there are: {', '.join(PROFILES)}") from None
