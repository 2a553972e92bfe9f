"""Number 68: the Redis that keeps the quota is down, hangs, and comes back."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

import pytest
from processes import valkey
from waiting import until

from cc_async import Quota
from cc_async.integrations.redis_pacer import RedisPacer

from . import behaviours as do
from .checks import cms_for
from .server import FaultServer


async def test_fault_68_redis_down_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """Questions are answered with this process's share of the quota, and it is said, once."""
    with caplog.at_level(logging.WARNING, "cc_async"):
        async with FaultServer(then=do.good) as server, RedisPacer("redis://127.0.0.1:1") as pacer:
            async with cms_for(server, pacer=pacer, quota=Quota(80, per=0.2), timeout=10.0) as cms:
                for _ in range(12):
                    await cms.skill_states([1])
            assert pacer.alone
    assert [record.getMessage().count("1 of 8") for record in caplog.records] == [1]


async def test_fault_68_redis_hangs_and_recovers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No question waits for it longer than a second and a window; afterwards the quota is whole again."""
    with caplog.at_level(logging.WARNING, "cc_async"), valkey(tmp_path / "data") as redis:
        async with (
            FaultServer(then=do.good) as server,
            RedisPacer(redis.connection_url, timeout=0.1) as pacer,
            cms_for(server, pacer=pacer, quota=Quota(80, per=0.2), timeout=10.0) as cms,
        ):
            await cms.skill_states([1])
            os.kill(redis._process.pid, signal.SIGSTOP)
            try:
                await cms.skill_states([1])
                assert pacer.alone
            finally:
                os.kill(redis._process.pid, signal.SIGCONT)
            await until(lambda: not pacer.alone, 10.0)
            await cms.skill_states([1])
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(" is ")[1][:4] for text in said] == ["away", "back"]
