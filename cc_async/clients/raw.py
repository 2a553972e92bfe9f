"""One request of no question: sent as every other, its answer one row, raw."""

from __future__ import annotations

from typing import Any

from cc_async.clients.core import Core
from cc_async.errors import CallTimeout, CcError
from cc_async.session.quotas import Quotas
from cc_async.session.request import Request


async def send_raw(core: Core, quotas: Quotas, request: Request[Any], seconds: float | None) -> Any:
    """Send one request within so many seconds (None: no limit) and return the one row of its answer."""
    session = core.open()
    call = core.begin(request.endpoint.name, seconds)
    try:
        async with call.limit:
            page = await session.send(request, call, quotas)
    except TimeoutError as error:
        if isinstance(error, CcError):
            raise
        name = request.endpoint.name
        raise CallTimeout(f"not finished within {seconds:g} s", endpoint=name, host=session.host) from None
    finally:
        core.end(call)
    return page.rows[0] if page.rows else None
