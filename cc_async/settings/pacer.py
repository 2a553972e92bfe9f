"""The pacer that a site names: a file of this host, or a Redis or Valkey for many hosts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from cc_async.errors import ConfigError
from cc_async.session.file_book import file_pacer
from cc_async.session.pacer import Pacer
from cc_async.session.secret import Secret


def common_pacer(url: Secret | None, file: Path | None) -> Pacer | None:
    """Return the pacer that a client made of settings shares with other processes; it is closed with it.

    Raises ConfigError: both are set, the folder of the file is missing, the extra ``redis`` is.
    """
    if url is not None and file is not None:
        raise ConfigError("pacer and quota_shared are both set", hint="set one of them")
    if file is not None:
        return file_pacer(file)
    if url is None:
        return None
    # By name: integrations lie above, and only who wants Redis has it installed.
    module = import_module("cc_async.integrations.redis_pacer")
    pacer: Pacer = module.RedisPacer(str(url), own=True)
    return pacer
