"""``simulate``: the pretend contact center in the foreground, for trying things out from another window."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from cc_async.cli.playback import replayed
from cc_async.cli.stopping import run_stoppable
from cc_async.cli.usage import UsageError
from cc_async.settings import parse_quota
from cc_async.simulator import PROFILES, Faults, Simulator


def simulate(
    *,
    cms_port: int = 0,
    gateway_port: int = 0,
    profile: str = "documented",
    seed: int = 1,
    quota: str = "none",
    latency: float = 0.0,
    error_rate: float = 0.0,
    replay: Path | None = None,
) -> int:
    """Run a pretend contact center on this machine until Ctrl-C, and print how to reach it.

    Args:
        cms_port: Port of CC-CMS; 0: a free one.
        gateway_port: Port of CC-Gateway; 0: a free one.
        profile: Habits of the server, such as documented, wrapped, old_server, page_1000.
        seed: The same seed gives the same contact center.
        quota: Requests/seconds of each interface, such as 10/1; more get 429.
        latency: Seconds before every answer.
        error_rate: Share of requests answered 503, such as 0.05.
        replay: A file of cc-async capture: answer like that site, in place of a profile.
    """
    if profile not in PROFILES:
        raise UsageError(f"--profile: no profile {profile!r}", hint=f"one of {', '.join(PROFILES)}")
    if not (0 <= cms_port < 65_536 and 0 <= gateway_port < 65_536):
        raise UsageError("--cms-port and --gateway-port go from 0 to 65535")
    if not (0 <= latency < 3600 and 0 <= error_rate <= 1):
        raise UsageError("--latency is a number of seconds, --error-rate a share from 0 to 1")
    try:
        limit = parse_quota(quota)
    except ValueError as error:
        raise UsageError(f"--quota: {error}") from None
    options: dict[str, Any] = {
        "seed": seed,
        "quota": (limit.limit, limit.per) if limit else None,
        "faults": Faults(latency=latency, error_rate={503: error_rate} if error_rate else {}),
        "record_requests": False,
        "cms_port": cms_port,
        "gateway_port": gateway_port,
    }
    simulator = Simulator(profile=profile, **options) if replay is None else replayed(replay, **options)
    with suppress(KeyboardInterrupt):
        run_stoppable(_serve(simulator))
    return 0


async def _serve(simulator: Simulator) -> None:
    """Serve until cancelled; the file of GUIDs lives as long."""
    with tempfile.TemporaryDirectory(prefix="cc_async-") as folder:
        guids = Path(folder) / "guids.json"
        try:
            await simulator.start()
        except OSError as error:
            raise UsageError(f"cannot listen: {error.strerror}", hint="choose other ports") from None
        try:
            guids.touch(mode=0o600)
            guids.write_text(json.dumps({str(agent): guid for agent, guid in simulator.guids.items()}))
            sys.stdout.write(_welcome(simulator, guids))
            sys.stdout.flush()
            await asyncio.Event().wait()
        finally:
            await simulator.stop()


def _welcome(simulator: Simulator, guids: Path) -> str:
    """Write what another window needs; the keys open nothing but this simulator."""
    variables = {
        "CMS_URL": simulator.cms_url,
        "GATEWAY_URL": simulator.gateway_url,
        "ACCESS_KEY": simulator.access_key,
        "SECRET_KEY": simulator.secret_key,
        "GLOBAL_ACCESS_KEY": simulator.global_access_key,
        "GLOBAL_SECRET_KEY": simulator.global_secret_key,
        "CC_ID": str(simulator.cc_id),
        "VDN": str(simulator.vdn),
        "GUIDS_FILE": str(guids),
    }
    exports = "".join(f"export CC_ASYNC_{name}={shlex.quote(text)}\n" for name, text in variables.items())
    tasks = ",".join(simulator.task_ids[:3])
    some_tasks = f"#   cc-async task-stats --tasks {tasks}\n" if tasks else ""  # a capture may have none
    return (
        f"# A pretend contact center: CC-CMS {simulator.cms_url}, CC-Gateway {simulator.gateway_url}\n"
        f"# Its keys are made up. Paste into another window; Ctrl-C ends it.\n"
        f"{exports}"
        f"# Then, for example:\n"
        f"#   cc-async skill-stats --skills 1-20\n"
        f"{some_tasks}"
        f"#   cc-async indicators --vdns 1-3 --last 1h\n"
        f"{_to_sign_in(simulator)}"
        f"#   cc-async agent-stats --brief\n"
    )


def _to_sign_in(simulator: Simulator) -> str:
    """Write how the first agent without a session can be followed, if there is one."""
    free = simulator.free_agents
    if not free:
        return ""
    password, phone = simulator.password_of(free[0]), f"7{free[0]}"
    return f"#   CC_ASYNC_AGENT_PASSWORD={password} cc-async agent-events {free[0]} --phone {phone} --ready\n"
