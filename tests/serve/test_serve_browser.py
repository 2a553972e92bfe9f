"""The wallboard in a real browser: it updates, comes back, shows what is old as old, and takes no markup."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ahead import Ahead
from served import Running, serving

from cc_async.serve import Access, Server, Stage, check_token, make_app

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()), reason="chromium and chromium-driver are not installed"
)
T = TypeVar("T")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"> \u202eevil"
TV, PHONE = (1920, 1080), (390, 844)


class Loop:
    """An event loop in a thread of its own: a browser is driven by calls that wait."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something there and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def end(self) -> None:
        """Stop it."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Page:
    """The wallboard as somebody in front of it sees it."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, url: str, size: tuple[int, int] = TV) -> None:
        """Open an address on a screen of some size."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.browser.get(url)

    def js(self, expression: str) -> Any:
        """The value of an expression."""
        return self.browser.execute_script(f"return {expression}")

    def wait(self, expression: str, seconds: float = 12.0) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.js(expression):
            assert time.monotonic() < deadline, f"never true: {expression}\n{self.text}"
            time.sleep(0.05)

    @property
    def text(self) -> str:
        """Everything that can be read."""
        return str(self.js("document.body.innerText"))

    @property
    def state(self) -> str:
        """What the page says of its data."""
        return str(self.js("document.body.dataset.state"))


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """One loop for the servers of this file."""
    running = Loop()
    yield running
    running.end()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all tests of this file."""
    options = webdriver.ChromeOptions()
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(option)
    options.binary_location = str(CHROMIUM)
    browser = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
    yield Page(browser)
    browser.quit()


@contextmanager
def served(loop: Loop, access: Access = Access(), **given: Any) -> Iterator[Running]:  # noqa: B008 - frozen
    """A server over a contact center, running in the loop's thread."""
    stack = AsyncExitStack()
    running = loop.do(stack.enter_async_context(serving(access, **given)))
    try:
        yield running
    finally:
        loop.do(stack.aclose())


@pytest.fixture(scope="module")
def running(loop: Loop) -> Iterator[Running]:
    """A wallboard with three queues, one with a hostile name."""

    async def hostile(sim: Any) -> None:
        sim.set_skill(170, 3, name=HOSTILE)

    with served(loop, before=hostile) as found:
        yield found


def on(loop: Loop, action: Callable[[], Any]) -> None:
    """Do something in the thread of the loop."""

    async def act() -> None:
        action()

    loop.do(act())


def test_the_page_updates_by_itself(page: Page, running: Running, loop: Loop) -> None:
    """A call that waits appears without a reload; the age of the data is in sight."""
    page.open(running.url)
    page.wait("document.body.dataset.state === 'live'")
    assert page.js("document.querySelectorAll('#lines li').length") == 3
    on(loop, lambda: running.sim.set_skill(170, 1, calls_waiting=17, longest_wait_seconds=125))
    page.wait("document.querySelector('#lines .waiting b').textContent === '17'")
    assert "2:05" in page.text
    assert page.js("document.getElementById('age').innerText").startswith("●")
    assert "old" in page.js("document.getElementById('age').innerText")
    assert page.js("performance.getEntriesByType('navigation').length") == 1


def test_names_are_text(page: Page, running: Running) -> None:
    """Markup in a name is shown, not obeyed, and direction marks turn nothing."""
    page.open(running.url)
    page.wait("document.querySelectorAll('#lines li').length === 3")
    shown = page.js("document.querySelectorAll('#lines .name')[2].textContent")
    assert shown.startswith("<img src=x onerror=")
    assert "\u202e" not in shown
    assert page.js("document.images.length") == 0
    assert "hacked" not in page.js("document.title")


