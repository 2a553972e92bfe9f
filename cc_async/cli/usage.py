"""Mistakes of the person at the keyboard: one line, a hint, exit code 2."""

from __future__ import annotations


class UsageError(Exception):
    """The command was written wrongly; the text has one line, the hint says what to write."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        text = str(self.args[0])
        return f"{text} - {self.hint}" if self.hint else text
