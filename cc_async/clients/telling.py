"""What observers are told of a call: its begin, rows that were not kept, its end."""

from __future__ import annotations

from typing import Any

from cc_async.batch.engine import Piece
from cc_async.session import events
from cc_async.session.call import Call
from cc_async.session.session import Session


def tell_dropped(session: Session, call: Call, piece: Piece[Any]) -> None:
    """Tell observers about rows that were not kept."""
    kept = piece.kept
    if kept is None or not kept.dropped or not session.watchers:
        return
    for reason in ("duplicates", "foreign", "outside"):
        if count := getattr(kept, reason):
            now, part = session.clock.wall(), piece.chunk.part
            session.watchers.tell(events.RowsDropped(now, call.number, call.endpoint, part, reason, count))


def name_of(error: BaseException | None) -> str | None:
    """The class of an error as observers are told it."""
    return None if error is None else type(error).__name__


def tell_begun(session: Session, call: Call) -> None:
    """Tell observers that a call began; whoever does tells them when it is over, whatever ends it."""
    if session.watchers:
        session.watchers.tell(events.BatchStarted(call.began, call.number, call.endpoint))


def tell_done(
    session: Session, call: Call, requests: int, rows: int, failures: int, error: str | None = None
) -> None:
    """Tell observers that a call is over."""
    if session.watchers:
        now, seconds = session.clock.wall(), session.clock.monotonic() - call.started
        session.watchers.tell(
            events.BatchDone(now, call.number, call.endpoint, seconds, requests, rows, failures, error)
        )
