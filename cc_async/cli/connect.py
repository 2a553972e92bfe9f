"""From options to open clients: site, keys (environment, file or hidden prompt), TLS."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve

from cc_async import AkSk, CmsClient, GatewayClient, settings
from cc_async.cli.options import Link
from cc_async.cli.usage import UsageError
from cc_async.session.events import Observer
from cc_async.session.secret import Secret
from cc_async.settings import Site


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
        timeout=_seconds(link.timeout),
    )
    # A person sees the progress and has Ctrl-C: only an explicit limit ends a command early.
    return site if link.timeout else evolve(site, timeout=None)


def with_keys(site: Site) -> Site:
    """Ask for missing keys at the terminal, unseen; off a terminal a missing key is a ConfigError."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        if site.access_key is None:
            site = evolve(site, access_key=_typed("access key: "))
        if site.secret_key is None:
            site = evolve(site, secret_key=Secret(_typed("secret key: ")))
    site.require("access_key", "secret_key")
    return site


def _typed(prompt: str) -> str:
    """Return a line that the terminal does not show; raises UsageError when there is none."""
    try:
        typed = getpass.getpass(prompt, sys.stderr).strip()
    except EOFError:
        typed = ""
    if not typed:
        raise UsageError("no key was typed", hint="set CC_ASYNC_ACCESS_KEY and CC_ASYNC_SECRET_KEY")
    return typed


def cms_client(site: Site, observers: Sequence[Observer] = ()) -> CmsClient:
    """Make the client of CC-CMS; opens on first use. Raises ConfigError."""
    site.require("cms_url")
    global_auth = None
    if site.global_access_key and site.global_secret_key:
        global_auth = AkSk(site.global_access_key, site.global_secret_key)
    return CmsClient(
        site.cms_url or "",
        AkSk(site.access_key or "", site.secret_key or ""),
        global_auth=global_auth,
        cc_id=site.cc_id,
        vdn=site.vdn,
        quota=site.quota,
        page_size=site.page_size,
        array_limit=site.array_limit,
        observers=observers,
        **site.common_arguments(),
    )


def gateway_client(site: Site, observers: Sequence[Observer] = ()) -> tuple[GatewayClient, tuple[int, ...]]:
    """Make the client of CC-Gateway and name the agents of the GUIDs file; raises ConfigError."""
    site.require("gateway_url", "guids_file")
    guids = settings.read_guids(site.guids_file or Path())
    client = GatewayClient(site.gateway_url or "", guids, observers=observers, **site.common_arguments())
    return client, tuple(guids)


def gateway_without_guids(site: Site) -> GatewayClient:
    """Make a client that can plan and nothing else."""
    return GatewayClient(site.gateway_url or "", {}, **site.common_arguments())


def _seconds(text: str | None) -> object:
    """Read the number of ``--timeout``; what is none is left for the settings to refuse."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
