"""The configuration file: one site read from it, or all of them looked through."""

from __future__ import annotations

import json
import os
import stat
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from cc_async.errors import ConfigError
from cc_async.session.address import read_base_url, read_proxy
from cc_async.session.secret import Secret
from cc_async.session.signing import AkSk
from cc_async.session.tls import Tls
from cc_async.settings.keys import read_key

_SECRETS = ("secret_key", "global_secret_key", "pacer")
_PATHS = ("guids_file", "ca_file", "quota_shared")


@frozen
class Fault:
    """One thing that is wrong in a file."""

    site: str
    """The table it stands in; empty for the file as a whole."""
    key: str
    """The key; empty for the table as a whole."""
    text: str
    """Which file, table and key, and what is allowed there; never a value."""
    hint: str | None = None


def read_site(path: Path, name: str) -> dict[str, Any]:
    """Return the checked keys of one site; raises ConfigError, warns when others can read a secret."""
    sites = _tables(path, f"it should hold [sites.{name}]")
    table = sites.get(name)
    if not isinstance(table, dict):
        raise _unknown(path, name, sites)
    where = f"{path}: [sites.{name}]"
    values = _beside(path, {key: read_key(key, value, where) for key, value in table.items()})
    if any(key in values for key in _SECRETS):
        _warn_if_readable(path, "a secret")
    return values


def site_names(path: Path) -> tuple[str, ...]:
    """Return the names of the sites of a file; raises ConfigError when it cannot be read."""
    return tuple(_tables(path, "cc-async init writes one"))


def faults(path: Path, name: str | None = None) -> tuple[Fault, ...]:
    """Look through one site of a file, or all of them, without asking any server.

    Files the keys name (ca_file, guids_file) are read. Raises ConfigError for a file that cannot be read.
    """
    sites = _tables(path, "cc-async init writes one")
    if name is not None and name not in sites:
        raise _unknown(path, name, sites)
    if not sites:
        return (Fault("", "", f"{path}: no site in it", "cc-async init writes one"),)
    chosen = {name: sites[name]} if name is not None else sites
    return tuple(fault for site, table in chosen.items() for fault in _faults_of(path, site, table))


def readable_by_others(path: Path) -> bool:
    """True when the mode of the file lets the group or everybody read it."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def holds_secret(path: Path) -> bool:
    """True when any site of the file has a secret key."""
    tables = _tables(path, "cc-async init writes one").values()
    return any(key in table for table in tables if isinstance(table, dict) for key in _SECRETS)


def read_guids(path: Path) -> dict[int, Secret]:
    """Read a JSON object such as ``{"101": "<guid>"}``; raises ConfigError, without any GUID in it."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="guids_file names a JSON file") from None
    except ValueError:
        text = ""
    found = parse_guids(text, str(path))
    _warn_if_readable(path, "GUIDs")
    return found


def parse_guids(text: str, where: str) -> dict[int, Secret]:
    """Read the JSON object itself; raises ConfigError that names ``where``, and no GUID."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(guid, str) and guid for guid in found.values()):
        raise ConfigError(f"{where}: not a JSON object of texts", hint='write {"101": "<guid>", ...}')
    if not all(agent.isascii() and agent.isdigit() for agent in found):
        raise ConfigError(f"{where}: every agent id must be digits", hint='write {"101": "<guid>", ...}')
    return {int(agent): Secret(guid) for agent, guid in found.items()}


def _tables(path: Path, missing: str) -> Mapping[str, Any]:
    """Return the tables below ``sites``."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=missing) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    for key in document:
        if key != "sites":
            raise ConfigError(f"{path}: unknown key {key!r}", hint="the file holds tables [sites.NAME]")
    sites = document.get("sites", {})
    if not isinstance(sites, dict):
        raise ConfigError(f"{path}: sites must hold tables", hint="write [sites.NAME] and its keys below")
    return sites


def _unknown(path: Path, name: str, sites: Mapping[str, Any]) -> ConfigError:
    return ConfigError(f"{path}: no table [sites.{name}]", hint=f"known sites: {', '.join(sites) or 'none'}")


def _beside(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Take relative paths from the folder of the file."""
    return {key: path.parent / value if key in _PATHS else value for key, value in values.items()}


def _faults_of(path: Path, site: str, table: object) -> Iterator[Fault]:
    """Look through one table: key by key, then what only several keys together can tell."""
    where = f"{path}: [sites.{site}]"
    if not isinstance(table, dict):
        yield Fault(site, "", f"{where}: not a table", f"write [sites.{site}] and its keys below")
        return
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            values[key] = read_key(key, value, where)
        except ConfigError as error:
            yield Fault(site, key, error.message, error.hint)
    for key, wrong in _together(_beside(path, values)):
        hint = wrong.hint if isinstance(wrong, ConfigError) else None
        text = wrong.message if isinstance(wrong, ConfigError) else str(wrong)
        yield Fault(site, key, f"{where}: {key}: {text}", hint)


def _together(values: Mapping[str, Any]) -> Iterator[tuple[str, Exception]]:
    """Try what a client would be made of, without opening anything but the files that are named."""
    http, host = values.get("allow_http", False), values.get("host")
    checks: dict[str, Callable[[Any], object]] = {
        "cms_url": lambda url: read_base_url(url, allow_http=http, host=host),
        "gateway_url": lambda url: read_base_url(url, allow_http=http, host=host),
        "proxy": read_proxy,
        "access_key": lambda key: AkSk(key, "any"),
        "global_access_key": lambda key: AkSk(key, "any"),
        "fingerprint": lambda text: Tls(fingerprint=text),
        "ca_file": lambda file: Tls(ca_file=file).context(),
        "guids_file": _guids_quietly,
        "quota_shared": _folder_is_there,
    }
    for key, check in checks.items():
        if key not in values:
            continue
        try:
            check(values[key])
        except (ConfigError, ValueError) as error:
            yield key, error
    for first, second in (("access_key", "secret_key"), ("global_access_key", "global_secret_key")):
        if second in values and first not in values:
            yield second, ConfigError(f"stands without {first}", hint=f"set {first}, too")
    if "pacer" in values and "quota_shared" in values:
        yield "pacer", ConfigError("stands beside quota_shared", hint="set one of them")
    if "global_access_key" in values and "global_secret_key" not in values:
        text = "stands without global_secret_key"
        yield "global_access_key", ConfigError(text, hint="set it here or as CC_ASYNC_GLOBAL_SECRET_KEY")


def _folder_is_there(path: Path) -> None:
    """The file itself is made when it is first needed."""
    if not path.expanduser().absolute().parent.is_dir():
        raise ConfigError(
            f"{path.parent} is no folder", hint="make it, writable for every process that counts"
        )


def _guids_quietly(path: Path) -> None:
    """Read the GUIDs for their form only; who else can read the file is told elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_guids(path)


def _warn_if_readable(path: Path, what: str) -> None:
    """Warn when others can read the file."""
    if readable_by_others(path):
        warnings.warn(f"{path} holds {what} and can be read by others: chmod 600 it", stacklevel=5)
