"""One site written into the configuration file: what is there stays, and nobody else can read it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from attrs import fields
from tomlkit.exceptions import TOMLKitError

from cc_async.errors import ConfigError
from cc_async.settings import Site
from cc_async.settings.file import site_names

_ELSEWHERE = "give another file with --config"
_FOLDER, _FILE = 0o700, 0o600
_ALWAYS = ("cms_url", "cc_id", "vdn")
_OF_ONE_SERVER = (
    "fingerprint",
    "ca_file",
    "host",
    "allow_http",
    "milliseconds",
    "empty_query_line",
    "signed_headers",
    "request_shape",
    "global_access_key",
    "global_secret_key",
)
"""Keys that fit one server and one pair of keys: when a site is set up anew, the old ones go."""


def names(path: Path) -> tuple[str, ...]:
    """Return the sites the file has; none when there is no file. Raises ConfigError."""
    return site_names(path) if path.exists() else ()


def check_place(path: Path) -> None:
    """Raise ConfigError where no file can be made, before anybody has typed keys for nothing."""
    folder = path.resolve().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigError(f"{path}: {folder} is no folder", hint=_ELSEWHERE)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: {folder} cannot be written", hint=_ELSEWHERE)


def keys_of(site: Site) -> dict[str, Any]:
    """Return what has to be written of a site: what differs from the defaults."""
    plain, found = Site(), dict[str, Any]()
    for each in fields(Site):
        value = getattr(site, each.name)
        if each.name != "name" and (each.name in _ALWAYS or value != getattr(plain, each.name)):
            found[each.name] = _written(value)
    return {key: value for key, value in found.items() if value is not None}


def _written(value: Any) -> Any:
    """Turn a value into one that TOML knows."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Path):
        return str(value.resolve())
    return list(value) if isinstance(value, tuple) else value


def write(path: Path, name: str, keys: Mapping[str, Any]) -> None:
    """Set up a site; the file is replaced as a whole, with mode 0600. Raises ConfigError.

    Keys that say how one server is spoken to go when they are not given; others stay as they were.
    """
    path = path.resolve()  # a link stays a link
    try:
        path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        text = path.read_text("utf-8") if path.exists() else ""
        _replace(path, _with_site(text, name, keys))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=_ELSEWHERE) from None
    except (TOMLKitError, UnicodeDecodeError):
        raise ConfigError(f"{path}: not TOML", hint="cc-async config check says where") from None


def _with_site(text: str, name: str, keys: Mapping[str, Any]) -> str:
    """Return the document with one site set up; comments stay."""
    document = tomlkit.parse(text)
    sites = document.setdefault("sites", tomlkit.table(is_super_table=True))
    if name not in sites:
        sites[name] = tomlkit.table()
    table = sites[name]
    for key in _OF_ONE_SERVER:
        if key in table and key not in keys:
            del table[key]
    for key, value in keys.items():
        table[key] = value
    return tomlkit.dumps(document)


def _replace(path: Path, text: str) -> None:
    """Write a new file beside the old one, made readable by us alone from its first byte, then swap."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
