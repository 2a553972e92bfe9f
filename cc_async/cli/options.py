"""The options that every command shares: where to connect, how to show the answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from cc_async.batch.learn import PageSize
from cc_async.cli.output import Format
from cc_async.clients.base import UNSET, Unset
from cc_async.settings.keys import read_key

_CONNECTION = Group("Connection", sort_key=10)
_OUTPUT = Group("Output", sort_key=20)
_FLAG = Parameter(negative="", show_default=False)
_SKILLS = "Ids and names such as 1-2000,2105,Sales"

Skills = Annotated[str | None, Parameter(help=f"{_SKILLS}; all queues of the VDN when left out.")]
SomeSkills = Annotated[str, Parameter(help=f"{_SKILLS}; one request a queue.")]
Tasks = Annotated[str, Parameter(help="Task ids such as 1122104910,1122104911.")]
Vdns = Annotated[str | None, Parameter(help="VDNs such as 1-100,170; all when left out.")]
Agents = Annotated[str | None, Parameter(help="Agent ids such as 101-140; all with a GUID when left out.")]
SomeAgents = Annotated[str, Parameter(help="Agent ids such as 101-140.")]
Brief = Annotated[
    bool, Parameter(negative="", show_default=False, help="Talk time, answered and outbound calls only.")
]
Json = Annotated[bool, Parameter(negative="", show_default=False, help="One JSON object.")]


@Parameter(name="*", group=_CONNECTION)
@dataclass(frozen=True)
class Link:
    """Where the servers are and how to speak to them; keys never come from an option."""

    site: str | None = None
    """Name of a [sites.NAME] table of the configuration file."""
    config: Path | None = None
    """The configuration file (default: ~/.config/cc_async/config.toml)."""
    cms_url: str | None = None
    """Base URL of CC-CMS, such as https://cms.example.com:28443."""
    gateway_url: str | None = None
    """Base URL of CC-Gateway, such as https://gw.example.com:8043."""
    cc_id: int | None = None
    """Call center id."""
    vdn: int | None = None
    """VDN to ask."""
    ca_file: Path | None = None
    """PEM file of the issuer to trust."""
    fingerprint: str | None = None
    """SHA-256 of the server's certificate, trusted in place of its issuer."""
    quota: str | None = None
    """Requests/seconds of each interface, such as 10/1; none: no pacing."""
    timeout: str | None = None
    """Seconds for the whole question (default: none; every request has its own limit). That of a site's file
    holds for tables and JSON, and not for rows that stream into CSV and files."""
    page_size: PageSize | None = None
    """Rows asked for per page, or learn: some servers give up to 1000, the first page finds out."""
    concurrency: int | None = None
    """Requests under way at once."""
    allow_http: Annotated[bool, _FLAG] = False
    """Allow http:// to a host that is not this machine."""
    partial: bool = True
    """Show what arrived when some of it failed, and exit with 3."""

    @property
    def seconds(self) -> float | Unset | None:
        """The limit that was asked for; raises ConfigError."""
        if self.timeout is None:
            return UNSET
        try:
            value: object = float(self.timeout)
        except ValueError:
            value = self.timeout
        found: float | None = read_key("timeout", value, "--timeout")
        return found


@Parameter(name="*", group=_OUTPUT)
@dataclass(frozen=True)
class Show:
    """How the answer is shown."""

    json: Annotated[bool, _FLAG] = False
    """One JSON object: version, records, failures, rejected, absent, requests."""
    csv: Annotated[bool, _FLAG] = False
    """CSV with every field, safe to open in a spreadsheet."""
    rows: int = 200
    """Rows a table shows at most; 0: all."""

    @property
    def format(self) -> Format:
        """The form that was chosen."""
        return Format.JSON if self.json else Format.CSV if self.csv else Format.TABLE


@Parameter(name="*", group=Group("Time", sort_key=5))
@dataclass(frozen=True)
class When:
    """Which time: one of last, day, or begin and end."""

    last: str | None = None
    """The time until now, such as 24h, 90m, 7d; ends with the last whole 5 minutes."""
    day: str | None = None
    """today, yesterday or a date such as 2026-03-29; needs --tz."""
    begin: str | None = None
    """ISO 8601 such as 2026-03-29T08:00+02:00 (or without offset and with --tz)."""
    end: str | None = None
    """ISO 8601; the time ends just before it (default: now)."""
    tz: str | None = None
    """Time zone such as Europe/Berlin."""
