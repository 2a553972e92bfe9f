"""Questions to the person at the terminal: shown, hidden, yes or no; asked again until the answer will do."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

from cc_async.cli.text import in_options, visible
from cc_async.cli.usage import UsageError
from cc_async.errors import ConfigError
from cc_async.settings.keys import read_key

_REFUSED = "that will not do"
_MOST = 5
"""Answers that will not do before we give up."""


class Asker:
    """Asks on stderr and reads stdin, so that stdout stays for the outcome."""

    def require_terminal(self, hint: str) -> None:
        """Raise UsageError where nobody is there to answer."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("there is no terminal to ask at", hint=hint)

    def tell(self, text: str) -> None:
        """Say something."""
        sys.stderr.write(f"{visible(text)}\n")

    def yes(self, question: str) -> bool:
        """Ask a question; only a clear yes is one."""
        return self._read(f"{question} [y/N] ").lower() in ("y", "yes")

    def value(
        self, key: str, question: str, default: object = None, check: Callable[[Any], object] | None = None
    ) -> Any:
        """Ask for the value of a key of the site's table; ``check`` may refuse one with ConfigError."""
        return self._until(key, question, default, number=False, check=check)

    def number(self, key: str, question: str, default: int | None = None) -> Any:
        """Ask for a number."""
        return self._until(key, question, default, number=True)

    def hidden(self, key: str, prompt: str) -> Any:
        """Ask for a secret; the terminal does not show it."""
        for _ in range(_MOST):
            try:
                return read_key(key, getpass.getpass(prompt, sys.stderr).strip(), _REFUSED)
            except EOFError:
                break
            except ConfigError as error:
                self.tell(str(error))
        raise UsageError(f"no {key} was typed")

    def _until(
        self,
        key: str,
        question: str,
        default: object,
        *,
        number: bool,
        check: Callable[[Any], object] | None = None,
    ) -> Any:
        shown = "" if default is None else f" [{default}]"
        for _ in range(_MOST):
            typed: Any = self._read(f"{question}{shown}: ") or default
            if number and isinstance(typed, str) and typed.isascii() and typed.isdigit():
                typed = int(typed)
            try:
                found = read_key(key, "" if typed is None else typed, _REFUSED)
                if check is not None:
                    check(found)
            except ConfigError as error:
                self.tell(in_options(str(error)))
            else:
                return found
        raise UsageError(f"no {key} that will do was typed")

    def _read(self, prompt: str) -> str:
        sys.stderr.write(visible(prompt))
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise UsageError("the input ended")
        return line.strip()
