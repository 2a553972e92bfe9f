"""``serve``: one process asks, everybody reads: a wallboard in the browser, JSON, events, metrics."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import App, Group, Parameter

from cc_async.cli import connect
from cc_async.cli.board import BoardOptions, chosen
from cc_async.cli.leading import turns
from cc_async.cli.options import Link
from cc_async.cli.run import say
from cc_async.cli.serving import Place, Serving
from cc_async.cli.stopping import run_stoppable
from cc_async.cli.usage import UsageError
from cc_async.errors import ConfigError
from cc_async.serve import Access, check_token
from cc_async.serve.server import is_loopback
from cc_async.session.secret import Secret

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
StandBy = Annotated[
    str | None,
    Parameter(
        group=_SERVER,
        help="Redis that says who leads, with the sums: redis://host:6379/0, or env (CC_ASYNC_REDIS_URL).",
    ),
]
TakeOver = Annotated[
    str, Parameter(group=_SERVER, help="Time within which a stand-by takes over from one that died.")
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
    stand_by: StandBy = None,
    take_over: TakeOver = "15s",
) -> int:
    """Serve a wallboard for browsers, JSON, events, health and metrics until Ctrl-C.

    One process asks the contact center, any number of readers share the answers: / is the wallboard,
    /v1/board.json, /v1/queues.json, /v1/agents.json, /v1/tasks.json, /v1/alerts.json the same for programs,
    /v1/board and /v1/events come as server-sent events, /health is 200 or 503, /metrics is for Prometheus.
    A token for readers comes from CC_ASYNC_SERVE_TOKEN or --token-file, never from an option. With --stand-by
    a second process, started the same way, stands by until this one dies, and goes on from there.
    """
    if not 0 <= port < 65_536:
        raise UsageError("--port goes from 0 to 65535")
    in_turns = turns(stand_by, take_over)
    if in_turns is not None and board.state is not None:
        raise UsageError(
            "--state and --stand-by exclude each other", hint="with --stand-by Redis keeps the sums"
        )
    token = read_token(token_file)
    site = connect.site_of(link)
    wanted = chosen(board, site)
    site = connect.with_keys(site)
    names = [host, socket.gethostname(), *(name.strip() for name in (allow_host or "").split(","))]
    access = Access(token, frozenset(name for name in names if name))
    if not is_loopback(host) and token is None:
        say(f"warning: whoever reaches {host} can read this board; set {TOKEN}, or give --token-file")
    # Ctrl-C and SIGTERM are how a server ends: nothing went wrong.
    with suppress(KeyboardInterrupt):
        run_stoppable(Serving(site, wanted, access, Place(host, port, open_), in_turns).run())
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
