"""Outbound tasks of a day, and what one agent has done since sign-in."""

from __future__ import annotations

import attrs

from .hashing import mix

_DAY = 86_400


@attrs.frozen
class Task:
    """The counts of one outbound task at a moment."""

    total: int
    succeeded: int
    failed: int
    waiting: int
    executing: int

    @property
    def completed(self) -> int:
        """Calls that are over, connected or not."""
        return self.succeeded + self.failed

    @property
    def success_rate(self) -> str:
        """Succeeded of completed, such as "50%"."""
        return _percent(self.succeeded, self.completed)

    @property
    def completion_rate(self) -> str:
        """Completed of total, such as "50%"."""
        return _percent(self.completed, self.total)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole if whole else 0}%"


@attrs.define
class Done:
    """What one agent has done since sign-in."""

    answered: int = 0
    outbound: int = 0
    talk_seconds: int = 0
    busy: int = 0
    busy_seconds: int = 0
    rests: int = 0
    rest_seconds: int = 0
    overruns: int = 0
    overrun_seconds: int = 0

    def named(self, seconds: int) -> dict[str, int]:
        """Return the gateway's counters under the vendor's names, `seconds` after sign-in.

        What no world keeps count of is a rounded-down share, so it never goes down.
        """
        answered = self.answered
        return {
            "talktime": self.talk_seconds,
            "answernums": answered,
            "noanswernums": answered // 25,
            "calloutnums": self.outbound,
            "intercallnums": seconds // 3_000,
            "interhelpnums": seconds // 6_000,
            "transfernums": answered // 12,
            "transferoutnums": answered // 15,
            "transferivrnums": answered // 20,
            "redirectnums": answered // 40,
            "keepnums": answered // 6,
            "busynums": self.busy,
            "restnums": self.rests,
            "restoutnums": self.overruns,
            "resttime": self.rest_seconds,
            "restouttime": self.overrun_seconds,
            "agentrelease": answered // 3,
            "busytime": self.busy_seconds,
        }


def task_ids(seed: int, number: int = 50) -> tuple[str, ...]:
    """Return the ids of the outbound tasks; the first is the one of the documents."""
    others = [1_122_104_911 + 7 * place + mix(seed, 41, place) % 7 for place in range(number - 1)]
    return ("1122104910", *map(str, others))


def task(seed: int, vdn: int, task_id: str, now: float) -> Task:
    """Return how far a task is; it begins at midnight UTC and counts up during the day."""
    day = int(now // _DAY)
    bits = mix(seed, 42, vdn, int(task_id), day)
    total = 200 + bits % 4_800
    completed = min(total, int(total * (now - day * _DAY) / (_DAY * (0.5 + (bits >> 16 & 255) / 255))))
    executing = min(total - completed, 1 + (bits >> 24) % 20)
    succeeded = completed * (20 + (bits >> 32) % 50) // 100
    return Task(total, succeeded, completed - succeeded, total - completed - executing, executing)


def agent_counters(seed: int, agent_id: int, signed_in_at: int, now: float) -> dict[str, int]:
    """Return the gateway's counters of one agent since sign-in, under the vendor's names."""
    bits = mix(seed, 43, agent_id, signed_in_at)
    seconds = max(0, int(now) - signed_in_at)
    answered = seconds // (200 + bits % 200)
    outbound = seconds // (900 + (bits >> 8) % 900)
    busy, rests = seconds // 2_400, seconds // 5_400
    done = Done(
        answered=answered,
        outbound=outbound,
        talk_seconds=(answered + outbound) * (90 + (bits >> 16) % 90),
        busy=busy,
        busy_seconds=busy * 150,
        rests=rests,
        rest_seconds=rests * 600,
        overruns=rests // 4,
        overrun_seconds=rests // 4 * 120,
    )
    return done.named(seconds)
