"""The file of GUIDs that a site names."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_async.errors import ConfigError
from cc_async.settings import read_guids


def test_guids_are_read_and_masked(tmp_path: Path) -> None:
    """A GUID arrives as a secret under its agent's number."""
    path = tmp_path / "guids.json"
    path.write_text('{"101": "uuid.AgentGateway1"}')
    path.chmod(0o600)
    guids = read_guids(path)
    assert guids == {101: "uuid.AgentGateway1"}
    assert "uuid" not in repr(guids)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("{", "not a JSON object"),
        ("[]", "not a JSON object"),
        ('{"101": ""}', "not a JSON object of texts"),
        ('{"101": 5}', "not a JSON object of texts"),
        ('{"x": "uuid.secret"}', "every agent id must be digits"),
        ('{"１０１": "uuid.secret"}', "every agent id must be digits"),
    ],
)
def test_bad_guid_files(tmp_path: Path, text: str | None, says: str) -> None:
    """A bad file of GUIDs is one clear error without a GUID in it."""
    path = tmp_path / "guids.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_guids(path)
    assert says in str(caught.value)
    assert "uuid" not in str(caught.value)
