"""Folders as a stranger reads them, and a clock for clients and contact centers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars
import truth
from attrs import define

from cc_async import CmsClient, Query, SystemIndicators
from cc_async.export import verify
from cc_async.export.layout import Site
from cc_async.simulator import Simulator

DAY = datetime(2026, 3, 1, tzinfo=UTC)
"""The contact center's clock stands at noon three days later."""

SITE = Site("contact.example:443", 1)
MANIFEST = Path("_cc_async/system_indicators/manifest.jsonl")


@define
class WallClock:
    """A clock that moves when somebody sleeps, or is told to."""

    now: float = datetime(2026, 3, 4, 12, 4, 59, tzinfo=UTC).timestamp()

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def parquet(folder: Path, interface: str = "system_indicators") -> list[dict[str, Any]]:
    """Every row of an interface, without the ``date`` of its folder."""
    return polars.scan_parquet(folder / interface, hive_partitioning=True).collect().drop("date").to_dicts()


def parts(folder: Path) -> list[Path]:
    """The parts of a folder."""
    return sorted(folder.glob("*/date=*/part-*"))


def left(folder: Path) -> list[Path]:
    """Files that were under way."""
    return [*folder.glob("_cc_async/*/*.tmp"), *folder.glob("_cc_async/*/journal*")]


def counted(rows: Iterable[dict[str, Any]]) -> Counter[tuple[tuple[str, Any], ...]]:
    """How often each row is there; two of these are equal when they hold the same rows in any order."""
    return Counter(tuple(sorted((name, _text(name, value)) for name, value in row.items())) for row in rows)


def _text(name: str, value: Any) -> Any:
    # What the server sends as it likes stands as text in a file.
    return None if value is None else str(value) if name == "connection_rate_raw" else value


def asked(sim: Simulator, interface: str = "sysindex") -> int:
    """Requests of an interface so far."""
    return sum(request.path.endswith(interface) for request in sim.requests)


def days(cms: CmsClient, count: int = 2) -> Query[SystemIndicators]:
    """Some days of two VDNs."""
    return cms.system_indicators(begin=DAY, end=DAY.replace(day=1 + count), vdns=[1, 2])


def check(sim: Simulator, folder: Path, count: int = 2) -> None:
    """Every row is there exactly once, every part is as it was written, nothing else is left."""
    assert counted(parquet(folder)) == counted(
        truth.system_indicators(sim, DAY, DAY.replace(day=1 + count), [1, 2])
    )
    found, _, damages = verify(folder)
    assert (found, damages) == (len(parts(folder)), [])
    assert not list((folder / MANIFEST).parent.glob("*.tmp"))
