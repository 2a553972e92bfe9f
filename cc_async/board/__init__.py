"""A wallboard as values: what is watched goes in, boards come out, whoever shows them subscribes."""

from __future__ import annotations

from cc_async.board.feed import Feed
from cc_async.board.happening import Happening
from cc_async.board.model import Agents, Board, Calls, QueueLine, Source, TaskLine, VdnLine
from cc_async.board.watched import Watched

__all__ = [
    "Agents",
    "Board",
    "Calls",
    "Feed",
    "Happening",
    "QueueLine",
    "Source",
    "TaskLine",
    "VdnLine",
    "Watched",
]
