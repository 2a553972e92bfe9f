"""The ``cc-async`` command: parse, run, and turn every outcome into an exit code and at most one line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cc_async.cli.codes import FINE, INTERRUPTED, NOTHING, USAGE
from cc_async.cli.text import visible
from cc_async.cli.usage import UsageError
from cc_async.errors import BatchError, CcError, ConfigError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 nothing worked, 2 usage, 3 partial, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A name that the terminal's encoding lacks is spelled by number, not a crash.
            reconfigure(errors="backslashreplace")
    with _one_line_each():
        try:
            return _run(sys.argv[1:] if arguments is None else list(arguments))
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read has had enough; what is still buffered must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FINE


def _run(arguments: list[str]) -> int:
    """Parse and run; every error becomes one line."""
    try:
        from cyclopts import CycloptsError

        from cc_async.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "rich"):
            raise
        return _fail(f"{error.name} is not installed - pip install 'cc_async[cli]'", USAGE)
    try:
        found = app(arguments, exit_on_error=False, print_error=False)
    except (CycloptsError, UsageError, ConfigError) as error:
        return _fail(str(error), USAGE)
    except BatchError as error:
        return _fail(f"{error.message}: {error.exceptions[0]}", NOTHING)
    except CcError as error:
        return _fail(str(error), NOTHING)
    return found if isinstance(found, int) else FINE


def _fail(text: str, code: int) -> int:
    """Write one line to stderr and return the exit code."""
    sys.stderr.write(f"cc-async: {visible(' '.join(text.split()))}\n")
    return code


@contextmanager
def _one_line_each() -> Iterator[None]:
    """Write warnings and what the library logs as one line each, without the place in the code."""
    handler = _OneLine(logging.WARNING)
    logger = logging.getLogger("cc_async")
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, *_, **__: _warn(str(message))
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _OneLine(logging.Handler):
    """Writes a log record as a warning, without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        _warn(record.getMessage())


def _warn(text: str) -> None:
    sys.stderr.write(f"cc-async: warning: {visible(' '.join(text.split()))}\n")
