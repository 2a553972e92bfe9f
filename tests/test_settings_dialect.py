"""How a site says what its server wants: the keys behind the doctor's advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_async import AkSk, CmsClient, ConfigError
from cc_async.settings import from_site
from cc_async.settings.file import faults, site_names

SITE = (
    '[sites.odd]\ncms_url = "https://cms.example.com"\naccess_key = "AK"\nsecret_key = "SK"\n'
    "milliseconds = true\nempty_query_line = true\n"
    'signed_headers = ["content-length", "content-type", "host"]\nrequest_shape = "wrapped"\n'
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with one odd site."""
    path = tmp_path / "c.toml"
    path.write_text(SITE)
    path.chmod(0o600)
    return path


async def test_the_client_signs_and_writes_as_the_site_says(config: Path) -> None:
    """Signature and shape of requests reach the client."""
    site = from_site("odd", config, environ={})
    arguments = site.cms_arguments()
    assert arguments["auth"] == AkSk(
        "AK",
        "SK",
        milliseconds=True,
        empty_query_line=True,
        signed_headers=("content-length", "content-type", "host"),
    )
    assert arguments["request_shape"] == "wrapped"
    async with CmsClient.from_site("odd", str(config)) as cms:
        assert cms.health.ok


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('milliseconds = "yes"', "milliseconds must be true or false"),
        ('signed_headers = "host"', "signed_headers must be a list of some of host"),
        ("signed_headers = []", "signed_headers must be a list"),
        ('signed_headers = ["date"]', "signed_headers must be a list"),
        ("signed_headers = [[1]]", "signed_headers must be a list"),
        ('request_shape = "square"', 'request_shape must be "learn", "flat" or "wrapped"'),
        ("request_shape = [1]", "request_shape must be"),
    ],
)
def test_what_each_key_may_hold(tmp_path: Path, line: str, says: str) -> None:
    """Anything else is named with what is allowed."""
    path = tmp_path / "c.toml"
    path.write_text(f"[sites.a]\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        from_site("a", path, environ={})
    assert says in str(caught.value)
    [fault] = faults(path)
    assert says in fault.text


def test_the_whole_file_is_looked_through(config: Path) -> None:
    """A good file has no faults, and its sites have their names."""
    assert faults(config) == ()
    assert site_names(config) == ("odd",)
    with pytest.raises(ConfigError, match="known sites: odd"):
        faults(config, "even")
