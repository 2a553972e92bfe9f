"""Text of others made fit for a wall: one line, of bounded length, nothing that moves or turns writing."""

from __future__ import annotations

LONGEST_NAME, LONGEST_ERROR = 60, 240


def on_one_line(text: str, longest: int) -> str:
    """The printable characters on one line; control, escape and direction characters become blanks."""
    # Cut first: a name of a megabyte must not cost a megabyte of work at every board.
    cut = text[: longest * 4]
    told = " ".join("".join(char if char.isprintable() else " " for char in cut).split())
    return told if len(told) <= longest else told[: longest - 1] + "…"


def name(text: str | None) -> str | None:
    """A name as a board shows it; None where there is none."""
    return (on_one_line(text, LONGEST_NAME) or None) if text else None


def error(problem: Exception) -> str:
    """Why something is missing, in a sentence."""
    return on_one_line(str(problem) or type(problem).__name__, LONGEST_ERROR)
