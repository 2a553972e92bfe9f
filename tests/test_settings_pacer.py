"""The pacer that a site names: a file of the host or the URL of a Redis, from file or environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_async import ClosedError, CmsClient, ConfigError, settings
from cc_async.integrations.redis_pacer import RedisPacer
from cc_async.session.shared_pacer import SharedPacer

SITE = '[sites.berlin]\ncms_url = "https://cms.example.com"\naccess_key = "ak"\nsecret_key = "sk"\n'
URL = "redis://user:hunter2@red.example.com:7000/0"


def config(tmp_path: Path, line: str) -> Path:
    """A configuration file with one more line."""
    path = tmp_path / "config.toml"
    path.write_text(SITE + line + "\n")
    path.chmod(0o600)
    return path


async def test_a_file_relative_to_the_configuration(tmp_path: Path) -> None:
    """The client counts in it, and closes it."""
    site = settings.from_site("berlin", config(tmp_path, 'quota_shared = "site.quota"'), environ={})
    assert site.quota_shared == tmp_path / "site.quota"
    async with CmsClient(**site.cms_arguments()) as cms:
        pacer = cms._core.pacer
        assert isinstance(pacer, SharedPacer)
        await pacer.pause(("h", "i", "skills"), 0.01)
        assert (tmp_path / "site.quota").exists()
    with pytest.raises(ClosedError, match="the pacer is closed"):
        await pacer.pause(("h", "i", "skills"), 0.01)


def test_a_redis_by_file_or_environment(tmp_path: Path) -> None:
    """Its URL is shown nowhere: it may hold a password."""
    by_file = settings.from_site("berlin", config(tmp_path, f'pacer = "{URL}"'), environ={})
    by_environ = settings.from_site("berlin", config(tmp_path, ""), environ={"CC_ASYNC_PACER": URL})
    for site in (by_file, by_environ):
        pacer = site.cms_arguments()["pacer"]
        assert isinstance(pacer, RedisPacer)
        assert "hunter2" not in f"{site!r} {pacer!r} {site.cms_arguments()!r}"


def test_a_file_by_environment(tmp_path: Path) -> None:
    """CC_ASYNC_QUOTA_SHARED does what the key does."""
    environ = {"CC_ASYNC_QUOTA_SHARED": str(tmp_path / "q")}
    site = settings.from_site("berlin", config(tmp_path, ""), environ=environ)
    assert isinstance(site.cms_arguments()["pacer"], SharedPacer)


@pytest.mark.parametrize("line", ['pacer = "http://:hunter2@h"', "pacer = 5", 'pacer = "hunter2"'])
def test_what_is_no_such_url(tmp_path: Path, line: str) -> None:
    """Refused with what is allowed, without the value."""
    with pytest.raises(ConfigError, match="pacer must be") as caught:
        settings.from_site("berlin", config(tmp_path, line), environ={})
    assert "hunter2" not in str(caught.value)


def test_both_or_no_folder(tmp_path: Path) -> None:
    """One of them, and the folder has to be there."""
    both = config(tmp_path, f'pacer = "{URL}"\nquota_shared = "q"')
    with pytest.raises(ConfigError, match="both set"):
        settings.from_site("berlin", both, environ={}).cms_arguments()
    missing = config(tmp_path, 'quota_shared = "nowhere/q"')
    with pytest.raises(ConfigError, match="does not exist"):
        settings.from_site("berlin", missing, environ={}).cms_arguments()
