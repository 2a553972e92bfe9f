"""The webhook of a command: where its address comes from, and one test message."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cyclopts import Group, Parameter

from cc_async import ConfigError
from cc_async.cli import run
from cc_async.cli.codes import FINE, NOTHING
from cc_async.cli.usage import UsageError
from cc_async.integrations.chat import Format, test_message
from cc_async.integrations.webhook import Webhook
from cc_async.session.secret import Secret

ADDRESS, SECRET = "CC_ASYNC_WEBHOOK", "CC_ASYNC_WEBHOOK_SECRET"


@Parameter(name="*", group=Group("Webhook", sort_key=6))
@dataclass(frozen=True)
class Hook:
    """Where alerts are posted. Whoever knows the address can post: it is a secret."""

    webhook: str | None = None
    """Its address. Options are visible to everybody on this machine: better CC_ASYNC_WEBHOOK or a file."""
    webhook_file: Path | None = None
    """File that holds the address and nothing else."""
    format: Format = "json"
    """How the chat wants it. The secret of a Feishu or DingTalk robot: CC_ASYNC_WEBHOOK_SECRET."""


def webhook_of(hook: Hook, *, allow_http: bool) -> Webhook | None:
    """Make the webhook of the options and the environment; None: no address anywhere. Raises ConfigError."""
    address = _address(hook)
    if address is None:
        return None
    return Webhook(
        address,
        form=hook.format,
        secret=os.environ.get(SECRET) or None,
        allow_http=allow_http,
        proxy=_proxy(address),
        on_trouble=run.say,
    )


def _address(hook: Hook) -> Secret | None:
    if hook.webhook is not None and hook.webhook_file is not None:
        raise UsageError("--webhook and --webhook-file exclude each other")
    if hook.webhook is not None:
        run.say(f"--webhook is visible to everybody on this machine: set {ADDRESS}, or give --webhook-file")
        return Secret(hook.webhook)
    if hook.webhook_file is not None:
        return _read(hook.webhook_file)
    found = os.environ.get(ADDRESS)
    return Secret(found) if found else None


def _read(path: Path) -> Secret:
    """The address in a file, without any of it in an error."""
    try:
        text = path.expanduser().read_text("utf-8").strip()
        readable = path.expanduser().stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except OSError as error:
        raise ConfigError(f"--webhook-file {path}: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--webhook-file {path}: not UTF-8") from None
    if os.name == "posix" and readable:
        run.say(f"{path} holds a secret and can be read by others: chmod 600 it")
    return Secret(text)


def _proxy(address: str) -> str | None:
    """The proxy of the environment (HTTPS_PROXY, NO_PROXY), as other programs take it."""
    try:
        parts = urlsplit(address)
        passed_by = not parts.hostname or proxy_bypass(parts.hostname)
    except ValueError:
        return None  # no URL at all: the webhook says so
    found = None if passed_by else getproxies().get(parts.scheme)
    # Other programs take HTTPS_PROXY=proxy.example.com:3128 as well.
    return f"http://{found}" if found and "://" not in found else found or None


async def try_it(webhook: Webhook) -> int:
    """Post one test message, once, and say what came of it."""
    async with webhook as hook:
        found = await hook.send(test_message("cc-async can post here."))
    if found.kind == "delivered":
        run.say(f"{webhook.host} took the test message")
        return FINE
    run.say(f"{webhook.host} did not take the test message: {found.reason}")
    return NOTHING
