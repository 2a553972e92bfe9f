"""One request of no question: sent as every other, its answer one row, raw."""

from __future__ import annotations

from typing import Any

from cc_async.clients.core import Core
from cc_async.clients.telling import name_of, tell_begun, tell_done
from cc_async.errors import CallTimeout, CcError
from cc_async.session.call import Call
from cc_async.session.quotas import Quotas
from cc_async.session.request import Page, Request
from cc_async.session.session import Session


async def send_raw(core: Core, quotas: Quotas, request: Request[Any], seconds: float | None) -> Any:
    """Send one request within so many seconds (None: no limit) and return the one row of its answer."""
    session = core.open()
    call = core.begin(request.endpoint.name, seconds)
    tell_begun(session, call)
    try:
        page = await _send(session, request, call, quotas)
    except BaseException as error:
        tell_done(session, call, getattr(error, "attempts", 0), 0, 0, name_of(error))
        raise
    finally:
        core.end(call)
    tell_done(session, call, page.attempts, len(page.rows), 0)
    return page.rows[0] if page.rows else None


async def _send(session: Session, request: Request[Any], call: Call, quotas: Quotas) -> Page[Any]:
    """Send one request within the time of its call."""
    try:
        async with call.limit:
            return await session.send(request, call, quotas)
    except TimeoutError as error:
        if isinstance(error, CcError):
            raise
        name, left = request.endpoint.name, (call.until or 0.0) - call.started
        raise CallTimeout(f"not finished within {left:g} s", endpoint=name, host=session.host) from None
