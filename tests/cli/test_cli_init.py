"""``init`` at a terminal: what is asked, what is hidden, a certificate that is pinned only after a yes."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from test_cli_terminal import Terminal

from cc_async.settings import from_site
from cc_async.simulator import Simulator


@pytest.fixture
def secured(center: Any) -> Iterator[Simulator]:
    """A contact center behind a certificate nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    sim = Simulator(seed=6, vdns=[1], skills_per_vdn=5, agents_per_vdn=10, tls=context)
    asyncio.run_coroutine_threadsafe(sim.start(), center.loop).result(10)
    yield sim
    asyncio.run_coroutine_threadsafe(sim.stop(), center.loop).result(10)


def typed(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    """Answer one question after the other."""
    for question, answer in pairs:
        terminal.read_until(question)
        terminal.type(answer)


def plain(environ: dict[str, str]) -> dict[str, str]:
    """An environment that knows no site."""
    return {name: text for name, text in environ.items() if not name.startswith("CC_ASYNC_")}


@pytest.mark.parametrize("pin", [True, False])
def test_a_site_is_asked_for_and_its_certificate_pinned(
    environ: dict[str, str], tmp_path: Path, secured: Simulator, pin: bool
) -> None:
    """Keys are typed unseen; the fingerprint is shown before it is trusted; no pin, no file without a yes."""
    path = tmp_path / "deep" / "c.toml"
    terminal = Terminal(plain(environ), "init", "--site", "berlin", "--config", str(path))
    typed(
        terminal,
        ("URL of CC-CMS", "cms.example.com"),
        ("must be a URL", secured.cms_url),
        ("(cc_id) [1]", ""),
        ("VDN", "170"),
        ("access key", secured.access_key),
        ("secret key", secured.secret_key),
        ("global key, too", "n"),
        ("Trust this certificate", "y" if pin else "n"),
    )
    if not pin:
        typed(terminal, ("Write the file all the same?", "n"))
    assert terminal.end() == (0 if pin else 1)
    assert secured.secret_key not in terminal.seen
    assert "SHA-256" in terminal.seen
    assert path.exists() is pin
    if pin:
        site = from_site("berlin", path, environ={})
        assert (site.vdn, site.secret_key) == (170, secured.secret_key)
        assert site.fingerprint is not None
        assert site.fingerprint in terminal.seen


def test_an_address_with_the_wrong_scheme(
    environ: dict[str, str], tmp_path: Path, secured: Simulator
) -> None:
    """Plain http to elsewhere is refused before keys are typed; for a TLS port https:// is offered."""
    path = tmp_path / "c.toml"
    terminal = Terminal(plain(environ), "init", "--site", "berlin", "--config", str(path))
    typed(
        terminal,
        ("URL of CC-CMS", "http://cms.example.com:28080"),
        ("give --allow-http", secured.cms_url.replace("https:", "http:")),
        ("(cc_id) [1]", ""),
        ("VDN", "170"),
        ("access key", secured.access_key),
        ("secret key", secured.secret_key),
        ("global key, too", "n"),
        (f"Go on with {secured.cms_url}?", "y"),
        ("Trust this certificate", "y"),
    )
    assert terminal.end() == 0
    assert from_site("berlin", path, environ={}).cms_url == secured.cms_url


def test_a_site_that_is_there_is_not_replaced_without_a_yes(environ: dict[str, str], tmp_path: Path) -> None:
    """Anything but yes leaves the file as it was."""
    path = tmp_path / "c.toml"
    path.write_text("[sites.main]\nvdn = 3\n")
    terminal = Terminal(plain(environ), "init", "--config", str(path))
    typed(terminal, ("Replace its settings?", ""))
    assert terminal.end() == 1
    assert path.read_text() == "[sites.main]\nvdn = 3\n"


def test_a_site_that_is_replaced(environ: dict[str, str], tmp_path: Path, center: Any) -> None:
    """What belonged to the old server goes, what does not stays, comments included."""
    path = tmp_path / "c.toml"
    path.write_text('[sites.main]  # ours\nvdn = 3\nfingerprint = "ab"\npage_size = 50  # slow line\n')
    path.chmod(0o644)
    terminal = Terminal(plain(environ), "init", "--config", str(path))
    typed(
        terminal,
        ("Replace its settings?", "y"),
        ("URL of CC-CMS", center.sim.cms_url),
        ("(cc_id) [1]", ""),
        ("VDN", "170"),
        ("access key", center.sim.access_key),
        ("secret key", center.sim.secret_key),
        ("global key, too", "n"),
    )
    assert terminal.end() == 0
    text = path.read_text()
    assert "[sites.main]  # ours" in text
    assert "page_size = 50  # slow line" in text
    assert "fingerprint" not in text
    assert from_site("main", path, environ={}).vdn == 170
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_for_no_file_is_told_before_keys_are_typed(environ: dict[str, str], tmp_path: Path) -> None:
    """Nothing is asked when nothing could be written."""
    (tmp_path / "taken").write_text("a file")
    path = tmp_path / "taken" / "deep" / "c.toml"
    terminal = Terminal(plain(environ), "init", "--config", str(path))
    assert terminal.end() == 2
    assert "taken is no folder" in terminal.seen
    assert "URL of CC-CMS" not in terminal.seen


def test_the_end_of_input_ends_it(environ: dict[str, str], tmp_path: Path) -> None:
    """Ctrl-D at a question is a usage error in one line, and nothing is written."""
    terminal = Terminal(plain(environ), "init", "--config", str(tmp_path / "c.toml"))
    terminal.read_until("URL of CC-CMS")
    os.write(terminal.ours, b"\x04")
    assert terminal.end() == 2
    assert "Traceback" not in terminal.seen
    assert list(tmp_path.glob("*.toml")) == []
