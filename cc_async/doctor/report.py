"""What the doctor found: findings by step, the settings to use, nothing in it that must not be mailed."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from cc_async.settings import Site

_AK_SHOWN = 4
_ADDRESS = re.compile(r"\b[0-9]{1,3}(\.[0-9]{1,3}){3}\b")
"""Addresses that pages of others may tell us."""


class Level(enum.IntEnum):
    """How much a finding matters; a higher one counts more."""

    OK = 0
    NOTE = 1
    """The server differs from the documents, and the library copes by itself."""
    REMARK = 2
    """It works, but something is worth setting, or will not be had."""
    PROBLEM = 3
    """Nothing more can be looked at before this is put right."""


@frozen
class Finding:
    """One thing that was found out."""

    level: Level
    name: str
    """A stable name, such as ``empty-query-line``."""
    text: str
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""


def ok(name: str, text: str) -> Finding:
    """Something is as it should be."""
    return Finding(Level.OK, name, text)


def note(name: str, text: str) -> Finding:
    """Something differs, and nothing needs doing."""
    return Finding(Level.NOTE, name, text)


def remark(name: str, text: str, advice: str) -> Finding:
    """Something is worth doing."""
    return Finding(Level.REMARK, name, text, advice)


def problem(name: str, text: str, advice: str) -> Finding:
    """Something has to be put right first."""
    return Finding(Level.PROBLEM, name, text, advice)


@frozen
class Result:
    """What one step came to."""

    step: str
    title: str
    findings: tuple[Finding, ...]
    requests: int
    seconds: float

    @property
    def level(self) -> Level:
        """The worst of its findings."""
        return max((finding.level for finding in self.findings), default=Level.OK)


@frozen
class Report:
    """A whole examination, ready to be mailed."""

    host: str
    results: tuple[Result, ...]
    settings: Mapping[str, Any] = field(factory=dict)
    """Keys of the site's table that should be set, by name."""
    site: str = ""
    skipped: tuple[str, ...] = ()
    """Titles of the steps that were not reached."""
    at_most: int = 0
    """Requests the examination was allowed."""

    @property
    def level(self) -> Level:
        """The worst of all findings."""
        return max((result.level for result in self.results), default=Level.OK)

    @property
    def requests(self) -> int:
        """Requests that were sent to the interfaces."""
        return sum(result.requests for result in self.results)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, in order."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def toml(self) -> str:
        """The settings as lines of the configuration file; empty when nothing needs setting."""
        if not self.settings:
            return ""
        lines = (f"{key} = {json.dumps(value)}" for key, value in self.settings.items())
        return "\n".join([f"[sites.{_table_name(self.site or 'NAME')}]", *lines]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the report ready for JSON."""
        return {
            "version": 1,
            "host": self.host,
            "outcome": self.level.name.lower(),
            "steps": [
                {
                    "step": result.step,
                    "title": result.title,
                    "outcome": result.level.name.lower(),
                    "requests": result.requests,
                    "seconds": round(result.seconds, 3),
                    "findings": [
                        {
                            "level": finding.level.name.lower(),
                            "name": finding.name,
                            "text": finding.text,
                            "advice": finding.advice or None,
                        }
                        for finding in result.findings
                    ],
                }
                for result in self.results
            ],
            "not_reached": list(self.skipped),
            "settings": dict(self.settings),
            "toml": self.toml,
            "requests": self.requests,
            "at_most": self.at_most,
        }


class Mask:
    """Takes out of every text what a mail must not carry."""

    def __init__(self, site: Site, *, hosts: bool) -> None:
        """Know the secrets of a site; ``hosts`` True hides host names and addresses too."""
        self._hide_hosts = hosts
        self._hosts: set[str] = set()
        self._secrets: dict[str, str] = {}
        for key in (site.access_key, site.global_access_key):
            if key and len(key) > _AK_SHOWN:
                self._secrets[key] = key[:_AK_SHOWN] + "..."
        for secret in (site.secret_key, site.global_secret_key, site.proxy):
            if secret:
                self._secrets[str(secret)] = "***"

    def hide(self, hosts: Iterable[str]) -> None:
        """Know more names and addresses of the site."""
        self._hosts.update(host for host in hosts if host)

    def text(self, text: str) -> str:
        """Return a text without secrets (and hosts, if they are hidden)."""
        for secret, shown in self._secrets.items():
            text = text.replace(secret, shown)
        if self._hide_hosts:
            for host in sorted(self._hosts, key=len, reverse=True):
                text = text.replace(host, "HOST")
            text = _ADDRESS.sub("HOST", text)
        return text

    def finding(self, finding: Finding) -> Finding:
        """Return a finding that may be mailed."""
        return evolve(finding, text=self.text(finding.text), advice=self.text(finding.advice))


def _table_name(name: str) -> str:
    """Write a table's name as TOML wants it."""
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name)
