"""Secret: text that must not be seen."""

import copy
import json
import pickle

import pytest
from multidict import CIMultiDict

from cc_async.session.secret import Secret


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
