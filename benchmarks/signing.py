"""Line 3: signing a body of one kilobyte."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks import by_hand, canned, lab
from benchmarks.report import Line, line
from cc_async.session.signing import AkSk

HOST = "cms.example.com:28443"


def run(smoke: bool) -> list[Line]:
    """Sign the same request both ways; both must say the same."""
    body = canned.large_body()
    auth = AkSk(by_hand.ACCESS_KEY, by_hand.SECRET_KEY)
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    headers, start = {"host": HOST}, moment.timestamp()
    second = 0

    def ours() -> str:
        nonlocal second
        second += 1
        # A hundred requests a second: the timestamp changes now and then, as it does in earnest.
        return auth.authorization(
            "POST", canned.SKILLS_PATH, headers=headers, body=body, now=start + second // 100
        )

    def naive() -> str:
        return by_hand.authorization("POST", canned.SKILLS_PATH, HOST, body, moment)

    assert ours() == naive()
    rounds, seconds = (1, 0.005) if smoke else (15, 0.2)
    taken = lab.alternate_calls({"ours": ours, "naive": naive}, rounds, seconds)
    mine = lab.Spread.of(taken["ours"])
    ratio = lab.Spread.of([slow / fast for slow, fast in zip(taken["naive"], taken["ours"], strict=True)])
    return [
        line(f"naive, {len(body)} bytes", lab.Spread.of(taken["naive"]), "us CPU"),
        line(f"cc_async, {len(body)} bytes", mine, "us CPU", "at most 12", mine.median <= 12),
        line("naive / cc_async", ratio, "x", "at least 4", ratio.median >= 4),
    ]
