"""Groups that ask for every key of a VDN: looked up several at a time, each failing for itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import anyio
from attrs import evolve, frozen

from cc_async.batch.engine import CLIENT_WIDE
from cc_async.batch.result import Failure
from cc_async.contract.spec import Group, Question
from cc_async.errors import CallTimeout, CcError

STOPS = (*CLIENT_WIDE, CallTimeout)
"""Errors after which looking up the others is of no use."""

LookUp = Callable[[Group], Awaitable[tuple[int, ...]]]
"""The keys of a VDN."""


@frozen
class Resolved:
    """A question whose keys are known, but for the groups that could not be looked up."""

    question: Question
    """The whole question; lost groups still ask for all their keys."""
    lost: tuple[Failure, ...] = ()

    @property
    def known(self) -> Question:
        """What can be asked now."""
        groups = self.question.groups
        if not self.lost:
            return self.question
        gone = {failure.vdn for failure in self.lost}
        return evolve(self.question, groups=tuple(group for group in groups if group.vdn not in gone))


async def resolve(question: Question, look_up: LookUp, *, at_once: int) -> Resolved:
    """Look up the keys of every group that has none, ``at_once`` of them at a time.

    Raises:
        CcError: it concerns the client as a whole, or nothing at all could be looked up.
    """
    found: dict[int | None, Group] = {}
    lost: dict[int | None, CcError] = {}
    open_groups = [group for group in question.groups if group.keys is None]

    async def work(rest: Iterator[Group]) -> None:
        for group in rest:
            try:
                found[group.vdn] = evolve(group, keys=await look_up(group))
            except CcError as error:
                lost[group.vdn] = error
            if any(isinstance(error, STOPS) for error in lost.values()):
                return

    if len(open_groups) == 1:
        await work(iter(open_groups))
    elif open_groups:
        rest = iter(open_groups)
        async with anyio.create_task_group() as tasks:
            for _ in range(min(at_once, len(open_groups))):
                tasks.start_soon(work, rest)
    for error in lost.values():
        if isinstance(error, STOPS) or len(lost) == len(question.groups):
            raise error
    groups = (found.get(group.vdn, group) for group in question.groups)
    whole = evolve(question, groups=tuple(group for group in groups if group.keys != ()))
    failures = (
        Failure(evolve(question, groups=(Group(vdn),)), (), vdn, None, error, error.attempts)
        for vdn, error in lost.items()
    )
    return Resolved(whole, tuple(failures))
