"""``watch``: the wallboard in the terminal, one look at it, a picture of it, or a line of JSON a board."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from datetime import tzinfo
from io import StringIO
from json import dumps
from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import App, Parameter
from rich.console import Console
from rich.live import Live

from cc_async.board import Board, plain
from cc_async.board.fanout import Subscription
from cc_async.board.feed import TICK
from cc_async.cli import connect
from cc_async.cli.board import BoardOptions, Chosen, chosen
from cc_async.cli.board_table import Look, render
from cc_async.cli.codes import FINE, NOTHING, PARTIAL
from cc_async.cli.options import Link
from cc_async.cli.output import console
from cc_async.cli.playback import play
from cc_async.cli.run import say_all
from cc_async.cli.stopping import run_stoppable
from cc_async.cli.times import parse_zone
from cc_async.cli.usage import UsageError
from cc_async.settings import Site

_LINK, _BOARD = Link(), BoardOptions()
_PICTURE_WIDTH = 100
_FONTS = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
"""A picture of ours asks no other server for its letters."""

Once = Annotated[bool, Parameter(negative="", show_default=False, help="One table, then the end.")]
Svg = Annotated[Path | None, Parameter(help="Draw one board into an SVG file, then the end.")]
Replay = Annotated[Path | None, Parameter(help="Play a file of cc-async capture in place of a site.")]
Speed = Annotated[float | None, Parameter(help="How many times as fast to play it, such as 20 [default: 1].")]
Lines = Annotated[bool, Parameter(negative="", show_default=False, help="A line of JSON for every board.")]


def add_to(parent: App) -> None:
    """Hook the command into the app."""
    parent.command(watch)


def watch(
    *,
    board: BoardOptions = _BOARD,
    link: Link = _LINK,
    once: Once = False,
    svg: Svg = None,
    json: Lines = False,
    replay: Replay = None,
    speed: Speed = None,
) -> int:
    """Show the wallboard in the terminal until Ctrl-C: queues, agents, tasks, alerts, and how old it all is.

    Service level, offered, connected and lost are those of the last 30 closed minutes; ~ marks what is of the
    5 minutes that run now, before any are closed. Off a terminal it writes a table each time it asks.
    """
    if json and svg is not None:
        raise UsageError("--json and --svg exclude each other")
    if svg is not None and not svg.parent.is_dir():
        raise UsageError(f"--svg: there is no folder {svg.parent}")
    if speed is not None and replay is None:
        raise UsageError("--speed goes with --replay")
    times = 1.0 if speed is None else speed
    shown = _Shown(once, svg, json, tick=max(1.0, times / 2))
    if replay is not None:
        return play(replay, times, lambda site: _watch(site, chosen(board, site), shown))
    site = connect.site_of(link)
    wanted = chosen(board, site)
    # Stopped by SIGTERM too it takes the terminal back from its other screen.
    return run_stoppable(_watch(connect.with_keys(site), wanted, shown))


@frozen
class _Shown:
    """How the board is shown."""

    once: bool
    svg: Path | None
    json: bool
    tick: float
    """Seconds after which the terminal is drawn again."""


async def _watch(site: Site, wanted: Chosen, how: _Shown) -> int:
    only_one = how.once or how.svg is not None
    live = sys.stdout.isatty() and not (only_one or how.json)
    async with (
        connect.cms_client(site) as cms,
        await wanted.feed(cms, tick=how.tick if live else TICK) as feed,
        feed.boards() as boards,
    ):
        if only_one:
            found = await _first(boards)
            _write(found, wanted, how.svg, how.json)
            return _code(found)
        if live:
            await _live(boards, wanted)
        else:
            await _snapshots(boards, wanted, how.json)
    return FINE


async def _first(boards: Subscription[Board]) -> Board:
    """The first board on which every source has said something."""
    async for board in boards:
        if board.begun:
            return board
    raise RuntimeError("the feed ended without an error")


async def _live(boards: AsyncIterator[Board], wanted: Chosen) -> None:
    screen = console(sys.stdout)
    with Live(console=screen, screen=True, auto_refresh=False, vertical_overflow="crop") as shown:
        async for board in boards:
            if not sys.stdout.isatty():
                return  # the window was closed: nobody sees it, and nobody would end it
            shown.update(render(board, _look(screen, wanted, screen.height)), refresh=True)


async def _snapshots(boards: AsyncIterator[Board], wanted: Chosen, json: bool) -> None:
    """A table each time calls waiting were asked anew, or every board as JSON."""
    told: float | None = None
    async for board in boards:
        if not board.begun:
            continue
        now = board.at.timestamp()
        if json or told is None or now - told >= wanted.every * 0.9:
            told = now
            _write(board, wanted, None, json)


def _write(board: Board, wanted: Chosen, svg: Path | None, json: bool) -> None:
    if json:
        sys.stdout.write(dumps(plain.board(board)) + "\n")
    elif svg is not None:
        draw(board, _zone(wanted), svg)
    else:
        screen = console(sys.stdout, _PICTURE_WIDTH)
        screen.print(render(board, _look(screen, wanted)))
    sys.stdout.flush()


def draw(board: Board, zone: tzinfo, file: Path) -> None:
    """Write a picture of a board; raises UsageError when that fails."""
    screen = Console(file=StringIO(), record=True, width=_PICTURE_WIDTH, force_terminal=True, highlight=False)
    screen.print(render(board, Look(_PICTURE_WIDTH, zone=zone)))
    picture = _FONTS.sub("", screen.export_svg(title="cc-async watch"))
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--svg {file}: {error.strerror}") from None


def _look(screen: Console, wanted: Chosen, height: int | None = None) -> Look:
    return Look(screen.width, height, (screen.encoding or "").lower().startswith("utf"), _zone(wanted))


def _zone(wanted: Chosen) -> tzinfo:
    return parse_zone(wanted.options.tz) or Look().zone


def _code(board: Board) -> int:
    """Say what is missing, and how much of it."""
    missing = [source for source in board.sources if source.error is not None or source.stale]
    say_all((source.name, source.error or "no answer yet") for source in missing)
    if not missing:
        return FINE
    return NOTHING if len(missing) == len(board.sources) else PARTIAL
