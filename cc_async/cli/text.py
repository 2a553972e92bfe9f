"""Text from servers made harmless for terminals, and how instants and codes are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum

from cc_async.export import cells

_OPTIONS = {
    "give vdn=, or a default with CmsClient(..., vdn=170)": "give --vdn 170",
    "give allow_http=True": "give --allow-http",
    "give a longer timeout=": "give a longer --timeout",
    ", or take what arrived with partial=True": "",
    "give cc_id=": "give --cc-id",
    "give state_file=": "give --state",
    "give another state_file=": "give another --state",
    "use quota=None": "use none",
    "sign out there first; force=True, and nothing else, would end that session": "sign out there first",
    "give Tls(ca_file=...)": "give --ca-file",
    "pin it with Tls(fingerprint=...)": "pin it with --fingerprint",
}
"""How the library's hints read in Python, and what a person at the keyboard writes."""

_ARGUMENT = re.compile(r"^argument: (\w+)")
"""How a setting that is no good begins when it was given to the library, here by an option."""


def visible(text: str, *, longest: int | None = None) -> str:
    """Cut the end, and spell everything that a terminal would obey by its number."""
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return cells.visible(text)


def in_options(text: str) -> str:
    """Say what the library's hints ask for in the options of the command."""
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return _ARGUMENT.sub(lambda found: f"--{found[1].replace('_', '-')}", text)


def instant(moment: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, without a fraction."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_instant(moment: datetime, *, seconds: bool) -> str:
    """Write an instant in UTC without year and zone, for a narrow window."""
    return moment.astimezone(UTC).strftime("%m-%d %H:%M:%S" if seconds else "%m-%d %H:%M")


def word(code: Enum) -> str:
    """Name a code of a table in lower case; a code outside the table keeps its number."""
    return code.name.lower().replace("_", " ") if getattr(code, "known", True) else str(code.value)