def test_nothing_breaks_and_nothing_else_is_asked(page: Page, running: Running) -> None:
    """The console has no error, and the page has spoken to nobody but its server."""
    page.browser.get_log("browser")
    page.open(running.url)
    page.wait("document.body.dataset.state === 'live'")
    assert page.browser.get_log("browser") == []
    asked = page.js("performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked
    assert all(one.startswith(running.url) for one in asked)


def test_it_survives_a_restart_of_the_server(page: Page, running: Running, loop: Loop) -> None:
    """While the server is away the page says so; when it is back the page goes on by itself."""
    first = Server(make_app(running.feed, Access()))
    loop.do(first.__aenter__())
    port = first.port
    page.open(first.url)
    page.wait("document.body.dataset.state === 'live'")
    loop.do(first.__aexit__(None, None, None))
    page.wait("document.body.dataset.state === 'lost'")
    assert "No connection to the wallboard's server" in page.text
    assert "These figures are of" in page.text
    assert page.js("getComputedStyle(document.getElementById('queues')).filter") == "grayscale(1)"
    second = Server(make_app(running.feed, Access()), port=port)
    loop.do(second.__aenter__())
    try:
        page.wait("document.body.dataset.state === 'live'")
        assert page.js("document.getElementById('banner').hidden")
    finally:
        loop.do(second.__aexit__(None, None, None))


def test_old_data_looks_old(page: Page, loop: Loop) -> None:
    """When the contact center stops answering, the page says what is how old and why."""
    clock = Ahead()
    with served(loop, feed={"clock": clock, "tick": 0.2}) as found:
        page.open(found.url)
        page.wait("document.body.dataset.state === 'live'")
        on(loop, lambda: found.sim.fail("skill_states", status=503, times=None))
        clock.skew += 20
        page.wait("document.body.dataset.state === 'stale' && document.body.innerText.includes('503')")
        assert "calls waiting: 2" in page.text
        assert page.js("document.querySelectorAll('#lines li.old').length") == 3
        assert page.js("document.querySelector('#wait').classList.contains('old')")
        on(loop, lambda: found.sim.clear_failures())
        page.wait("document.body.dataset.state === 'live'")
        assert page.js("document.querySelectorAll('#lines li.old').length") == 0


def test_a_page_that_finds_no_place_says_so(page: Page, loop: Loop) -> None:
    """Where there are too many readers the page waits in sight, and comes in when there is room."""
    with served(loop, app={"most_streams": 1}) as found:
        stack = AsyncExitStack()
        loop.do(stack.enter_async_context(found.web.get(found.url + "/v1/board")))
        page.open(found.url)
        page.wait("document.body.dataset.state === 'lost'")
        assert "No connection to the wallboard's server, trying again." in page.text
        loop.do(stack.aclose())
        page.wait("document.body.dataset.state === 'live'")


def test_a_stand_by_says_so_until_it_leads(page: Page, loop: Loop) -> None:
    """A screen on a server that stands by says that; when it leads, the board comes without a reload."""
    with served(loop) as found:
        stack, stage = AsyncExitStack(), Stage()
        loop.do(stack.enter_async_context(stage))
        server = loop.do(stack.enter_async_context(Server(make_app(stage, Access()))))
        try:
            on(loop, lambda: stage.note("stands by: another process leads"))
            page.open(server.url)
            page.wait("document.body.dataset.state === 'waiting' && board")
            assert "○ stands by: another process leads" in page.text
            assert "This server stands by." in page.text
            on(loop, lambda: stack.enter_context(stage.show(found.feed)))
            page.wait("document.body.dataset.state === 'live' && document.querySelector('#lines li')")
            assert "stands by" not in page.text
        finally:
            loop.do(stack.aclose())


FASTER = "const slow = setInterval; setInterval = (call, pause) => slow(call, pause / 10);"
"""Nobody here waits until a page turns."""
OVERFLOWING = """[...document.querySelectorAll('.tile, #lines li, .n, .big, #age, #clock, .bar div, footer')]
    .filter((one) => one.offsetParent && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.className + ': ' + one.innerText)"""


@pytest.mark.parametrize("skills", [3, 60])
def test_everything_fits(page: Page, loop: Loop, skills: int) -> None:
    """On a television nothing scrolls and nothing is cut, few queues or many; a phone scrolls one way."""
    command, source = "Page.addScriptToEvaluateOnNewDocument", {"source": FASTER}
    faster = page.browser.execute_cdp_cmd(command, source)
    with served(loop, skills=skills) as found:
        page.open(found.url)
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", faster)
        page.wait("document.body.dataset.state === 'live' && document.querySelector('#lines li')")
        assert page.js("document.documentElement.scrollHeight") <= TV[1]
        assert page.js("document.documentElement.scrollWidth") <= TV[0]
        assert page.js(OVERFLOWING) == []
        lines = page.js("document.querySelectorAll('#lines li').length")
        last = page.js("document.querySelector('#lines li:last-child').getBoundingClientRect().bottom")
        assert last <= page.js("document.querySelector('#below').getBoundingClientRect().top")
        assert page.js("parseFloat(getComputedStyle(document.querySelector('#lines li')).fontSize)") >= 26
        if skills == 60:
            assert 12 <= lines < 60
            first = page.js("document.querySelector('#lines li').dataset.key")
            page.wait(f"document.querySelector('#lines li').dataset.key !== '{first}'")
        page.open(found.url, PHONE)
        page.wait(f"document.querySelectorAll('#lines li').length === {skills}")
        assert page.js("document.documentElement.scrollWidth") <= PHONE[0]
        assert page.js(OVERFLOWING) == []


def test_a_token_leaves_the_address(page: Page, loop: Loop) -> None:
    """Opened with the token once, the board stays open without it; without it one is told what to do."""
    with served(loop, Access(check_token("correct-horse-battery"))) as found:
        page.open(found.url)
        assert "a token is needed" in page.text
        page.open(f"{found.url}/?token=correct-horse-battery")
        page.wait("document.body.dataset.state === 'live'")
        assert page.js("location.href") == found.url + "/"
        assert page.js("document.cookie") == ""
