"""``init``: asks for a site, tries it with the doctor's first steps, writes it into the file."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from attrs import evolve, frozen
from cyclopts import App, Parameter

from cc_async import settings
from cc_async.cli import site_writer
from cc_async.cli.ask import Asker
from cc_async.cli.codes import FINE, NOTHING
from cc_async.cli.config import ConfigFile, path_of
from cc_async.cli.doctor import show, visible_lines, watched
from cc_async.cli.output import console
from cc_async.cli.text import visible
from cc_async.cli.usage import UsageError
from cc_async.doctor import FIRST_STEPS, Level, Patient, Report, examine
from cc_async.session.address import read_base_url
from cc_async.session.clock import LoopClock
from cc_async.settings import Site
from cc_async.settings.keys import read_key

_UNPROVEN = ("fingerprint", "cms_url")
"""Settings of a report that somebody has to agree to."""

SiteName = Annotated[str, Parameter(help="Name of the [sites.NAME] table to write.")]
Pin = Annotated[str | None, Parameter(help="SHA-256 of the server's certificate, to trust it.")]
CaFile = Annotated[Path | None, Parameter(help="PEM file of the issuer to trust.")]
AllowHttp = Annotated[
    bool, Parameter(negative="", show_default=False, help="Allow http:// to a host that is not this machine.")
]
Yes = Annotated[
    bool,
    Parameter(negative="", show_default=False, help="Ask nothing: take all from CC_ASYNC_* variables."),
]


def add_to(app: App) -> None:
    """Hook the command into the app."""
    app.command(init)


def init(
    *,
    site: SiteName = "main",
    config: ConfigFile = None,
    fingerprint: Pin = None,
    ca_file: CaFile = None,
    allow_http: AllowHttp = False,
    yes: Yes = False,
) -> int:
    """Set up a site: asks for address and keys, tries them, writes the configuration file (mode 0600).

    What stands in the file stays there, comments included; a site of the same name is replaced only when
    you say so. Exit codes: 0 written, 1 not written, 2 usage.
    """
    if not site.strip() or not site.isprintable():
        raise UsageError("--site: not a name", hint="such as berlin")
    path = path_of(config)
    taken = site in site_writer.names(path)
    site_writer.check_place(path)
    asker = Asker()
    if yes:
        if taken:
            raise UsageError(f"{path} has a site {site!r} already", hint="give another name with --site")
        found = _from_environment(site)
    else:
        asker.require_terminal("set CC_ASYNC_CMS_URL, _VDN, _ACCESS_KEY and _SECRET_KEY, and give --yes")
        if taken and not asker.yes(f"{path} has a site {site!r} already. Replace its settings?"):
            return _unwritten()
        found = _asked(asker, site, allow_http=allow_http)
    given: dict[str, Any] = {"fingerprint": fingerprint, "ca_file": ca_file, "allow_http": allow_http}
    for key, value in given.items():
        if value:
            found = evolve(found, **{key: read_key(key, value, f"--{key.replace('_', '-')}")})
    return _tried_and_written(found, path, None if yes else asker)


def _from_environment(name: str) -> Site:
    found = evolve(_environment(), name=name)
    found.require("cms_url", "vdn", "access_key", "secret_key")
    return found


def _environment() -> Site:
    """Read the variables alone: which site they name does not matter, a new one is made."""
    return settings.load(environ={key: text for key, text in os.environ.items() if key != "CC_ASYNC_SITE"})


def _asked(asker: Asker, name: str, *, allow_http: bool) -> Site:
    """Ask for one thing after the other."""
    known = _environment()

    def reachable(url: str) -> None:
        read_base_url(url, allow_http=allow_http)  # before the keys are typed for nothing

    values: dict[str, Any] = {
        "cms_url": asker.value(
            "cms_url", "URL of CC-CMS (https://cms.example.com:28443)", known.cms_url, reachable
        ),
        "cc_id": asker.number("cc_id", "call center (cc_id)", known.cc_id),
        "vdn": asker.number("vdn", "VDN", known.vdn),
        "access_key": asker.hidden("access_key", "access key (not shown): "),
        "secret_key": asker.hidden("secret_key", "secret key (not shown): "),
    }
    if asker.yes("Do you have a global key, too (for VDNs and system indicators)?"):
        values["global_access_key"] = asker.hidden("global_access_key", "global access key (not shown): ")
        values["global_secret_key"] = asker.hidden("global_secret_key", "global secret key (not shown): ")
    return Site(name=name, allow_http=allow_http, **values)


def _tried_and_written(site: Site, path: Path, asker: Asker | None) -> int:
    """Try the site; pin its certificate and go on in spite of a problem only if told so."""
    tried = _try(site)
    address = tried.report.settings.get("cms_url")
    if address is not None and asker is not None and asker.yes(f"Go on with {address}?"):
        site = evolve(site, cms_url=address)
        tried = _try(site)
    pin = tried.report.settings.get("fingerprint")
    if pin is not None and asker is not None:
        asker.tell("Compare this SHA-256 with the server's administrator, by another way than this network:")
        asker.tell(f"  {pin}")
        if asker.yes("Trust this certificate from now on (pin it)?"):
            tried = _try(evolve(site, fingerprint=pin))
    if tried.report.level is Level.PROBLEM:
        problem = tried.report.findings[-1]
        sys.stdout.write(f"\n{visible(problem.text)}\n-> {visible(problem.advice)}\n")
        sys.stdout.write(f"\n{visible_lines(tried.report.toml)}\n" if tried.report.toml else "")
        if asker is None or not asker.yes("Write the file all the same?"):
            return _unwritten()
    site_writer.write(path, tried.site.name, site_writer.keys_of(tried.site))
    where = "" if path == path_of(None) else f" --config {path}"
    sys.stdout.write(
        f"\nWritten to {visible(str(path))}, readable by you alone. Next:\n"
        f"  cc-async doctor --site {tried.site.name}{where}\n"
        f"  cc-async skill-states --site {tried.site.name}{where}\n"
    )
    return FINE


def _unwritten() -> int:
    sys.stdout.write("Nothing was written.\n")
    return NOTHING


@frozen
class _Tried:
    """A site with what the trial adds to it, and the report."""

    site: Site
    report: Report


def _try(site: Site) -> _Tried:
    """Take the doctor's first steps; what they find out is taken over, but for _UNPROVEN."""

    async def examined() -> Report:
        screen = console(sys.stdout)
        patient = Patient.of(site, LoopClock())
        with watched(screen) as on_step:
            return await examine(
                patient, FIRST_STEPS, on_step=on_step, on_result=lambda result: show(screen, result)
            )

    report = asyncio.run(examined())
    learned = {key: value for key, value in report.settings.items() if key not in _UNPROVEN}
    changes = {key: read_key(key, value, "the trial") for key, value in learned.items()}
    return _Tried(evolve(site, **changes), report)
