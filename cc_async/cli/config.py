"""``config check`` and ``config show``: the configuration file looked through; no server is asked."""

from __future__ import annotations

import json as json_module
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

from attrs import fields
from cyclopts import App, Parameter

from cc_async.cli import run
from cc_async.cli.codes import FINE, NOTHING, PARTIAL
from cc_async.cli.options import Json
from cc_async.cli.text import visible
from cc_async.contract.spec import Quota
from cc_async.session.secret import Secret
from cc_async.settings import Site, config_path, from_site
from cc_async.settings.file import Fault, faults, holds_secret, readable_by_others, site_names

_AK_SHOWN = 4
_SHORTENED = ("access_key", "global_access_key")

ConfigFile = Annotated[
    Path | None, Parameter(help="The configuration file (default: ~/.config/cc_async/config.toml).")
]
OneSite = Annotated[str | None, Parameter(help="Name of one [sites.NAME] table; all when left out.")]

app = App(name="config", help="The configuration file.")


def add_to(parent: App) -> None:
    """Hook the commands into the app."""
    parent.command(app)


def path_of(config: Path | None) -> Path:
    """Return the file that was named, or the one every command reads."""
    return config_path(os.environ) if config is None else config.expanduser()


@app.command
def check(*, site: OneSite = None, config: ConfigFile = None, json: Json = False) -> int:
    """Look through every site of the file: keys, values, the files they name, and who can read it.

    No server is asked. Exit codes: 0 fine, 1 something is wrong, 2 no such file or site, 3 warnings only.
    """
    path = path_of(config)
    found = faults(path, site)
    names = site_names(path) if site is None else (site,)
    told = [f"{path} holds a secret and can be read by others: chmod 600 it"] if _exposed(path) else []
    if json:
        _write_json(path, names, found, told)
    else:
        for fault in found:
            run.say(f"{fault.text} - {fault.hint}" if fault.hint else fault.text)
        for warning in told:
            run.say(f"warning: {warning}")
        if not found:
            sys.stdout.write(
                f"{visible(str(path))}: {len(names)} site{'s' * (len(names) != 1)}, nothing wrong\n"
            )
    return NOTHING if found else PARTIAL if told else FINE


def _exposed(path: Path) -> bool:
    return readable_by_others(path) and holds_secret(path)


def _write_json(path: Path, names: tuple[str, ...], found: tuple[Fault, ...], told: list[str]) -> None:
    document = {
        "version": 1,
        "file": str(path),
        "sites": list(names),
        "faults": [
            {"site": fault.site, "key": fault.key or None, "text": fault.text, "hint": fault.hint}
            for fault in found
        ],
        "warnings": told,
    }
    sys.stdout.write(json_module.dumps(document) + "\n")


@app.command
def show(*, site: OneSite = None, config: ConfigFile = None) -> int:
    """Show what is set, as the library reads it; keys and proxies masked.

    Exit codes: 0 fine, 1 a site cannot be read, 2 no such file or site.
    """
    path, wrong = path_of(config), False
    for name in (site,) if site is not None else site_names(path):
        found = faults(path, name)
        wrong = wrong or bool(found)
        sys.stdout.write(f"[sites.{visible(name)}]\n")
        for fault in found:
            run.say(f"{fault.text} - {fault.hint}" if fault.hint else fault.text)
        if not found:
            sys.stdout.write("".join(f"{line}\n" for line in _lines(path, name)))
    return NOTHING if wrong else FINE


def _lines(path: Path, name: str) -> list[str]:
    """Write the keys of a site that differ from the defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who can read the file is for check to say
        site = from_site(name, path, environ={})
    plain = Site()
    keys = [each.name for each in fields(Site) if each.name != "name"]
    return [
        f"{key} = {visible(_masked(key, getattr(site, key)))}"
        for key in keys
        if getattr(site, key) != getattr(plain, key)
    ]


def _masked(key: str, value: Any) -> str:
    if isinstance(value, Secret):
        return '"***"'
    if key in _SHORTENED:
        return json_module.dumps(f"{value[:_AK_SHOWN]}...")
    return json_module.dumps("none" if value is None else value, default=_written)


def _written(value: object) -> str:
    """Write what JSON does not know as the file has it."""
    return f"{value.limit}/{value.per:g}" if isinstance(value, Quota) else str(value)
