"""Text that must not be seen: masked in its repr, not to be pickled, struck out of answers."""

from __future__ import annotations

import re
from typing import Final, NoReturn

_SENSITIVE: Final = re.compile(
    r"auth-v2/\S+|(?:bearer|basic)\s+\S+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:\.\w+)?"
    r"|[0-9a-f]{32,}"
    # A date is no secret. What else has seven digits may be a phone number, however it is grouped.
    r"|(?P<date>(?<![\d-])(?:19|20)\d\d-[01]\d-[0-3]\d(?:[ T]\d\d(?=:))?(?![ -]?\d))"
    r"|\+?\d(?:[\s\u2010-\u2015-]{0,2}\d){6,}",
    re.IGNORECASE,
)
# From the start of a word only: looking from every character of a long one would take for ever.
_GUID: Final = re.compile(r"(?<!\S)\S*\.AgentGateway\w*", re.IGNORECASE)


def struck_out(text: str) -> str:
    """The server's words without signatures, GUIDs and phone numbers: an answer may echo what was sent."""
    return _SENSITIVE.sub(lambda found: found["date"] or "***", _GUID.sub("***", text))


def without_guids(text: str) -> str:
    """The server's data without GUIDs; everything else stays, numbers of callers too."""
    return _GUID.sub("***", text)


class Veiled(bytes):
    """Bytes that hold a secret: they travel as bytes do, and their repr is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Veiled(b'***')"


class Secret(str):
    """A ``str`` whose repr is masked: it works in HTTP headers and prints as stars in tracebacks with locals.

    ``str(secret)`` is the text itself as a plain ``str``; whoever writes that asks for it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; hand it over by the environment or a file")
