"""A contact center in a thread of its own, and the real command run against it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contact_center import Center, Outcome

from cc_async.cli import main
from cc_async.simulator import PROFILES, Faults, Simulator


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """One contact center for all tests of the command line: VDN 170 with 60 queues, VDNs 1 to 3."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Simulator:
        simulator = Simulator(
            seed=5, vdns=[1, 2, 3], skills_per_vdn={170: 60}, agents_per_vdn={170: 250}, agent_quota=None
        )
        await simulator.start()
        return simulator

    sim = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    guids = tmp_path_factory.mktemp("center") / "guids.json"
    guids.touch(mode=0o600)
    guids.write_text(json.dumps({str(agent): guid for agent, guid in sorted(sim.guids.items())[:10]}))
    yield Center(sim, loop, _environ(sim, guids))
    asyncio.run_coroutine_threadsafe(sim.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _environ(sim: Simulator, guids: Path) -> dict[str, str]:
    return {
        "CC_ASYNC_CMS_URL": sim.cms_url,
        "CC_ASYNC_GATEWAY_URL": sim.gateway_url,
        "CC_ASYNC_ACCESS_KEY": sim.access_key,
        "CC_ASYNC_SECRET_KEY": sim.secret_key,
        "CC_ASYNC_GLOBAL_ACCESS_KEY": sim.global_access_key,
        "CC_ASYNC_GLOBAL_SECRET_KEY": sim.global_secret_key,
        "CC_ASYNC_CC_ID": str(sim.cc_id),
        "CC_ASYNC_VDN": str(sim.vdn),
        "CC_ASYNC_GUIDS_FILE": str(guids),
    }


@pytest.fixture
def center(served: Center) -> Iterator[Center]:
    """The contact center without troubles; what a test lays down is taken away after it."""
    yield served
    served.do(served.sim.clear_failures)
    served.do(served.sim.unlock)
    served.do(lambda: setattr(served.sim, "faults", Faults()))
    served.do(lambda: setattr(served.sim, "profile", PROFILES["documented"]))


@pytest.fixture
def environ(center: Center, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Only the contact center's variables in the environment, and no configuration file."""
    for name in [name for name in os.environ if name.startswith("CC_ASYNC_")]:
        monkeypatch.delenv(name)
    settings = {**center.environ, "XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "100"}
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    return settings


@pytest.fixture
def run(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command in this process."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call
