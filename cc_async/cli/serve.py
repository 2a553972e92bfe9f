"""``serve``: one process asks, everybody reads: a wallboard in the browser, JSON, events, metrics."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from aiohttp import web
from attrs import frozen
from cyclopts import App, Group, Parameter

from cc_async.board.keeping import Keeping
from cc_async.cli import connect
from cc_async.cli.board import BoardOptions, Chosen, chosen
from cc_async.cli.options import Link
from cc_async.cli.run import say
from cc_async.cli.usage import UsageError
from cc_async.errors import ConfigError
from cc_async.monitor.sums import SkillKey
from cc_async.serve import Access, Server, check_token, make_app
from cc_async.serve.server import is_loopback
from cc_async.session.secret import Secret
from cc_async.settings import Site

if TYPE_CHECKING:
    from cc_async.integrations.prometheus import Metrics

TOKEN = "CC_ASYNC_SERVE_TOKEN"  # noqa: S105 - the name of a variable
PORT = 8170
_LINK, _BOARD = Link(), BoardOptions()
_SERVER = Group("Server", sort_key=6)

Host = Annotated[str, Parameter(group=_SERVER, help="Address to listen on; 0.0.0.0: all.")]
Port = Annotated[int, Parameter(group=_SERVER, help="Port to listen on; 0: a free one.")]
TokenFile = Annotated[
    Path | None, Parameter(group=_SERVER, help=f"File with the token readers need, in place of {TOKEN}.")
]
AllowHost = Annotated[
    str | None,
    Parameter(group=_SERVER, help="More names this machine has in browsers, where no token is needed."),
]
Open = Annotated[
    bool, Parameter(group=_SERVER, name="--open", negative="", show_default=False, help="Open a browser.")
]


def add_to(parent: App) -> None:
    """Hook the command into the app."""
    parent.command(serve)


def serve(
    *,
    board: BoardOptions = _BOARD,
    link: Link = _LINK,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    open_: Open = False,
) -> int:
    """Serve a wallboard for browsers, JSON, events, health and metrics until Ctrl-C.

    One process asks the contact center, any number of readers share the answers: / is the wallboard,
    /v1/board.json, /v1/queues.json, /v1/agents.json, /v1/tasks.json, /v1/alerts.json the same for programs,
    /v1/board and /v1/events come as server-sent events, /health is 200 or 503, /metrics is for Prometheus.
    A token for readers comes from CC_ASYNC_SERVE_TOKEN or --token-file, never from an option.
    """
    if not 0 <= port < 65_536:
        raise UsageError("--port goes from 0 to 65535")
    token = read_token(token_file)
    site = connect.site_of(link)
    wanted = chosen(board, site)
    site = connect.with_keys(site)
    names = [host, socket.gethostname(), *(name.strip() for name in (allow_host or "").split(","))]
    access = Access(token, frozenset(name for name in names if name))
    if not is_loopback(host) and token is None:
        say(f"warning: whoever reaches {host} can read this board; set {TOKEN}, or give --token-file")
    # Ctrl-C and SIGTERM are how a server ends: nothing went wrong.
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_run(site, wanted, access, _Place(host, port, open_)))
    return 0


def read_token(path: Path | None) -> Secret | None:
    """The token from the file, else from the environment; raises ConfigError, which does not show it."""
    text = os.environ.get(TOKEN)
    if path is not None:
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"--token-file {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"--token-file {path}: this is no text") from None
    if text is None:
        return None
    try:
        return check_token(text)
    except ValueError as error:
        where = TOKEN if path is None else f"--token-file {path}"
        raise ConfigError(f"{where}: {error}", hint="openssl rand -hex 24 makes a good one") from None


@frozen
class _Place:
    host: str
    port: int
    open: bool


async def _run(site: Site, wanted: Chosen, access: Access, place: _Place) -> None:
    """Serve until a signal cancels it, or until the feed ends by an error, which is raised."""
    me = asyncio.current_task()
    if me is not None:
        with suppress(NotImplementedError):  # Windows has Ctrl-C, which cancels by itself
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    keeping = await Keeping.load(wanted.options.state, wanted.rules)
    names: dict[SkillKey, str] = {}
    metrics = metrics_of(keeping, names)
    observers = () if metrics is None else (metrics,)
    cms = connect.cms_client(site, observers)
    if metrics is not None:
        metrics.health = lambda: cms.health
    async with (
        cms,
        await wanted.feed(cms, keeping=keeping, names=names, listeners=observers) as feed,
        _listening(make_app(feed, access, metrics=None if metrics is None else metrics.scrape), place) as url,
    ):
        sys.stdout.write(
            f"Wallboard: {url}{' (readers need the token: ?token=...)' if access.token else ''}\n"
        )
        sys.stdout.flush()
        if place.open:
            await asyncio.to_thread(webbrowser.open, url)
        await feed.ended()


@asynccontextmanager
async def _listening(app: web.Application, place: _Place) -> AsyncIterator[str]:
    """Serve for the length of a block, at the address it gives; a port in use is a UsageError."""
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(Server(app, place.host, place.port))
        except OSError as error:
            where = f"{place.host} port {place.port}"
            told = (os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)).lower()
            hint = "choose another --port or --host"
            raise UsageError(f"cannot listen on {where}: {told}", hint=hint) from None
        yield server.url


def metrics_of(keeping: Keeping, names: dict[SkillKey, str]) -> Metrics | None:
    """The metrics, if the extra is installed; without it ``/metrics`` says what to install."""
    try:
        from cc_async.integrations.prometheus import Metrics
    except ModuleNotFoundError:
        return None
    return Metrics(names=names, sums=keeping.stitcher)
