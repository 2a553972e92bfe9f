"""From options to open clients: site, keys (environment, file or hidden prompt), TLS."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import evolve

from cc_async import CmsClient, ConfigError, GatewayClient, settings
from cc_async.cli.options import Link
from cc_async.cli.text import in_options, visible
from cc_async.cli.usage import UsageError
from cc_async.clients.base import Unset
from cc_async.session.events import Observer
from cc_async.session.secret import Secret
from cc_async.settings import Site

GUIDS = "CC_ASYNC_GUIDS"
"""Variable with the JSON object that a file of GUIDs holds."""
_KEYS = "set CC_ASYNC_ACCESS_KEY and CC_ASYNC_SECRET_KEY"


def site_of(link: Link, environ: Mapping[str, str] | None = None) -> Site:
    """Read the site the options, the environment and the file describe; raises ConfigError."""
    site = settings.load(
        link.site,
        link.config,
        environ=environ,
        cms_url=link.cms_url,
        gateway_url=link.gateway_url,
        cc_id=link.cc_id,
        vdn=link.vdn,
        ca_file=link.ca_file,
        fingerprint=link.fingerprint,
        quota=link.quota,
        page_size=link.page_size,
        concurrency=link.concurrency,
        allow_http=link.allow_http or None,
    )
    limit = site.timeout if isinstance(link.seconds, Unset) else link.seconds
    # A person sees the progress and has Ctrl-C: only a limit that somebody set ends a command early.
    return evolve(site, timeout=None if isinstance(limit, Unset) else limit)


def at_terminal() -> bool:
    """True when somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def with_keys(site: Site) -> Site:
    """Ask for missing keys at the terminal, unseen; off a terminal a missing key is a ConfigError."""
    if at_terminal():
        if site.access_key is None:
            site = evolve(site, access_key=typed("access key: "))
        if site.secret_key is None:
            site = evolve(site, secret_key=Secret(typed("secret key: ")))
    site.require("access_key", "secret_key")
    return site


def typed(prompt: str, what: str = "key", hint: str = _KEYS) -> str:
    """Return a line that the terminal does not show; raises UsageError when there is none."""
    try:
        line = getpass.getpass(prompt, sys.stderr).strip()
    except EOFError:
        line = ""
    if not line:
        raise UsageError(f"no {what} was typed", hint=hint)
    return line


def cms_client(site: Site, observers: Sequence[Observer] = ()) -> CmsClient:
    """Make the client of CC-CMS; opens on first use. Raises ConfigError, UsageError."""
    with _usage():
        return CmsClient(**site.cms_arguments(), observers=observers)


def gateway_client(site: Site, observers: Sequence[Observer] = ()) -> tuple[GatewayClient, tuple[int, ...]]:
    """Make the client of CC-Gateway and name the agents with a GUID, of CC_ASYNC_GUIDS or else of the file.

    Raises ConfigError, UsageError.
    """
    text = os.environ.get(GUIDS)
    with _usage():
        arguments = site.gateway_arguments(guids=not text)
        if text:
            arguments["guids"] = _guids(text)
        return GatewayClient(**arguments, observers=observers), tuple(arguments["guids"])


def gateway_without_guids(site: Site, observers: Sequence[Observer] = ()) -> GatewayClient:
    """Make a client that can plan, and sign agents in; raises ConfigError, UsageError."""
    with _usage():
        return GatewayClient(**site.gateway_arguments(guids=False), guids={}, observers=observers)


def _guids(text: str) -> dict[int, Secret]:
    """Read the JSON object of CC_ASYNC_GUIDS; the client looks at what is in it. Raises ConfigError."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(agent.isascii() and agent.isdigit() for agent in found):
        raise ConfigError(f"{GUIDS}: not a JSON object of GUIDs", hint='write {"101": "<guid>", ...}')
    return {int(agent): Secret(guid) if isinstance(guid, str) else guid for agent, guid in found.items()}


@contextmanager
def _usage() -> Iterator[None]:
    """Turn arguments that a client refuses into a UsageError: options and files are where they came from."""
    try:
        yield
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise UsageError(visible(in_options(str(error)), longest=300)) from None
