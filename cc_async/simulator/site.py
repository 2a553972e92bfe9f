"""What both servers of one contact center share: world, clock, habits, troubles, journal."""

from __future__ import annotations

import attrs

from .clock import Clock, DateHeader
from .faults import Dice, Faults, Script
from .hashing import mix
from .journal import Request
from .profiles import Profile
from .shapes import Row, Shapes
from .world import World


@attrs.define(kw_only=True)
class Site:
    """The running contact center; `profile` and `faults` may be replaced at any time."""

    seed: int
    cc_id: int
    world: World
    clock: Clock
    profile: Profile
    faults: Faults
    script: Script
    record: bool
    requests: list[Request]
    date: DateHeader = attrs.field(init=False)
    dice: Dice = attrs.field(init=False)
    shapes: Shapes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.date = DateHeader(self.clock)
        self.dice = Dice(self.seed)
        self.shapes = Shapes(self.profile)

    def reshape(self, profile: Profile) -> None:
        """Take on other habits."""
        self.profile = profile
        self.shapes = Shapes(profile)

    def spoiled(self) -> int | None:
        """Throw the dice for one row: bits to spoil it with, or None to leave it."""
        if self.faults.wrong_row_rate and self.dice.throw() < self.faults.wrong_row_rate:
            return mix(self.seed, 81, int(self.dice.throw() * 2**53))
        return None

    def rows(self, rows: list[Row]) -> list[Row]:
        """Spell rows as the profile has them, and spoil some."""
        shaped = self.shapes.rows(rows)
        if not self.faults.wrong_row_rate:
            return shaped
        spoiled = []
        for row in shaped:
            bits = self.spoiled()
            spoiled.append(row if bits is None else self.shapes.spoil(row, bits))
        return spoiled
