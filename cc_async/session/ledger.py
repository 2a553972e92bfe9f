"""What a book does when something is said: on tallies and standings, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Protocol

from cc_async.session.book import (
    LEASE,
    PROVEN,
    Claim,
    Count,
    Doubt,
    Drop,
    Land,
    Leave,
    Op,
    Pause,
    Prove,
    Renew,
    SetLock,
    Take,
    Unlock,
)
from cc_async.session.locks import Credential, Lock, credential_key, interface_key
from cc_async.session.pacer import PaceKey
from cc_async.session.probation import Key
from cc_async.session.quota import FLIGHT
from cc_async.session.standing import Standing
from cc_async.session.tally import Tally

_SOON = 0.002
"""Seconds after which a process asks again that left some slots to the others."""


class Shelf(Protocol):
    """Where the records are; what it hands out may be changed until the exchange is over."""

    def tally(self, key: PaceKey) -> Tally | None:
        """The tally of a key; a new one if there is none yet; None: there is no room for it now."""
        ...

    def standing(self, key: Key) -> Standing:
        """The standing of a credential or of a credential at one interface."""
        ...

    def standings(self, credential: Credential) -> Iterable[Standing]:
        """Every standing of a credential, at whatever interface."""
        ...


def carry_out(ops: Iterable[Op], shelf: Shelf, now: float, token: int) -> None:
    """Do what is said, in order, and write the answers into it; ``token`` names who says it."""
    for op in ops:
        if isinstance(op, Take):
            _take(op, shelf, now, token)
        elif isinstance(op, (Land, Drop, Renew, Count)):
            _count(op, shelf, now)
        elif isinstance(op, Pause):
            tally = shelf.tally(op.key)
            if tally is not None:
                tally.used_at = now
                tally.paused_until = max(tally.paused_until, op.until)
        else:
            _judge(op, shelf, now, token)


def _take(op: Take, shelf: Shelf, now: float, token: int) -> None:
    credential, interface = (op.key[0], op.key[1]), op.key[2]
    whole = shelf.standing(credential_key(credential))
    here = shelf.standing(interface_key(credential, interface))
    op.doubts, op.doubted = whole.doubts, here.doubted
    for scope, standing in ((None, whole), (interface, here)):
        if standing.locked_until > now:
            op.locks[scope] = Lock(standing.locked_since, standing.locked_until, standing.reason, scope)
    tally = shelf.tally(op.key)
    if tally is None:
        op.wait = FLIGHT
        return
    tally.refresh(now, None if op.quota is None else op.quota.per)
    op.counted, op.paused = tally.counted, max(0.0, tally.paused_until - now)
    closed = (tally.closed_until if op.quota else tally.paused_until) - now
    if op.locks or op.count == 0:
        return
    if closed > 0:
        op.wait = closed
    elif op.quota is None:
        op.granted = op.count
    else:
        _grant(op, tally, op.quota.limit, now, token)


def _grant(op: Take, tally: Tally, limit: int, now: float, token: int) -> None:
    free = limit - op.counted
    op.rivals = tally.rivals(now, token)
    # Whoever comes first does not take it all: the others ask within moments.
    op.granted = max(0, min(op.count, ceil(free / (op.rivals + 1))))
    if op.granted:
        op.handles = [tally.grant(now, op.granted)] * op.granted
        op.counted += op.granted
    tally.still_asking(now, token, op.granted < op.count)
    if free > op.granted:
        op.wait = _SOON
    elif (end := tally.next_end()) is not None:
        op.wait = max(0.0, end - now)


def _count(op: Land | Drop | Renew | Count, shelf: Shelf, now: float) -> None:
    tally = shelf.tally(op.key)
    if tally is None:
        return
    tally.refresh(now, op.quota.per)
    if isinstance(op, Count):
        tally.count(op.expires, op.count)
        return
    handle: int = op.slot.handle
    if isinstance(op, Land):
        tally.land(handle, op.expires)
        return
    tally.drop(handle)
    if isinstance(op, Renew):
        op.slot.handle = tally.grant(now, 1)


def _judge(op: Op, shelf: Shelf, now: float, token: int) -> None:
    """What is said of credentials."""
    if isinstance(op, Claim):
        _claim(op, shelf, now, token)
    elif isinstance(op, Leave):
        standing = shelf.standing(op.key)
        if standing.turn == token:
            standing.turn = 0
    elif isinstance(op, Prove):
        standing = shelf.standing(op.key)
        standing.used_at, standing.proven_until, standing.doubted = now, now + PROVEN, False
    elif isinstance(op, Doubt):
        standing = shelf.standing(op.key)
        standing.used_at, standing.proven_until, standing.doubted = now, 0.0, True
        standing.doubts += 1
    elif isinstance(op, SetLock):
        key = credential_key(op.credential)
        standing = shelf.standing(key if op.interface is None else (*key, op.interface))
        standing.used_at = now
        standing.lock(now, op.until, op.reason)
    elif isinstance(op, Unlock):
        if op.interface is None:
            for standing in shelf.standings(op.credential):
                standing.locked_until = 0.0
        else:
            shelf.standing(interface_key(op.credential, op.interface)).locked_until = 0.0


def _claim(op: Claim, shelf: Shelf, now: float, token: int) -> None:
    standing, whole = shelf.standing(op.key), shelf.standing(op.key[:3])
    for scope, each in ((None, whole), (op.key[3] if len(op.key) > 3 else None, standing)):
        if each.locked_until > now:
            op.lock = Lock(each.locked_since, each.locked_until, each.reason, scope)
            return
    if standing.proven_until > now or (len(op.key) > 3 and not standing.doubted):
        op.state = "proven"
    elif standing.turn in (0, token) or standing.turn_until <= now:
        op.state = "ours"
        standing.used_at, standing.turn, standing.turn_until = now, token, now + LEASE
