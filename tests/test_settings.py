"""Sites read from arguments, the environment and a TOML file."""

from __future__ import annotations

import os
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from cc_async import CmsClient
from cc_async.contract.spec import Quota
from cc_async.errors import ConfigError
from cc_async.session.secret import Secret
from cc_async.settings import Site, config_path, from_env, from_site, load

SECRET = "s3cr3t-never-shown"

BERLIN = f"""
[sites.berlin]
cms_url = "https://cms.example.com:28443"
gateway_url = "https://gw.example.com:8043"
access_key = "ak-berlin"
secret_key = "{SECRET}"
cc_id = 2
vdn = 170
guids_file = "guids.json"
ca_file = "/etc/ca.pem"
page_size = 1000
array_limit = "items"
timeout = 30
quota = {{ "*" = "10/1", skill_states = "5/2.5", signed_in_agents = "none", agent_call_stats = "3/1" }}

[sites.keyless]
cms_url = "https://other.example.com"
vdn = 7
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A private file with two sites."""
    path = tmp_path / "config.toml"
    path.write_text(BERLIN)
    path.chmod(0o600)
    return path


def test_a_site_of_the_file_is_read_with_its_types(config: Path) -> None:
    """Every key of a table arrives in the type the client takes, paths relative to the file."""
    site = from_site("berlin", config, environ={})
    assert (site.name, site.cc_id, site.vdn, site.page_size) == ("berlin", 2, 170, 1000)
    assert site.cms_url == "https://cms.example.com:28443"
    assert isinstance(site.secret_key, Secret)
    assert site.secret_key == SECRET
    assert site.guids_file == config.parent / "guids.json"
    assert site.ca_file == Path("/etc/ca.pem")
    assert site.timeout == 30.0
    assert site.quota == {
        "*": Quota(10),
        "skill_states": Quota(5, per=2.5),
        "signed_in_agents": None,
        "agent_call_stats": Quota(3),
    }


def test_the_environment_alone_is_enough() -> None:
    """Without a file the variables describe a site."""
    site = from_env(
        {
            "CC_ASYNC_CMS_URL": "https://cms.example.com",
            "CC_ASYNC_GATEWAY_URL": "https://gw.example.com",
            "CC_ASYNC_ACCESS_KEY": "ak",
            "CC_ASYNC_SECRET_KEY": SECRET,
            "CC_ASYNC_CC_ID": "3",
            "CC_ASYNC_VDN": "171",
            "CC_ASYNC_GUIDS_FILE": "/run/guids.json",
        }
    )
    assert (site.cc_id, site.vdn, site.guids_file) == (3, 171, Path("/run/guids.json"))
    assert site.cms_url == "https://cms.example.com"
    assert site.gateway_url == "https://gw.example.com"
    assert (site.access_key, site.secret_key) == ("ak", SECRET)


def test_the_global_key_of_the_environment() -> None:
    """The key of the global interfaces has variables of its own."""
    site = from_env({"CC_ASYNC_GLOBAL_ACCESS_KEY": "gk", "CC_ASYNC_GLOBAL_SECRET_KEY": SECRET})
    assert (site.global_access_key, site.global_secret_key) == ("gk", SECRET)
    assert SECRET not in repr(site)


def test_what_both_clients_take_from_a_site() -> None:
    """TLS is checked with the file or the pin of the site; without either the system's issuers."""
    there = Site(gateway_url="https://gw.example.com", host="gw:8043")
    plain = evolve(there, proxy=Secret("http://user:pw@proxy:3128"), timeout=None).gateway_arguments(
        guids=False
    )
    assert plain["tls"] is None
    assert (plain["proxy"], plain["host"], plain["timeout"]) == (
        "http://user:pw@proxy:3128",
        "gw:8043",
        None,
    )
    site = evolve(there, fingerprint="ab" * 32, ca_file=Path("/etc/ca.pem"))
    pinned = site.gateway_arguments(guids=False)["tls"]
    assert (pinned.fingerprint, pinned.ca_file) == ("ab" * 32, Path("/etc/ca.pem"))
    assert "timeout" not in there.gateway_arguments(guids=False)


def test_nothing_set_gives_the_defaults_of_the_client() -> None:
    """An empty environment is a site without servers and with the client's own defaults."""
    assert from_env({}) == Site()
    assert from_env({"CC_ASYNC_VDN": ""}).vdn is None


def test_who_wins(config: Path) -> None:
    """Arguments win over all; a site named by argument over the environment, that over CC_ASYNC_SITE's."""
    env = {"CC_ASYNC_CONFIG": str(config), "CC_ASYNC_VDN": "9", "CC_ASYNC_SECRET_KEY": "other"}
    assert load("berlin", environ=env).vdn == 170
    assert load("berlin", environ=env, vdn=5).vdn == 5
    assert load("berlin", environ=env, vdn=None).vdn == 170
    assert load("keyless", environ=env).secret_key == "other"
    chosen = from_env({**env, "CC_ASYNC_SITE": "berlin"})
    assert (chosen.vdn, chosen.cc_id, chosen.secret_key) == (9, 2, "other")


