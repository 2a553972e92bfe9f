"""Who may import whom: the layers of the package, read from its sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = Path(__file__).parent.parent / "cc_async"

LAYERS = (
    {"errors", "contract"},
    {"session"},
    {"batch"},
    {"export"},  # files are written from streams; a query knows how to ask for one
    {"query", "clients", "client", "settings"},
    {"agents"},  # sessions are sent by what sends questions; the gateway's client offers both
    {"gateway"},
    {"monitor"},
    {"board"},  # what a wallboard shows, fed by watches
    {""},  # cc_async itself: the public names, which everything below is imported for
    {"integrations"},
    {"serve", "doctor", "capture"},
    {"cli", "testing", "__main__"},
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
MAY_IMPORT_SIMULATOR = {"cli", "testing", "__main__"}
OPTIONAL = {
    "cryptography",
    "cyclopts",
    "opentelemetry",
    "polars",
    "prometheus_client",
    "pydantic",
    "redis",
    "rich",
    "taskiq",
    "taskiq_redis",
    "tomlkit",
    "uvloop",
}
MAY_IMPORT_OPTIONAL = {"cli", "integrations"}
TRANSPORT = {
    "session/transport.py",
    "session/connections.py",
    "session/aiohttp_exchange.py",
    "session/resolver.py",
    "session/tls.py",
    "integrations/webhook.py",  # speaks to somebody else's server
}
SERVER_SIDE_OF_AIOHTTP = {"web", "hdrs"}
CLOCKS = {"time", "monotonic", "sleep", "time_ns", "monotonic_ns"}
RANDOM_CLASSES = {"Random", "SystemRandom"}


@frozen
class Import:
    """One imported name: ``module`` as written in full, ``name`` after ``from ... import``, or ""."""

    module: str
    name: str
    alias: str
    line: int
    top: bool
    """True: runs when the module is imported."""


def imports(path: str, tree: ast.Module) -> Iterator[Import]:
    """Every import that runs, with relative ones resolved against the file's own place."""
    here = ["cc_async", *path.removesuffix(".py").split("/")][:-1]

    def walk(node: ast.AST, top: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            for statement in node.orelse:
                yield from walk(statement, top)
            return
        if isinstance(node, ast.Import):
            for found in node.names:
                yield Import(found.name, "", found.asname or found.name, node.lineno, top)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for found in node.names:
                yield Import(module, found.name, found.asname or found.name, node.lineno, top)
        inside = top and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inside)

    yield from walk(tree, True)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def part_of(path: str) -> str:
    """The part of the package a file belongs to: ``session/codec.py`` to session, ``__init__.py`` to ""."""
    first = path.split("/")[0].removesuffix(".py")
    return "" if first == "__init__" else first


def targets(found: Import) -> set[str]:
    """The parts of cc_async an import names; none when it is not of cc_async."""
    words = found.module.split(".")
    if words[0] != "cc_async":
        return set()
    if len(words) > 1:
        return {words[1]}
    if found.name == "__version__":
        return set()  # a plain text, set before anything is imported
    # "from cc_async import X" is the part X where there is one, else a public name of the package.
    return {found.name if found.name in RANK or found.name == "simulator" else ""}


def problems(path: str, source: str) -> list[str]:
    """What a file does that its layer may not; ``path`` is relative to the package, with ``/``."""
    tree = ast.parse(source)
    found = list(imports(path, tree))
    return [
        *(f"{path}:{one.line} {text}" for one in found for text in _import_problems(path, one)),
        *(f"{path}:{line} {text}" for line, text in _from_the_air(path, tree, found)),
    ]


def _import_problems(path: str, one: Import) -> Iterator[str]:
    mine, top_name = part_of(path), one.module.split(".")[0]
    for target in targets(one) - {mine}:
        if mine == "simulator":
            yield f"the simulator imports cc_async.{target}"
        elif target == "simulator":
            if mine not in MAY_IMPORT_SIMULATOR:
                yield f"{mine or 'cc_async'} imports the simulator"
        elif target not in RANK or mine not in RANK:
            yield f"{mine} or {target} has no layer: give it one in this test"
        elif RANK[target] > RANK[mine]:
            yield f"{mine or 'cc_async'} imports {target or 'cc_async itself'}, which lies higher"
    if top_name == "aiohttp" and path not in TRANSPORT and not _is_server_side(one):
        yield f"imports aiohttp's client ({one.name or one.module}); only {sorted(TRANSPORT)} may"
    if top_name in OPTIONAL and one.top and mine not in MAY_IMPORT_OPTIONAL:
        yield f"imports optional {top_name} at module level"


