"""The ``cc-async`` command: parse, run, and turn every outcome into an exit code and at most one line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from cc_async.cli.codes import FINE, INTERRUPTED, NOTHING, USAGE
from cc_async.cli.text import in_options, visible
from cc_async.cli.usage import UsageError
from cc_async.errors import BatchError, CcError, ConfigError

__all__ = ["main"]

_UNKNOWN = 3
"""What a monitoring plugin that cannot tell exits with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 nothing worked, 2 usage, 3 partial, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A name that the terminal's encoding lacks is spelled by number, not a crash.
            reconfigure(errors="backslashreplace")
    with _one_line_each():
        try:
            code = _run(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()
            return code
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read has had enough; what is still buffered must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FINE


def _run(arguments: list[str]) -> int:
    """Parse and run; every error becomes one line."""
    try:
        from cyclopts import CycloptsError, UnusedCliTokensError

        from cc_async.cli.app import app
        from cc_async.cli.check_run import as_plugin
        from cc_async.cli.output import console
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "rich", "tomlkit"):
            raise
        told = f"{error.name} is not installed - pip install 'cc_async[cli]'"
        if arguments[:1] == ["check"]:
            sys.stdout.write(f"CHECK UNKNOWN - {told}\n")
            return _UNKNOWN
        return _fail(told, USAGE)
    run = partial(app, arguments, console=console(sys.stdout, 100), exit_on_error=False, print_error=False)
    if arguments[:1] == ["check"]:
        return as_plugin(arguments, run)
    try:
        found = run()
    except UnusedCliTokensError as error:
        surplus = " ".join(error.unused_tokens or ())
        command = " ".join(("cc-async", *(error.command_chain or ())))
        return _fail(f"{command}: what is {surplus!r}? - options have names: {command} --help", USAGE)
    except (CycloptsError, UsageError, ConfigError) as error:
        return _fail(str(error), USAGE)
    except BatchError as error:
        first, *others = error.exceptions
        return _fail(f"{first}; {len(others):,} more parts failed" if others else str(first), NOTHING)
    except CcError as error:
        return _fail(str(error), NOTHING)
    except BrokenPipeError:
        raise
    except Exception as error:
        # A mistake of ours; where it is stands in the line, since nobody wants a traceback in a cron mail.
        where = _place(error)
        return _fail(
            f"internal error at {where}: {type(error).__name__}: {error} - please report it", NOTHING
        )
    return found if isinstance(found, int) else FINE


def _place(error: BaseException) -> str:
    """Return file and line an error comes from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        "?" if trace is None else f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
    )


def _fail(text: str, code: int) -> int:
    """Write one line to stderr and return the exit code."""
    sys.stderr.write(f"cc-async: {visible(in_options(' '.join(text.split())))}\n")
    return code


@contextmanager
def _one_line_each() -> Iterator[None]:
    """Write warnings and what the library logs as one line each, without the place in the code."""
    handler = _OneLine(logging.WARNING)
    logger = logging.getLogger("cc_async")
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
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