def test_the_file_is_found_by_variable_and_by_the_xdg_rule() -> None:
    """CC_ASYNC_CONFIG is the file; else it lies below XDG_CONFIG_HOME, else below ~/.config."""
    assert config_path({"CC_ASYNC_CONFIG": "/a/b.toml"}) == Path("/a/b.toml")
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/cc_async/config.toml")
    assert config_path({}) == Path.home() / ".config" / "cc_async" / "config.toml"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("vdnn = 3", "unknown key 'vdnn' - did you mean vdn?"),
        ('colour = "red"', "unknown key 'colour' - known keys: cms_url"),
        ('vdn = "170"', "vdn must be a whole number, 1 or more"),
        ("vdn = true", "vdn must be a whole number, 1 or more"),
        ("vdn = 0", "vdn must be a whole number, 1 or more"),
        ("cc_id = 1.0", "cc_id must be a whole number, 1 or more"),
        ('cms_url = "cms.example.com"', "cms_url must be a URL such as https://"),
        ('cms_url = "https://user:pw@cms.example.com"', "cms_url must be a URL such as https://"),
        ('secret_key = ["s3cr3t-never-shown"]', "secret_key must be text"),
        ('secret_key = " s3cr3t-never-shown"', "secret_key must be text without blanks"),
        ('quota = "fast"', 'quota must be text such as "10/1"'),
        ('quota = "0/1"', 'quota must be text such as "10/1"'),
        ("quota = 10", 'quota must be text such as "10/1"'),
        ('quota = { skil_states = "1/1" }', "quota names an unknown interface 'skil_states' - known are"),
        ("concurrency = 20000", "concurrency must be a whole number, 1 to 10000"),
        ("page_size = 20000", "page_size must be a whole number, 1 to 10000"),
        ("timeout = -1", "timeout must be seconds above 0"),
        ("timeout = nan", "timeout must be seconds above 0"),
        ('page_size = "all"', 'or "learn"'),
        ("page_size = true", 'or "learn"'),
        ('array_limit = "bytes"', 'array_limit must be "characters" or "items"'),
        ('allow_http = "yes"', "allow_http must be true or false"),
        ("vdn = ", "not TOML"),
    ],
)
def test_a_bad_key_is_named_with_what_is_allowed(tmp_path: Path, line: str, says: str) -> None:
    """ConfigError names file, table, key and what is allowed, and never shows a value."""
    path = tmp_path / "c.toml"
    path.write_text(f"[sites.berlin]\n{line}\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        from_site("berlin", path, environ={})
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "pw@" not in str(caught.value)


def test_the_words_for_no_limit(tmp_path: Path) -> None:
    """``none`` switches pacing and the timeout off."""
    path = tmp_path / "c.toml"
    path.write_text('[sites.free]\nquota = "none"\ntimeout = "none"\n')
    site = from_site("free", path, environ={})
    assert site.quota is None
    assert site.timeout is None


async def test_the_page_size_may_be_learned(tmp_path: Path) -> None:
    """``learn`` is a page size of a site; the client of that site plans with both sizes."""
    path = tmp_path / "c.toml"
    path.write_text(
        '[sites.apt]\ncms_url = "https://cms.example.com"\naccess_key = "a"\nsecret_key = "s"\n'
        'page_size = "learn"\n'
    )
    path.chmod(0o600)
    assert from_site("apt", path, environ={}).page_size == "learn"
    day = datetime(2026, 3, 1, tzinfo=UTC)
    async with CmsClient.from_site("apt", str(path)) as cms:
        plan = cms.system_indicators(begin=day, end=day + timedelta(days=1), vdns=range(1, 101)).plan()
    # 100 VDNs x 288 periods; a page holds 100 rows, or 1000.
    assert plan.other is not None
    assert (plan.requests, plan.other.page_size, plan.other.requests) == (288, 1000, 29)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("[sites.other]\n", "no table [sites.berlin] - known sites: other"),
        ("", "known sites: none"),
        ("sites = 3\n", "sites must hold tables"),
        ("[sites]\nberlin = 3\n", "no table [sites.berlin]"),
        (
            "secret_key = 's3cr3t-never-shown'\n[sites.berlin]\n",
            "unknown key 'secret_key' - the file holds tables",
        ),
    ],
)
def test_a_file_that_does_not_hold_the_site(tmp_path: Path, text: str | None, says: str) -> None:
    """A missing file, a missing table and a stray key are one clear error each."""
    path = tmp_path / "c.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        from_env({"CC_ASYNC_CONFIG": str(path), "CC_ASYNC_SITE": "berlin"})
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are said to be that."""
    path = tmp_path / "c.toml"
    path.write_bytes(b"[sites.berlin]\naccess_key = '\xff'\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        from_site("berlin", path, environ={})


@pytest.mark.parametrize("variable", ["CC_ASYNC_VDN", "CC_ASYNC_CC_ID"])
@pytest.mark.parametrize("text", ["x", "-1", "0", "1.0", "１"])
def test_a_bad_variable_is_named(variable: str, text: str) -> None:
    """A variable that holds no id is named, its value is not shown."""
    with pytest.raises(ConfigError, match=f"{variable}: .* must be a whole number"):
        from_env({variable: text})


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_secret_others_can_read_is_warned_about(config: Path, mode: int) -> None:
    """A readable file with a secret warns; one without a secret, or private, does not."""
    config.chmod(mode)
    with pytest.warns(UserWarning, match="can be read by others"):
        from_site("berlin", config, environ={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_site("keyless", config, environ={})
        config.chmod(0o600)
        from_site("berlin", config, environ={})


def test_the_secret_is_in_no_repr(config: Path) -> None:
    """A Site may be printed and logged."""
    assert SECRET not in repr(from_site("berlin", config, environ={}))


def test_what_is_missing_is_named_with_where_to_set_it() -> None:
    """``require`` names the variable and the key of the file, or the key alone where no variable exists."""
    with pytest.raises(
        ConfigError, match=r"cms_url is not set - set CC_ASYNC_CMS_URL, or cms_url in \[sites.NAME\]"
    ):
        Site().require("cms_url")
    with pytest.raises(ConfigError, match=r"ca_file is not set - set ca_file in \[sites.b\]"):
        Site(name="b").require("ca_file")
    Site(cms_url="https://x").require("cms_url")
