"""Sites: where the servers are and how to speak to them, from arguments, the environment or a TOML file."""

from __future__ import annotations

import json
import os
import stat
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cc_async.batch.learn import PageSize
from cc_async.batch.packing import ArrayLimit
from cc_async.clients.base import UNSET, Unset
from cc_async.contract.spec import Host
from cc_async.errors import ConfigError
from cc_async.session.quotas import QuotaSetting
from cc_async.session.secret import Secret
from cc_async.session.signing import AkSk
from cc_async.session.tls import Tls
from cc_async.settings_keys import parse_quota, quota_of, read_key
from cc_async.settings_pacer import common_pacer

__all__ = ["ENVIRONMENT", "Site", "config_path", "from_env", "from_site", "load", "parse_quota", "read_guids"]

ENVIRONMENT: Mapping[str, str] = {
    "CC_ASYNC_CMS_URL": "cms_url",
    "CC_ASYNC_GATEWAY_URL": "gateway_url",
    "CC_ASYNC_ACCESS_KEY": "access_key",
    "CC_ASYNC_SECRET_KEY": "secret_key",
    "CC_ASYNC_GLOBAL_ACCESS_KEY": "global_access_key",
    "CC_ASYNC_GLOBAL_SECRET_KEY": "global_secret_key",
    "CC_ASYNC_CC_ID": "cc_id",
    "CC_ASYNC_VDN": "vdn",
    "CC_ASYNC_GUIDS_FILE": "guids_file",
    "CC_ASYNC_QUOTA_SHARED": "quota_shared",
    "CC_ASYNC_PACER": "pacer",
}
"""Which variable sets which key; CC_ASYNC_SITE and CC_ASYNC_CONFIG choose the site and the file."""

_SECRETS = ("secret_key", "global_secret_key", "pacer")


@frozen
class Site:
    """One contact center as a client sees it; what nobody set has the client's own default."""

    name: str = ""
    cms_url: str | None = None
    gateway_url: str | None = None
    access_key: str | None = None
    secret_key: Secret | None = None
    global_access_key: str | None = None
    global_secret_key: Secret | None = None
    cc_id: int = 1
    vdn: int | None = None
    guids_file: Path | None = None
    """JSON object of agent id and GUID, see ``read_guids``."""
    quota: QuotaSetting = field(factory=dict[str, Any], hash=False)
    """One quota, a mapping from method name (of either host), path or ``*``, or None for no pacing."""
    quota_shared: Path | None = None
    """File in which all processes of this host count their requests together."""
    pacer: Secret | None = None
    """URL of the Redis or Valkey over which processes count together; it may hold a password."""
    ca_file: Path | None = None
    fingerprint: str | None = None
    host: str | None = None
    """The Host header to sign and send, where it differs from the address dialled."""
    proxy: Secret | None = None
    allow_http: bool = False
    page_size: PageSize = 100
    array_limit: ArrayLimit = "characters"
    timeout: float | Unset | None = UNSET
    """Seconds for a whole call; None for no limit."""
    concurrency: int = 32

    def cms_arguments(self) -> dict[str, Any]:
        """Return the arguments of CmsClient; raises ConfigError when a needed one is not set."""
        self.require("cms_url", "access_key", "secret_key")
        arguments = {
            "base_url": self.cms_url,
            "auth": AkSk(self.access_key or "", self.secret_key or ""),
            "cc_id": self.cc_id,
            "vdn": self.vdn,
            "quota": quota_of(self.quota, Host.CMS),
            "page_size": self.page_size,
            "array_limit": self.array_limit,
        }
        if self.global_access_key and self.global_secret_key:
            arguments["global_auth"] = AkSk(self.global_access_key, self.global_secret_key)
        return arguments | self._common_arguments()

    def gateway_arguments(self, *, guids: bool = True) -> dict[str, Any]:
        """Return the arguments of GatewayClient, without the GUIDs if told so; raises ConfigError."""
        self.require("gateway_url", *(("guids_file",) if guids else ()))
        arguments: dict[str, Any] = {
            "base_url": self.gateway_url,
            "quota": quota_of(self.quota, Host.GATEWAY),
        }
        if guids and self.guids_file is not None:
            arguments["guids"] = read_guids(self.guids_file)
        return arguments | self._common_arguments()

    def _common_arguments(self) -> dict[str, Any]:
        """The arguments that both clients take."""
        checked = self.ca_file is not None or self.fingerprint is not None
        limit = {} if isinstance(self.timeout, Unset) else {"timeout": self.timeout}
        return {
            **limit,
            "concurrency": self.concurrency,
            "tls": Tls(ca_file=self.ca_file, fingerprint=self.fingerprint) if checked else None,
            "host": self.host,
            "proxy": None if self.proxy is None else str(self.proxy),
            "allow_http": self.allow_http,
            "pacer": common_pacer(self.pacer, self.quota_shared),
        }

    def require(self, *keys: str) -> None:
        """Raise ConfigError when one of these keys was not set, and say where it can be set."""
        for key in keys:
            if getattr(self, key) is None:
                variable = next((name for name, known in ENVIRONMENT.items() if known == key), None)
                where = f"{key} in [sites.{self.name or 'NAME'}] of the configuration file"
                raise ConfigError(
                    f"{key} is not set", hint=f"set {variable}, or {where}" if variable else f"set {where}"
                )