def _is_server_side(one: Import) -> bool:
    words = one.module.split(".")
    return (words[1] if len(words) > 1 else one.name) in SERVER_SIDE_OF_AIOHTTP


def _from_the_air(path: str, tree: ast.Module, found: list[Import]) -> Iterator[tuple[int, str]]:
    """Clocks, sleeps and chance that do not come in by argument; the files named clock.py may have them."""
    if path.split("/")[-1] == "clock.py":
        return
    for one in found:
        if (one.module == "time" and one.name in CLOCKS) or (
            one.module == "random" and one.name and one.name not in RANDOM_CLASSES
        ):
            yield one.line, f"takes {one.module}.{one.name} from the air"
    named = {one.alias: one.module for one in found if not one.name}
    classes = {one.alias for one in found if one.module == "datetime" and one.name in ("datetime", "date")}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        module = named.get(owner, "")
        if (module == "time" and node.attr in CLOCKS) or (
            module == "random" and node.attr not in RANDOM_CLASSES
        ):
            yield node.lineno, f"takes {module}.{node.attr} from the air"
        if (owner in classes or _is_datetime(node.value, named)) and node.attr in ("now", "utcnow", "today"):
            yield node.lineno, f"takes datetime.{node.attr} from the air"


def _is_datetime(node: ast.expr, named: dict[str, str]) -> bool:
    """True for ``datetime.datetime``, whatever the module is called here."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("datetime", "date")
        and isinstance(node.value, ast.Name)
        and named.get(node.value.id) == "datetime"
    )


FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES)
def test_every_file_keeps_to_its_layer(path: str) -> None:
    """No file of the package imports, waits or draws lots where its layer may not."""
    assert problems(path, (PACKAGE / path).read_text(encoding="utf-8")) == []


def test_the_files_were_found() -> None:
    """The walk saw the package: the files the rules are about are among those read."""
    assert {"__init__.py", "errors.py", "contract/spec.py", "session/clock.py"} <= set(FILES)


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("contract/spec.py", "from cc_async.session.codec import decode", "contract imports session"),
        ("contract/spec.py", "import cc_async.session.codec", "contract imports session"),
        ("contract/spec.py", "from cc_async import session", "contract imports session"),
        ("contract/spec.py", "from ..session import codec", "contract imports session"),
        ("contract/__init__.py", "from ..batch.split import split", "contract imports batch"),
        ("errors.py", "from .session import codec", "errors imports session"),
        ("errors.py", "from . import session", "errors imports session"),
        ("session/codec.py", "from cc_async import CmsClient", "session imports cc_async itself"),
        ("session/codec.py", "import cc_async", "session imports cc_async itself"),
        ("session/codec.py", "def late():\n    from cc_async.batch import split", "session imports batch"),
        ("batch/split.py", "try:\n    from cc_async.client import CmsClient\nfinally: pass", "batch imports"),
        ("client.py", "from cc_async.monitor import watch", "client imports monitor"),
        ("monitor/watch.py", "from cc_async.cli import app", "monitor imports cli"),
        ("__init__.py", "from cc_async.integrations import redis", "cc_async imports integrations"),
        ("simulator/world.py", "from cc_async.contract.spec import Quota", "the simulator imports"),
        ("simulator/world.py", "from ..errors import CcError", "the simulator imports cc_async.errors"),
        ("simulator/world.py", "from cc_async import AkSk", "the simulator imports cc_async"),
        ("client.py", "from cc_async.simulator import Simulator", "client imports the simulator"),
        ("integrations/redis.py", "from cc_async import simulator", "integrations imports the simulator"),
        ("client.py", "from cc_async.novelty import x", "has no layer"),
        ("novelty.py", "from cc_async.errors import CcError", "has no layer"),
        ("client.py", "import aiohttp", "aiohttp's client"),
        ("session/session.py", "from aiohttp import web, ClientSession", "aiohttp's client (ClientSession)"),
        ("simulator/app.py", "from aiohttp.client import ClientSession", "aiohttp's client"),
        ("batch/result.py", "import polars as pl", "optional polars"),
        ("batch/result.py", "try:\n    import polars.io\nexcept ImportError: pass", "optional polars"),
        ("settings.py", "class Late:\n    from pydantic import BaseModel", "optional pydantic"),
        ("session/retry.py", "import time\nnow = time.monotonic()", "time.monotonic"),
        ("session/retry.py", "import time as t\ndef f(): t.sleep(1)", "time.sleep"),
        ("session/retry.py", "from time import time as wall", "time.time"),
        ("session/retry.py", "import random\nx = random.random()", "random.random"),
        ("session/retry.py", "from random import uniform", "random.uniform"),
        ("session/retry.py", "from datetime import datetime\nx = datetime.now", "datetime.now"),
        ("session/retry.py", "import datetime as d\nx = d.datetime.utcnow()", "datetime.utcnow"),
    ],
)
def test_the_checker_sees(path: str, source: str, fault: str) -> None:
    """A file that breaks a rule is reported once, with its line and the rule."""
    [told] = problems(path, source)
    assert told.startswith(f"{path}:")
    assert fault in told


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("contract/records.py", "from cc_async.contract.codes import State\nfrom ..errors import CcError"),
        (
            "session/session.py",
            "from cc_async.contract import spec\nfrom .gate import Gate",
        ),
        (
            "batch/engine.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cc_async.cli",
        ),
        ("batch/engine.py", "import typing\nif typing.TYPE_CHECKING:\n    from cc_async import CmsClient"),
        ("gateway.py", "from cc_async.agents.session import AgentSession\nfrom cc_async import settings"),
        ("monitor/watch.py", "from cc_async.client import CmsClient\nfrom cc_async.export import jsonl"),
        ("__init__.py", "from cc_async.client import CmsClient\nfrom .errors import CcError"),
        ("integrations/redis.py", "import redis\nfrom cc_async import CmsClient"),
        ("cli/app.py", "import cyclopts\nfrom cc_async.simulator import Simulator\nimport rich"),
        ("testing.py", "from cc_async.simulator import Simulator\nfrom cc_async import CmsClient"),
        ("simulator/app.py", "from aiohttp import web\nfrom . import world\nimport cc_async.simulator.names"),
        ("session/transport.py", "from cc_async import __version__"),
        ("session/transport.py", "import aiohttp\nfrom aiohttp import ClientTimeout"),
        ("batch/result.py", "def to_polars():\n    import polars\n    return polars"),
        ("session/clock.py", "import time\nnow = time.monotonic()"),
        ("simulator/clock.py", "import time\nnow = time.time()"),
        ("session/retry.py", "import random\nfrom random import Random\nx = random.Random(1).uniform(0, 1)"),
        ("session/retry.py", "from datetime import datetime, UTC\nx = datetime.fromtimestamp(0, UTC)"),
        ("simulator/front.py", "from datetime import datetime\nx = site.date.now()"),
        ("session/retry.py", "import time\nx = time.strftime('%Y', time.gmtime(0))\nclock.monotonic()"),
    ],
)
def test_the_checker_allows(path: str, source: str) -> None:
    """What the layers permit is not reported."""
    assert problems(path, source) == []


def test_an_else_of_type_checking_runs() -> None:
    """The branch that runs when types are not checked counts."""
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    x = 1\nelse:\n    import cc_async.cli"
    assert problems("errors.py", source) == ["errors.py:5 errors imports cli, which lies higher"]


def test_importing_the_library_loads_no_optional_package() -> None:
    """``import cc_async`` in a fresh interpreter loads none of the extras, installed or not."""
    code = "import sys, cc_async; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert {"cc_async", "sys"} <= loaded
    assert loaded & OPTIONAL == set()
