"""Addresses a client is given: the base URL, the Host header, the proxy; checked before any I/O."""

from __future__ import annotations

import ipaddress
import re

from attrs import frozen
from yarl import URL

from cc_async.errors import ConfigError

_OWN_PORT = {"http": 80, "https": 443}
_KEPT_TARGETS = 4096
_EXAMPLE = "such as https://cms.example.com:28443"


@frozen
class Address:
    """A base URL in its parts."""

    origin: str
    """Scheme, host and port as they stand before every path."""
    prefix: str
    """The path of the base URL without its last slash, usually empty."""
    host: str
    """The ``Host`` header: with the port when it is not the scheme's own."""
    name: str
    """``host:port``, for errors and keys."""
    secure: bool
    """True for https."""


class Targets(dict[str, URL]):
    """The URLs asked lately, by path and query: taking one apart is a tenth of a request's work."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def __missing__(self, path: str) -> URL:
        if len(self) >= _KEPT_TARGETS:
            self.clear()
        target = self[path] = URL(self._base_url + path, encoded=True)
        return target


def read_base_url(text: str, *, allow_http: bool = False, host: str | None = None) -> Address:
    """Take a base URL apart.

    Args:
        text: ``https://host[:port][/prefix]``.
        allow_http: True lets plain http go to other machines than this one.
        host: another ``Host`` header, for a server behind an address translation.

    Raises:
        ConfigError: not such a URL, or plain http to another machine.
    """
    url = _parsed("base_url", text)
    if url.query_string or url.fragment or text.rstrip().endswith(("?", "#")):
        raise ConfigError(f"base_url must end with host, port or path: no query, no fragment; {_EXAMPLE}")
    if url.user is not None or url.password is not None:
        raise ConfigError("base_url must not hold a user or a password; keys belong in auth")
    if url.scheme == "http" and not allow_http and not is_loopback(url.raw_host or ""):
        raise ConfigError(
            f"base_url is plain http to {url.raw_host}: everything could be read and changed on the way",
            hint="use https, or give allow_http=True",
        )
    name = f"{url.host_subcomponent}:{url.port}"
    own = name if url.port != _OWN_PORT[url.scheme] else str(url.host_subcomponent)
    return Address(
        origin=f"{url.scheme}://{own}",
        prefix=url.raw_path.rstrip("/"),
        host=own if host is None else _host_header(host),
        name=name,
        secure=url.scheme == "https",
    )


def read_proxy(text: str) -> URL:
    """Check the URL of a proxy; a user and a password may be in it.

    Raises:
        ConfigError: not an http or https URL; the text never repeats it.
    """
    url = _parsed("proxy", text)
    if url.raw_path not in ("", "/") or url.query_string or url.fragment:
        raise ConfigError("proxy must be scheme, host and port only, such as http://proxy.example.com:3128")
    return url


def _parsed(what: str, text: object) -> URL:
    """Parse a URL without repeating it in an error: it may hold a password."""
    if not isinstance(text, str):
        raise ConfigError(f"{what} must be text, not {type(text).__name__}")
    try:
        url = URL(text.strip())
        port = url.port
    except ValueError:
        raise ConfigError(f"{what} is not a URL; {_EXAMPLE}") from None
    if url.scheme not in _OWN_PORT:
        raise ConfigError(f"{what} must begin with https:// or http://, {_EXAMPLE}")
    if not url.host or not port:
        raise ConfigError(f"{what} has no host, or a port that is none; {_EXAMPLE}")
    return url


def is_loopback(host: str) -> bool:
    """True for this machine itself: what goes there passes no network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_header(value: object) -> str:
    """Check a Host header given by the caller."""
    if not isinstance(value, str) or not re.fullmatch(
        r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", value
    ):
        raise ConfigError(
            "host must be a host name or an address, with a port if need be: cms.example.com:28443"
        )
    return value