def from_env(environ: Mapping[str, str] | None = None, **arguments: Any) -> Site:
    """Read the site the environment describes; variables win over the file that CC_ASYNC_SITE names.

    Raises ConfigError.
    """
    return load(environ=environ, **arguments)


def from_site(
    name: str,
    path: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    **arguments: Any,
) -> Site:
    """Read ``[sites.NAME]``; the environment only fills what the file leaves out (often the keys).

    Raises ConfigError.
    """
    return load(name, path, environ=environ, **arguments)


def load(
    site: str | None = None,
    config: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    **arguments: Any,
) -> Site:
    """Put a site together: arguments first, then the site named here, the environment, CC_ASYNC_SITE's.

    An argument that is None counts as not given. Warns when a file with a secret can be read by others.
    Raises ConfigError, which names the file or variable, the key and what is allowed, never a value.
    """
    env = {name: text for name, text in (os.environ if environ is None else environ).items() if text}
    path = Path(config).expanduser() if config is not None else config_path(env)
    name = site or env.get("CC_ASYNC_SITE")
    from_file = _read_file(path, name) if name else {}
    from_environ = {
        key: read_key(key, _number(env[variable]) if key in ("cc_id", "vdn") else env[variable], variable)
        for variable, key in ENVIRONMENT.items()
        if variable in env
    }
    layers = (from_environ, from_file) if site else (from_file, from_environ)
    given = {key: read_key(key, value, "argument") for key, value in arguments.items() if value is not None}
    return Site(**{"name": name or "", **layers[0], **layers[1], **given})


def config_path(environ: Mapping[str, str]) -> Path:
    """Return where the configuration file is: CC_ASYNC_CONFIG, else below the XDG configuration folder."""
    if chosen := environ.get("CC_ASYNC_CONFIG"):
        return Path(chosen).expanduser()
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path("~/.config").expanduser()) / "cc_async" / "config.toml"


def read_guids(path: Path) -> dict[int, Secret]:
    """Read a JSON object such as ``{"101": "<guid>"}``; raises ConfigError, without any GUID in it."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="guids_file names a JSON file") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(guid, str) and guid for guid in found.values()):
        raise ConfigError(f"{path}: not a JSON object of texts", hint='write {"101": "<guid>", ...}')
    if not all(agent.isascii() and agent.isdigit() for agent in found):
        raise ConfigError(f"{path}: every agent id must be digits", hint='write {"101": "<guid>", ...}')
    _warn_if_readable(path, "GUIDs")
    return {int(agent): Secret(guid) for agent, guid in found.items()}


def _read_file(path: Path, name: str) -> dict[str, Any]:
    """Return the checked keys of one site of the file."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=f"it should hold [sites.{name}]") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    for key in document:
        if key != "sites":
            raise ConfigError(f"{path}: unknown key {key!r}", hint="the file holds tables [sites.NAME]")
    sites = document.get("sites", {})
    table = sites.get(name) if isinstance(sites, dict) else None
    if not isinstance(table, dict):
        known = ", ".join(sites) if isinstance(sites, dict) else ""
        raise ConfigError(f"{path}: no table [sites.{name}]", hint=f"known sites: {known or 'none'}")
    where = f"{path}: [sites.{name}]"
    values = {key: read_key(key, value, where) for key, value in table.items()}
    if any(key in values for key in _SECRETS):
        _warn_if_readable(path, "a secret")
    for key in ("guids_file", "ca_file", "quota_shared"):
        if key in values:
            values[key] = path.parent / values[key]
    return values


def _warn_if_readable(path: Path, what: str) -> None:
    """Warn when the mode of the file lets the group or everybody read it."""
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f"{path} holds {what} and can be read by others: chmod 600 it", stacklevel=4)


def _number(text: str) -> object:
    """Return the number that a variable's text spells, or the text for the check to refuse."""
    return int(text) if text.isascii() and text.isdigit() else text
