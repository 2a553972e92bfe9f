"""Reading what ``Metrics`` exposes with the parsers of prometheus_client, and telling it what was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ahead import Ahead
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from cc_async import Batch, CcError
from cc_async.integrations.prometheus import Metrics
from cc_async.monitor import Beat, Stitcher

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Exposed:
    """The samples of one exposition by name and labels."""

    def __init__(self, body: bytes, *, openmetrics: bool = False) -> None:
        read = read_openmetrics if openmetrics else read_text
        self.families = {family.name: family for family in read(body.decode())}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    @classmethod
    def of(cls, metrics: Metrics, accept: str | None = None) -> Exposed:
        """What is exposed now, read in the format that was asked for."""
        body, content_type = metrics.render(accept)
        return cls(body, openmetrics=content_type.startswith("application/openmetrics-text"))

    def all(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """The values of a metric by its other labels' values, in the order of their names."""
        return {
            tuple(
                value for label, value in sorted(sample.labels.items()) if label not in labels
            ): sample.value
            for sample in self.samples
            if sample.name == f"cc_async_{name}" and labels.items() <= sample.labels.items()
        }

    def one(self, name: str, **labels: str) -> float | None:
        """The value of a metric with exactly these labels; None: it is absent."""
        return self.all(name, **labels).get(())

    def names(self) -> set[str]:
        """The names of all samples."""
        return {sample.name for sample in self.samples}


class Still(Ahead):
    """A clock without a loop, put forward by hand."""

    def monotonic(self) -> float:
        return self.skew


def beat(
    batch: Batch[Any] | None, error: CcError | None = None, *, age: float | None = 0.0, **more: Any
) -> Beat[Any]:
    """A beat that brought a batch just now, or an error."""
    known = {"last_good": batch if error is None else None} | more
    return Beat(number=1, at=datetime.now(UTC), batch=batch, error=error, age_seconds=age, **known)


async def stitch(metrics: Metrics, sums: Stitcher, batch: Batch[Any]) -> None:
    """Tell a beat of call statistics, in the order a feed does: stitched and saved, then told."""
    metrics.on_beat("skill_call_stats", beat(batch))
    metrics.on_stitched(await sums.take(batch))
