"""Text that must not be seen: masked in its repr, not to be pickled, struck out of answers."""

from __future__ import annotations

import re
from typing import Final, NoReturn

_SENSITIVE: Final = re.compile(
    r"auth-v2/\S+|(?:bearer|basic)\s+\S+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:\.\w+)?"
    r"|[0-9a-f]{32,}|\+?\d{7,}",
    re.IGNORECASE,
)


def struck_out(text: str) -> str:
    """The server's words without signatures, GUIDs and long numbers: an answer may echo what was sent."""
    return _SENSITIVE.sub("***", text)


class Secret(str):
    """A ``str`` whose repr is masked: it works in HTTP headers and prints as stars in tracebacks with locals.

    ``str(secret)`` is the text itself as a plain ``str``; whoever writes that asks for it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; hand it over by the environment or a file")
