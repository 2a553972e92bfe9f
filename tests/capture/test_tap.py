"""The tap on a client: what it sees, what it never sees, and that it changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from waiting import until

from cc_async import CmsClient
from cc_async.capture.tap import attach
from cc_async.session.transport import Reply
from cc_async.simulator import Simulator

Seen = list[tuple[str, str, bytes, Reply]]


class Spy:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: Seen = []

    def exchanged(self, method: str, path: str, body: bytes, reply: Reply) -> None:
        self.seen.append((method, path, body, reply))


async def test_every_answer_is_shown_and_the_records_are_the_same(
    sim: Simulator, make_cms: Callable[..., CmsClient]
) -> None:
    """Failures and retries too; nothing that was sent in a header."""
    spy, tapped, plain = Spy(), make_cms(sim), make_cms(sim)
    attach(tapped, spy.exchanged)
    sim.fail("skill_states", status=503, times=1)
    assert list(await tapped.skill_states([1, 2])) == list(await plain.skill_states([1, 2]))
    assert [reply.status for *_, reply in spy.seen] == [503, 200]
    assert [body for _, _, body, _ in spy.seen] == [b'{"ccId":1,"vdn":170,"skillIds":[1,2]}'] * 2
    assert sim.secret_key not in repr(spy.seen)
    assert "auth-v2" not in repr(spy.seen)
    await tapped.aclose()
    await until(lambda: sim.open_connections == 1)


async def test_a_tap_comes_before_the_first_request(
    sim: Simulator, make_cms: Callable[..., CmsClient]
) -> None:
    """Later it would see half of what happened."""
    cms = make_cms(sim)
    await cms.skills()
    with pytest.raises(RuntimeError):
        attach(cms, Spy().exchanged)
