"""The fixtures for users, in a project of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

TESTS = """
import pytest

from cc_async import CmsClient, GatewayClient
from cc_async.simulator import Simulator

pytestmark = pytest.mark.asyncio


async def test_the_client_asks_the_center(cc_simulator: Simulator, cms: CmsClient) -> None:
    cc_simulator.set_skill(170, 7, offered=30, calls_waiting=4)
    assert (await cms.skill_states([7]))[0].calls_waiting == 4
    assert len(cc_simulator.requests) == 1


async def test_every_test_has_its_own_center(cc_simulator: Simulator, cms: CmsClient) -> None:
    assert cc_simulator.requests == []
    assert len(await cms.vdns()) == 100 + 1


async def test_the_gateway_follows_a_new_guid(cc_simulator: Simulator, gateway: GatewayClient) -> None:
    agent = min(cc_simulator.guids)
    cc_simulator.sign_out(agent)
    cc_simulator.sign_in(agent)
    assert (await gateway.agent_call_stats([agent]))[0].agent_id == agent


class TestAnotherCenter:
    @pytest.fixture
    def cc_simulator_options(self):
        return {"profile": "wrapped", "vdns": [1], "skills_per_vdn": 3}

    async def test_the_options_are_those_of_the_user(self, cms: CmsClient) -> None:
        assert len(await cms.skill_states()) == 3
"""


def run(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project of a user, warnings being errors."""
    (folder / "conftest.py").write_text('pytest_plugins = ["cc_async.testing"]\n')
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_users_tests_run_with_the_fixtures(mode: str, tmp_path: Path) -> None:
    """Four tests of a user pass in both modes of pytest-asyncio, without a warning."""
    (tmp_path / "test_mine.py").write_text(TESTS)
    done = run(tmp_path, "-o", f"asyncio_mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function")
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_a_users_tests_run_with_the_plugin_of_anyio(tmp_path: Path) -> None:
    """Without pytest-asyncio the fixtures are plain ones, which the plugin of anyio runs."""
    (tmp_path / "pytest_asyncio.py").write_text("raise ImportError\n")
    text = TESTS.replace("pytest.mark.asyncio", "pytest.mark.anyio").replace(
        "import pytest\n", "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n", 1
    )
    (tmp_path / "test_mine.py").write_text(text)
    done = run(tmp_path, "-p", "anyio", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_the_library_itself_does_not_import_pytest() -> None:
    """pytest is imported by ``cc_async.testing`` alone."""
    code = "import sys, cc_async, cc_async.simulator; sys.exit('pytest' in sys.modules)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, check=False)
    assert done.returncode == 0
