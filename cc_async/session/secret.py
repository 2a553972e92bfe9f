"""Text that must not be seen: its repr is masked, and it refuses to be pickled."""

from __future__ import annotations

from typing import NoReturn


class Secret(str):
    """A ``str`` whose repr is masked: it works in HTTP headers and prints as stars in tracebacks with locals.

    ``str(secret)`` is the text itself as a plain ``str``; whoever writes that asks for it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is not pickled; hand it over by the environment or a file")
