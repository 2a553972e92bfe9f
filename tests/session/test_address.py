"""Addresses: base URL, Host header, proxy."""

import pytest

from cc_async.errors import ConfigError
from cc_async.session.address import Targets, read_base_url, read_proxy


@pytest.mark.parametrize(
    ("text", "origin", "prefix", "host", "name"),
    [
        ("https://cms.example.com", "https://cms.example.com", "", "cms.example.com", "cms.example.com:443"),
        (
            "https://cms.example.com:443/",
            "https://cms.example.com",
            "",
            "cms.example.com",
            "cms.example.com:443",
        ),
        ("https://10.1.2.3:28443", "https://10.1.2.3:28443", "", "10.1.2.3:28443", "10.1.2.3:28443"),
        (
            "https://[2001:db8::1]:8043",
            "https://[2001:db8::1]:8043",
            "",
            "[2001:db8::1]:8043",
            "[2001:db8::1]:8043",
        ),
        ("http://127.0.0.1:80", "http://127.0.0.1", "", "127.0.0.1", "127.0.0.1:80"),
        (
            "http://localhost:8080/pre/fix/",
            "http://localhost:8080",
            "/pre/fix",
            "localhost:8080",
            "localhost:8080",
        ),
        (" https://h:1/a%20b ", "https://h:1", "/a%20b", "h:1", "h:1"),
    ],
)
def test_a_base_url_in_its_parts(text, origin, prefix, host, name):
    """Host has the port when it is not the scheme's own, the name always; a path prefix is kept."""
    address = read_base_url(text)
    assert (address.origin, address.prefix, address.host, address.name) == (origin, prefix, host, name)
    assert address.secure is origin.startswith("https")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("", "https://"),
        ("cms.example.com", "https://"),
        ("cms.example.com:28443", "https://"),
        ("ftp://cms.example.com", "https://"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://h:99999", "not a URL|none"),
        ("https://h:0", "none"),
        ("https://h:x", "not a URL"),
        ("https://h/?a=1", "no query"),
        ("https://h/?", "no query"),
        ("https://h/#top", "no fragment"),
        ("https://user:hunter2@h", "password"),
        ("https://user@h", "user"),
        (None, "must be text"),
        (b"https://h", "must be text"),
    ],
)
def test_base_urls_that_are_none(bad, words):
    """What cannot be a base URL is a ConfigError that says why and repeats no password."""
    with pytest.raises(ConfigError, match=words) as caught:
        read_base_url(bad)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://cms.example.com", "http://10.0.0.1:28080", "http://[2001:db8::1]"])
def test_plain_http_goes_to_this_machine_only(text):
    """Plain http to another machine is refused unless it is allowed."""
    with pytest.raises(ConfigError, match="allow_http=True"):
        read_base_url(text)
    assert read_base_url(text, allow_http=True).secure is False


@pytest.mark.parametrize(
    "text", ["http://localhost", "http://127.8.9.1:1", "http://[::1]:80", "http://a.localhost"]
)
def test_plain_http_to_this_machine_is_fine(text):
    """Loopback needs no permission."""
    assert read_base_url(text).secure is False


@pytest.mark.parametrize("host", ["cms.example.com", "cms.example.com:28443", "10.0.0.1:1", "[::1]:80"])
def test_another_host_header(host):
    """The Host header can be set; connections still go to the base URL."""
    address = read_base_url("https://10.0.0.1:8443", host=host)
    assert address.host == host
    assert address.name == "10.0.0.1:8443"


@pytest.mark.parametrize("host", ["", "a b", "a\r\nX: y", "https://a", "a/b", "a@b", 5, "é"])
def test_host_headers_that_are_none(host):
    """A Host header that would break the request is refused."""
    with pytest.raises(ConfigError, match="host"):
        read_base_url("https://10.0.0.1:8443", host=host)


def test_a_proxy_may_have_a_password():
    """User and password of a proxy stay in its URL."""
    url = read_proxy("http://user:hunter2@proxy.example.com:3128")
    assert (url.user, url.password, url.host, url.port) == ("user", "hunter2", "proxy.example.com", 3128)


@pytest.mark.parametrize(
    "bad",
    [
        "proxy:3128",
        "socks5://user:hunter2@p:1",
        "http://user:hunter2@p:1/path",
        "http://u:hunter2@p:1?a=1",
        5,
    ],
)
def test_proxies_that_are_none(bad):
    """What is no http proxy is refused, and its password is not repeated."""
    with pytest.raises(ConfigError, match="proxy") as caught:
        read_proxy(bad)
    assert "hunter2" not in str(caught.value)


def test_targets_are_urls_of_the_base_and_few_are_kept() -> None:
    """Path and query stand as they were encoded; a program that asks endless paths keeps no endless list."""
    targets = Targets("https://cms.example.com:28443/pre")
    assert str(targets["/a%2Fb?c=%7E"]) == "https://cms.example.com:28443/pre/a%2Fb?c=%7E"
    assert targets["/x"] is targets["/x"]
    for number in range(10_000):
        assert targets[f"/{number}"].raw_path == f"/pre/{number}"
        assert len(targets) <= 4096
