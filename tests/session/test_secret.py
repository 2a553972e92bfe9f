"""Secret: text that must not be seen."""

import copy
import json
import pickle
import time

import pytest
from multidict import CIMultiDict

from cc_async.session.secret import Secret, struck_out


def test_a_secret_is_masked_wherever_reprs_are_printed():
    """repr, containers and %r show stars, never the text."""
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret!r} {[secret]} {({'k': secret},)}"
    assert "hunter2" not in "%r" % (secret,)  # noqa: UP031


def test_a_secret_works_as_text():
    """A secret compares, encodes and travels in headers as the text it is."""
    secret = Secret("hunter2")
    assert secret == "hunter2"
    assert secret.encode() == b"hunter2"
    assert CIMultiDict({"Guid": secret})["guid"] == "hunter2"
    assert type(str(secret)) is str
    assert str(secret) == "hunter2"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_pickled(protocol):
    """No pickle protocol takes a secret, not even inside something else."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps({"key": Secret("hunter2")}, protocol)


def test_a_secret_is_not_copied_by_accident():
    """copy uses the pickle protocol, so it refuses as well and never loses the mask."""
    with pytest.raises(TypeError, match="not pickled"):
        copy.copy(Secret("hunter2"))


def test_json_is_asked_for():
    """json writes the text: whoever serialises a secret by value gets its value."""
    assert json.dumps(Secret("hunter2")) == '"hunter2"'


GUID = "s3cr3tTokenXYZ.AgentGateway1"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"unknown {GUID} here", "unknown *** here"),
        (f"{GUID},{GUID}", "***"),
        (f"123 4567{GUID}", "123 ***"),
        ("caller 138-1234-5678.", "caller ***."),
        ("from +86 138 1234 5678 on", "from *** on"),
        ("0755\u00a02345\u20116789", "***"),
        ("13812345678", "***"),
        ("2026-01-01 138-1234-5678", "***"),
        ("2026-01-01-1234", "***"),
    ],
)
def test_what_may_be_an_agents_or_a_callers_is_struck_out(said, shown):
    """GUIDs of the gateway, and phone numbers however they are grouped."""
    assert struck_out(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "HTTP 404 at port 8443",
        "100-007",
        "limit 100 of 123-456",
        "from 2026-01-01 00:00:00 to 2026-12-31 23:59:59",
        "2026-05-04T12:00:00 is too early",
        "AgentGateway is restarting",
    ],
)
def test_what_explains_an_error_stays(said):
    """Short numbers, codes with a dash and dates are no phone numbers."""
    assert struck_out(said) == said


def test_a_long_answer_does_not_hold_up_the_loop():
    """The time grows with the length, not with its square."""
    began = time.process_time()
    for text in (
        "x" * 65536,
        "." * 65536,
        "12 " * 20000,
        "1-" * 30000,
        "12-x" * 16000,
        ".AgentGatewa" * 5000,
    ):
        struck_out(text)
    assert time.process_time() - began < 2.0
