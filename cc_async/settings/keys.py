"""The keys of a site: what each may hold, and what is said when it holds something else."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cc_async.clients.base import MOST_CONCURRENT, check_count
from cc_async.clients.cms_base import check_page_size
from cc_async.contract.agent_endpoints import AGENT_ENDPOINTS
from cc_async.contract.endpoints import ENDPOINTS
from cc_async.contract.spec import Endpoint, Host, Quota
from cc_async.errors import ConfigError
from cc_async.session.quotas import QuotaSetting
from cc_async.session.secret import Secret


def read_key(key: str, value: object, where: str) -> Any:
    """Return the value as the Site holds it, or say what is allowed."""
    if key not in _READERS:
        close = difflib.get_close_matches(key, _READERS, 1)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(_READERS)}"
        raise ConfigError(f"{where}: unknown key {key!r}", hint=hint)
    reader, allowed = _READERS[key]
    try:
        return reader(value)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {key} must be {allowed}") from None


def parse_quota(text: str) -> Quota | None:
    """Read ``10/1`` (requests / seconds), ``10`` (a second) or ``none``; raises ValueError."""
    if text.strip().lower() == "none":
        return None
    limit, _, per = text.partition("/")
    try:
        return Quota(int(limit), per=float(per or "1"))
    except ValueError:
        raise ValueError("a quota is written as requests/seconds, such as 10/1, or none") from None


def quota_of(setting: QuotaSetting, host: Host) -> QuotaSetting:
    """Return what a setting that may name interfaces of both hosts says to the client of one of them."""
    if not isinstance(setting, Mapping):
        return setting
    gateway = [endpoint for endpoint in ENDPOINTS.values() if endpoint.host is Host.GATEWAY]
    sessions = AGENT_ENDPOINTS.values()
    theirs = {name for name in setting if any(_names(name, endpoint) for endpoint in (*gateway, *sessions))}
    if host is Host.CMS:
        return {name: quota for name, quota in setting.items() if name not in theirs}
    mine = {name: quota for name, quota in setting.items() if name in theirs or name == "*"}
    # What is published holds for interfaces that nobody set.
    return mine if "*" in mine else {endpoint.name: endpoint.quota for endpoint in gateway} | mine


def _names(name: str, endpoint: Endpoint[Any]) -> bool:
    """True for the name of an interface, and for its path or the end of it."""
    return name == endpoint.name or ("/" in name and endpoint.path.endswith(name))


def _text(value: object) -> str:
    """Take printable text without blanks at its ends."""
    if isinstance(value, str) and value and value.isprintable() and value == value.strip():
        return value
    raise ValueError


def _url(value: object) -> str:
    """Take the base URL of a server; userinfo has no place in it."""
    text = _text(value)
    scheme, _, rest = text.partition("://")
    if scheme.lower() in ("http", "https") and rest and not rest.startswith("/") and "@" not in rest:
        return text
    raise ValueError


def _secret(value: object) -> Secret:
    """Take text that is not to be seen."""
    return Secret(_text(value))


def _pacer_url(value: object) -> Secret:
    """Take the URL of a server that keeps the count; it may hold a password."""
    text = _text(value)
    if text.partition("://")[0] in ("redis", "rediss", "unix", "valkey", "valkeys"):
        return Secret(text)
    raise ValueError


def _path(value: object) -> Path:
    """Take a path; the home folder may be written as ``~``."""
    return value if isinstance(value, Path) else Path(_text(value)).expanduser()


def _timeout(value: object) -> float | None:
    """Take seconds above 0, or the word none."""
    if value == "none":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    raise ValueError


def _quota(value: object) -> QuotaSetting:
    """Take one quota or a table of them."""
    if isinstance(value, Mapping):
        known = {*ENDPOINTS, *AGENT_ENDPOINTS}
        for name in value:
            if name not in known and name != "*" and "/" not in name:
                hint = f"known are {', '.join(sorted(known))}, a path, or '*'"
                raise ConfigError(f"quota names an unknown interface {name!r}", hint=hint)
        return {
            name: one if isinstance(one, Quota) else parse_quota(_text(one)) for name, one in value.items()
        }
    return value if isinstance(value, Quota) else parse_quota(_text(value))


def _only(test: Callable[[Any], bool]) -> Callable[[object], object]:
    """Make a reader that takes what passes the test, as it is."""

    def read(value: object) -> object:
        if not test(value):
            raise ValueError
        return value

    return read


def _headers(value: object) -> tuple[str, ...]:
    """Take the names of the headers to sign."""
    if isinstance(value, (list, tuple)) and value and all(name in _SIGNABLE for name in value):
        return tuple(value)
    raise ValueError


_SIGNABLE = ("host", "content-type", "content-length")
_SHAPES = ("learn", "flat", "wrapped")
_FLAG = (_only(lambda value: isinstance(value, bool)), "true or false")
_URL = (_url, "a URL such as https://cms.example.com:28443")
_KEY = (_text, "text without blanks at its ends")
_SECRET = (_secret, _KEY[1])
_COUNT = (_only(lambda value: type(value) is int and value >= 1), "a whole number, 1 or more")
_FILE = (_path, "a path")
_MANY = f"a whole number, 1 to {MOST_CONCURRENT}"

_READERS: Mapping[str, tuple[Callable[[object], object], str]] = {
    "cms_url": _URL,
    "gateway_url": _URL,
    "access_key": _KEY,
    "secret_key": _SECRET,
    "global_access_key": _KEY,
    "global_secret_key": _SECRET,
    "cc_id": _COUNT,
    "vdn": _COUNT,
    "guids_file": _FILE,
    "quota": (_quota, 'text such as "10/1" (requests/seconds) or "none", or a table of such texts'),
    "quota_shared": _FILE,
    "pacer": (_pacer_url, "the URL of a Redis or Valkey, such as redis://[user:password@]host:6379/0"),
    "ca_file": _FILE,
    "fingerprint": _KEY,
    "host": _KEY,
    "proxy": (_secret, "a URL"),
    "allow_http": _FLAG,
    "milliseconds": _FLAG,
    "empty_query_line": _FLAG,
    "signed_headers": (_headers, f"a list of some of {', '.join(_SIGNABLE)}"),
    "request_shape": (_only(lambda value: value in _SHAPES), '"learn", "flat" or "wrapped"'),
    "page_size": (check_page_size, _MANY + ', or "learn"'),
    "array_limit": (_only(lambda value: value in ("characters", "items")), '"characters" or "items"'),
    "timeout": (_timeout, 'seconds above 0, or "none"'),
    "concurrency": (lambda value: check_count("concurrency", value, MOST_CONCURRENT), _MANY),
}
