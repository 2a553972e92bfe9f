"""What an alert engine remembers, and the same as JSON: a restart repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from cc_async.monitor.alert import Alert
from cc_async.monitor.readings import Levels
from cc_async.monitor.standing import Standing
from cc_async.monitor.subject import Subject

KIND, VERSION = "cc_async.alerts", 1

UNREADABLE = (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError)
"""What ``Memory.from_state`` raises for a state that is something else."""

Place = tuple[str, str]
"""(rule id, key of the subject)."""


@define
class Memory:
    """Everything between two samples that a restart must not lose."""

    standings: dict[Place, Standing] = field(factory=dict)
    raised: dict[Place, Alert] = field(factory=dict)
    """The alerts that stand."""
    subjects: dict[str, Subject] = field(factory=dict)
    """Those of the standings and of the data, by key."""
    seen: dict[str, datetime] = field(factory=dict)
    """When the newest data of each queue, VDN and source was true, by key."""
    source_of: dict[str, str] = field(factory=dict)
    """Key of the source that last told of a queue or a VDN."""
    levels: Levels = field(factory=Levels)
    pending: list[Alert] = field(factory=list)
    """Told, and not confirmed yet by whoever asked to confirm."""

    def to_state(self) -> dict[str, Any]:
        """The memory as JSON has it; what stands well needs no remembering."""
        told = ((place, one) for place, one in self.standings.items() if one.raised or one.bad)
        needed = {*self.seen, *(key for _, key in self.raised)}
        return {
            "standings": [[*place, _standing(one)] for place, one in told],
            "raised": [[*place, alert.to_dict()] for place, alert in self.raised.items()],
            "subjects": [[one.kind, one.id, one.vdn] for key, one in self.subjects.items() if key in needed],
            "seen": {key: at.timestamp() for key, at in self.seen.items()},
            "source_of": self.source_of,
            "levels": self.levels.known,
            "pending": [alert.to_dict() for alert in self.pending],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], rules: frozenset[str]) -> Memory:
        """Read what ``to_state`` made, but for rules that are no more.

        Raises one of ``UNREADABLE`` for anything else.
        """
        subjects = [Subject(*one) for one in state["subjects"]]
        return cls(
            {(rule, key): _from_plain(one) for rule, key, one in state["standings"] if rule in rules},
            {(rule, key): Alert.from_dict(one) for rule, key, one in state["raised"] if rule in rules},
            {subject.key: subject for subject in subjects},
            {key: datetime.fromtimestamp(at, UTC) for key, at in state["seen"].items()},
            dict(state["source_of"]),
            Levels({key: [float(usual), *map(float, at)] for key, (usual, *at) in state["levels"].items()}),
            [Alert.from_dict(one) for one in state.get("pending", ())],
        )


def _standing(one: Standing) -> list[Any]:
    dates = [None if at is None else at.timestamp() for at in (one.since, one.last)]
    return [one.raised, one.bad, one.good, one.blind, *dates]


def _from_plain(plain: list[Any]) -> Standing:
    raised, bad, good, blind, *dates = plain
    since, last = (None if at is None else datetime.fromtimestamp(at, UTC) for at in dates)
    return Standing(bool(raised), int(bad), int(good), int(blind), since, last)
