"""The examples of README.md that are marked to run are run, against a contact center on this machine.

A block is marked by a comment on the line before it::

    <!-- test -->
    ```python
    batch = await cms.skill_states([1])
    ```

It may await at its top level. It finds every public name, ``cms`` and ``gateway`` (clients), ``begin`` and
``end`` (an hour, the day before yesterday); addresses, keys and GUID become those of the simulator.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

import cc_async
from cc_async import AkSk, CmsClient, GatewayClient
from cc_async.simulator import Simulator

README = Path(__file__).parent.parent / "README.md"
MARKED = re.compile(r"^<!-- test -->\n+```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def marked(text: str) -> list[str]:
    """The marked blocks of a document."""
    return MARKED.findall(text)


@frozen
class Center:
    """What an example needs of the contact center."""

    values: dict[str, str]
    cms: dict[str, Any]
    gateway: dict[str, Any]

    def fit(self, code: str) -> str:
        """The example with the values of the contact center."""
        for example, real in self.values.items():
            code = code.replace(example, real)
        return code


@pytest.fixture(scope="module")
def center() -> Iterator[Center]:
    """A contact center in a thread of its own, so that an example may run its own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sim = Simulator(vdns=range(1, 301), skills_per_vdn={170: 2000}, agents_per_vdn=20)
    asyncio.run_coroutine_threadsafe(sim.start(), loop).result(10)
    agents = sorted(sim.guids)
    yield Center(
        {
            '"https://cms.example.com:28443"': repr(sim.cms_url),
            '"https://gw.example.com:8043"': repr(sim.gateway_url),
            'AkSk("ak", "sk")': f"AkSk({sim.access_key!r}, {sim.secret_key!r})",
            'AkSk("global-ak", "global-sk")': f"AkSk({sim.global_access_key!r}, {sim.global_secret_key!r})",
            '"uuid.AgentGateway1"': repr(sim.guids[agents[0]]),
            "agent = 101": f"agent = {sim.free_agents[0]}",
            '"the agent\'s password"': repr(sim.password_of(sim.free_agents[0])),
        },
        {
            "base_url": sim.cms_url,
            "auth": AkSk(sim.access_key, sim.secret_key),
            "global_auth": AkSk(sim.global_access_key, sim.global_secret_key),
            "vdn": 170,
            "quota": None,
        },
        {"base_url": sim.gateway_url, "guids": sim.guids},
    )
    asyncio.run_coroutine_threadsafe(sim.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def run(code: str, center: Center) -> dict[str, Any]:
    """Run an example and return what it has named."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile(center.fit(code), "README.md", "exec", flags=flags, dont_inherit=True)
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    names = {name: getattr(cc_async, name) for name in cc_async.__all__}
    names |= {"begin": end - timedelta(hours=1), "end": end}

    async def awaited() -> None:
        async with CmsClient(**center.cms) as cms, GatewayClient(**center.gateway) as gateway:
            names.update(cms=cms, gateway=gateway)
            result = eval(compiled, names)
            if inspect.isawaitable(result):
                await result

    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(awaited())
    else:
        exec(compiled, names)
    return names


@pytest.mark.parametrize("code", marked(README.read_text(encoding="utf-8")))
def test_the_example_runs(code: str, center: Center) -> None:
    """A marked block of README.md runs as it stands."""
    run(code, center)


def test_what_a_marked_block_is() -> None:
    """Only python blocks right behind the mark; text, other languages and unmarked blocks are left alone."""
    text = "\n".join(
        ["<!-- test -->", "```python", "a = 1", "```", "```python", "b = 2", "```", "<!-- test -->", "text",
         "```python", "c = 3", "```", "<!-- test -->", "```sh", "ls", "```", "<!-- test -->", "", "```python",
         "d = 4", "e = 5", "```"]
    )  # fmt: skip
    assert marked(text) == ["a = 1\n", "d = 4\ne = 5\n"]


def test_examples_may_await_or_run_a_loop_of_their_own(center: Center) -> None:
    """Both kinds of example reach the contact center with the addresses and keys of the text."""
    awaiting = run("rows = await cms.skill_states([1, 2])\n", center)
    assert len(awaiting["rows"]) == 2
    script = (
        "import asyncio\n"
        "from cc_async import AkSk, CmsClient\n"
        "async def main():\n"
        '    async with CmsClient("https://cms.example.com:28443", AkSk("ak", "sk"), vdn=170) as cms:\n'
        "        return await cms.skill_call_stats(skill_ids=[7])\n"
        "batch = asyncio.run(main())\n"
    )
    assert len(run(script, center)["batch"]) == 1


def test_an_example_that_is_wrong_is_found(center: Center) -> None:
    """A mistake in an example is an error of its test."""
    with pytest.raises(AttributeError):
        run("await cms.skill_stats([1])\n", center)


def test_the_first_example_is_one_that_runs() -> None:
    """What a reader tries first is tested."""
    text = README.read_text(encoding="utf-8")
    first = text[: text.index("```", text.index("```python") + 3) + 3]
    assert marked(first)
