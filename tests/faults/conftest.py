"""What is written to the log is looked at, whoever writes it and at every level."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from .checks import SECRETS


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test of this folder may log a secret, at DEBUG, from any library."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        text = caplog.handler.format(record)
        assert not any(secret in text for secret in SECRETS), f"{record.name} logged a secret"
