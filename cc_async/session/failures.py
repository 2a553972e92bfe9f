"""What a failed exchange is called, in words that repeat nothing of what was sent or received."""

from __future__ import annotations

import errno
import os

from cc_async.errors import ConnectError


class StaleConnection(ConnectError):
    """A kept connection turned out to be closed before any byte of the answer: send again at once."""

    stale = True


def os_reason(error: OSError) -> str:
    """Say why there is no connection."""
    if error.errno == errno.ECONNREFUSED:
        return "the connection was refused: nothing listens on this port"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "the host is unreachable: no route to it"
    if isinstance(error, ConnectionError):
        return "the other side closed the connection while it was being made"
    return f"no connection: {os.strerror(error.errno) if error.errno else type(error).__name__}"


def http_reason(message: str) -> str:
    """Say what is wrong with the answer without repeating it."""
    if message.startswith(("Got more than", "Too many headers")):
        return "the headers of the answer are too large"
    if message.startswith("Bad status line"):
        return "the answer is not HTTP/1.1: another protocol on this port?"
    if "Content-Length" in message:
        return "the answer is not HTTP as it should be: its length is given twice or wrongly"
    return "the answer is not HTTP as it should be"


def proxy_refusal(status: int) -> ConnectError:
    """Return the error for a proxy that answers for itself."""
    wrong = "the proxy wants a user and a password, or other ones" if status == 407 else "the proxy refuses"
    return ConnectError(f"{wrong} (HTTP {status})", code=str(status), retryable=status >= 500)
