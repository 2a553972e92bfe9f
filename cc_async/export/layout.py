"""Where everything of a folder lies, and how it is written: the same on every run."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cc_async.errors import ConfigError
from cc_async.export.formats import Format, check_format
from cc_async.export.privacy import Privacy

WORK = "_cc_async"
"""Folder of the manifests, locks and unfinished files; readers of ``DIR/<interface>`` never see it."""
_PART = re.compile(r"part-(?:[0-9]{6,}|[0-9a-f]{16}-[0-9a-f]{8})-[0-9]+\.(?:parquet|jsonl|csv)")


def zone_name(zone: tzinfo) -> str:
    """The name of a zone; raises ConfigError for one that has none."""
    name = "UTC" if zone is UTC else getattr(zone, "key", None)
    if not isinstance(name, str):
        raise ConfigError("the zone of the dates must be UTC or a ZoneInfo with a name")
    return name


@frozen
class Site:
    """Whose rows they are."""

    host: str
    """``host:port`` of the contact center, as its client names it."""
    cc_id: int | None = None


@frozen
class Target:
    """A folder to write to: ``DIR/<interface>/date=YYYY-MM-DD/part-*.parquet``.

    ``form`` is ``"parquet"`` (extra ``frames``), ``"jsonl"`` or ``"csv"``. Dates are those of ``zone``: UTC
    unless told otherwise; in a local zone days have 23 or 25 hours twice a year. ``privacy`` says what
    becomes of agents; see ``Privacy``. A folder keeps the choices of its first run, and takes rows of one
    contact center only: when that has a new address, ``moved`` enters it, from this run on.
    """

    directory: Path = field(converter=Path)
    form: Format = field(default="parquet", converter=check_format)
    zone: tzinfo = UTC
    privacy: Privacy = field(factory=Privacy)
    moved: bool = field(default=False, kw_only=True)

    def header(self, interface: str, site: Site, polls: bool) -> dict[str, Any]:
        """What the first line of a manifest says, and every later run has to agree with."""
        return {
            "v": 1,
            "interface": interface,
            "host": site.host,
            "cc_id": site.cc_id,
            "format": self.form,
            "zone": zone_name(self.zone),
            "agents": self.privacy.mark,
            "polls": polls,
        }

    def date_of(self, moment: datetime) -> date:
        """The date a moment belongs to."""
        return moment.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """When a date begins, in UTC; where midnight is skipped, the first moment after it."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)

    def next_midnight(self, moment: datetime) -> datetime:
        """When the date of a moment ends, in UTC."""
        return self.midnight(self.date_of(moment) + timedelta(days=1))


@frozen
class Layout:
    """The paths of one interface in a folder."""

    data: Path
    """``DIR/<interface>``: parts and nothing else."""
    work: Path
    """``DIR/_cc_async/<interface>``: manifest, lock, files under way."""

    @classmethod
    def of(cls, directory: Path, interface: str) -> Layout:
        """The paths of an interface."""
        return cls(directory / interface, directory / WORK / interface)

    @property
    def manifest(self) -> Path:
        """The account of what is done."""
        return self.work / "manifest.jsonl"

    @property
    def lock(self) -> Path:
        """Held by whoever writes."""
        return self.work / "lock"

    @property
    def queueing(self) -> Path:
        """Held by whoever finds out what is missing and asks workers for it."""
        return self.work / "queueing"

    @property
    def entering(self) -> Path:
        """Held for a moment by one of many writers that makes its slip."""
        return self.work / "entering"

    def slip(self, day: date, key: str) -> Path:
        """What one of many writers has finished, until a lone writer takes it into the manifest."""
        return self.work / "entries" / day.isoformat() / f"{key}.json"

    @property
    def aside(self) -> Path:
        """Where files go that the manifest does not know or that are damaged: nothing is thrown away."""
        return self.work / "set_aside"

    def part(self, name: str) -> Path:
        """A finished part."""
        return self.data / name

    def staged(self, name: str) -> Path:
        """The same part while it is under way."""
        return self.work / (name.rpartition("/")[2] + ".tmp")

    def found(self) -> list[str]:
        """The names of the parts that are there."""
        names = (path.relative_to(self.data).as_posix() for path in self.data.glob("date=*/part-*"))
        return sorted(name for name in names if _PART.fullmatch(name.rpartition("/")[2]))


def part_name(day: date, stem: str, number: int, form: Format) -> str:
    """``date=2026-03-01/part-000017-0.parquet``: part 0 of the 17th entry of the manifest."""
    return f"date={day.isoformat()}/part-{stem}-{number}.{form}"
