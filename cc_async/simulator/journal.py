"""What arrived: one record per request, in order of arrival."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs


@attrs.frozen(eq=False)
class Request:
    """One request as it arrived, and what became of it."""

    time: float
    """Wall time of the arrival, epoch seconds."""
    host: Literal["cms", "gateway"]
    interface: str
    """Name of the interface; empty when the path is none of ours."""
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    access_key: str
    """The access key the Authorization header names (unchecked); empty on the gateway."""
    body: Any = None
    """The parsed JSON body; text when it is not JSON, None when there is none."""
    status: int | None = None
    """HTTP status of the answer; None while it is under way, or when there was none."""
    code: str | None = None
    """`resultCode` or `retcode` of the answer."""

    def completed(self, **outcome: object) -> None:
        """Write down the outcome: the one change a record sees, before anyone can have the answer."""
        for name, value in outcome.items():
            object.__setattr__(self, name, value)
