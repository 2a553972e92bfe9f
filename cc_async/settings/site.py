"""A site as its clients see it, put together from arguments, the environment and the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cc_async.batch.learn import PageSize
from cc_async.batch.packing import ArrayLimit
from cc_async.clients.base import UNSET, Unset
from cc_async.clients.setup import RequestShape
from cc_async.contract.spec import Host
from cc_async.errors import ConfigError
from cc_async.session.quotas import QuotaSetting
from cc_async.session.secret import Secret
from cc_async.session.signing import AkSk
from cc_async.session.tls import Tls
from cc_async.settings.file import read_guids, read_site
from cc_async.settings.keys import quota_of, read_key
from cc_async.settings.pacer import common_pacer

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
    milliseconds: bool = False
    """How the server wants signatures made, where it differs from the documents: see ``AkSk``."""
    empty_query_line: bool = False
    signed_headers: tuple[str, ...] = ("host",)
    request_shape: RequestShape = "learn"
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
            "auth": self.key_pair(self.access_key, self.secret_key),
            "cc_id": self.cc_id,
            "vdn": self.vdn,
            "quota": quota_of(self.quota, Host.CMS),
            "page_size": self.page_size,
            "array_limit": self.array_limit,
            "request_shape": self.request_shape,
        }
        if self.global_access_key and self.global_secret_key:
            arguments["global_auth"] = self.key_pair(self.global_access_key, self.global_secret_key)
        return arguments | self._common_arguments()

    def key_pair(self, access_key: str | None, secret_key: str | None) -> AkSk:
        """Return a pair of keys that signs as this site's server wants it; TypeError, ValueError as AkSk."""
        return AkSk(
            access_key or "",
            secret_key or "",
            milliseconds=self.milliseconds,
            empty_query_line=self.empty_query_line,
            signed_headers=self.signed_headers,
        )

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

    @property
    def tls(self) -> Tls | None:
        """How the server's certificate is checked; None: by the system's issuers."""
        if self.ca_file is None and self.fingerprint is None:
            return None
        return Tls(ca_file=self.ca_file, fingerprint=self.fingerprint)

    def _common_arguments(self) -> dict[str, Any]:
        """The arguments that both clients take."""
        limit = {} if isinstance(self.timeout, Unset) else {"timeout": self.timeout}
        return {
            **limit,
            "concurrency": self.concurrency,
            "tls": self.tls,
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
    from_file = read_site(path, name) if name else {}
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


def _number(text: str) -> object:
    """Return the number that a variable's text spells, or the text for the check to refuse."""
    return int(text) if text.isascii() and text.isdigit() else text
