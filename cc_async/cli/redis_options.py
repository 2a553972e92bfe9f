"""The address of Redis on the command line: never with a password, the extra it needs, the shared pacer."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from cc_async.cli.usage import UsageError

VARIABLE = "CC_ASYNC_REDIS_URL"
FROM_ENVIRONMENT = "env"
_PACER = "cc_async.integrations.redis_pacer"


def need(extra: str, *packages: str) -> None:
    """Raise UsageError when a package of an extra is missing."""
    for package in packages:
        if find_spec(package) is None:
            raise UsageError(f"{package} is not installed", hint=f"pip install 'cc_async[{extra}]'")


def redis_url(text: str | None, option: str) -> str:
    """The address: that of the option, or of CC_ASYNC_REDIS_URL for ``env`` and for nothing.

    Raises UsageError for a password in an argument, and ConfigError for what is no address.
    """
    need("redis", "redis")
    from cc_async.integrations.redis_link import checked

    if text is None or text == FROM_ENVIRONMENT:
        found = os.environ.get(VARIABLE)
        if not found:
            hint = f"give redis://host:6379/0, or set {VARIABLE}"
            raise UsageError(f"{option}: which Redis?", hint=hint)
        return checked(found)
    url = checked(text)
    parts = urlsplit(url)
    if parts.password or "password=" in parts.query:
        raise UsageError(
            f"{option}: everybody on this machine can see a password in an argument",
            hint=f"put the whole address into {VARIABLE} and write {option} {FROM_ENVIRONMENT}",
        )
    return url


def shared_pacer(url: str) -> Any | None:
    """The quota that all workers of this Redis share; None where this release has none yet."""
    if find_spec(_PACER) is None:
        return None
    return import_module(_PACER).RedisPacer(url)
