"""The public names: all there, each importable, none more, and light to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cc_async
from cc_async import errors

# Everything a user may hold; a name that goes or comes is a change of the CHANGELOG.
CLIENTS = {"CmsClient", "GatewayClient", "Query", "Batch", "Failure", "Plan", "Rejected"}
QUESTIONS = {"Question", "Group", "Window"}
SETTINGS = {"AkSk", "Guids", "Auth", "Unsigned", "Secret", "Quota", "Retry", "Breaker", "Timeouts", "Tls"}
PARTS = {"Pacer", "MemoryPacer", "Clock", "Observer", "Event", "AgentSession", "AgentEvent"}
RECORDS = {
    "SkillCallStats", "SkillState", "SignedInAgent", "AgentState", "TaskStats", "SystemIndicators", "Skill",
    "Vdn", "AgentCallStats",
}  # fmt: skip
CODES = {"AgentStatus", "CtiStatus", "MediaType"}
ERRORS = {
    "CcError", "ConfigError", "ClosedError", "ConnectError", "TlsError", "RequestTimeout", "CallTimeout",
    "ProtocolError", "ResponseTooLarge", "HttpError", "Throttled", "ServerError", "NotTheApi", "NotDeployed",
    "AuthError", "SignatureRejected", "AddressBlocked", "NoPermission", "CircuitOpen", "DecodeError",
    "ApiError", "GatewayError", "NotSignedIn", "SessionLost", "PaginationLoop", "UnknownKey", "BatchError",
}  # fmt: skip
PROMISED = CLIENTS | QUESTIONS | SETTINGS | PARTS | RECORDS | CODES | ERRORS


def test_the_promised_names_are_there() -> None:
    """Nothing that was promised has gone."""
    assert PROMISED - set(cc_async.__all__) == set()


def test_every_name_can_be_imported() -> None:
    """``__all__`` is sorted, without doubles, and each name of it exists."""
    names = cc_async.__all__
    assert names == sorted(set(names))
    assert [name for name in names if not hasattr(cc_async, name)] == []


def test_every_public_error_is_one_of_ours() -> None:
    """All of them are caught by ``except CcError``."""
    kinds = [getattr(cc_async, name) for name in ERRORS]
    assert [kind for kind in kinds if not issubclass(kind, cc_async.CcError)] == []
    assert ERRORS <= set(errors.__all__) <= set(cc_async.__all__)
    assert all(issubclass(getattr(errors, name), cc_async.CcError) for name in errors.__all__)


def test_every_public_name_is_described() -> None:
    """Each class says in its docstring what it is."""
    undescribed = [name for name in PROMISED if not (getattr(cc_async, name).__doc__ or "").strip()]
    assert undescribed == []


def test_importing_it_brings_no_test_tool_and_no_command_line() -> None:
    """``import cc_async`` loads none of the packages that only some users have."""
    code = "import cc_async, sys; print(' '.join(sys.modules))"
    root = Path(cc_async.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"pytest", "polars", "cyclopts", "rich", "pydantic", "redis", "hypothesis", "cc_async.simulator"}
    assert loaded & heavy == set()
