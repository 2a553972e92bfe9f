"""Bodies: decompressed with a cap."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_async.errors import DecodeError, ResponseTooLarge
from cc_async.session.body import decompressed


def raw_deflate(data):
    """Compress without the zlib header, as some servers do for deflate."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=2000))
def test_what_was_compressed_comes_back(data):
    """gzip and deflate, with and without its header, give the bytes back."""
    assert decompressed(gzip.compress(data), "gzip", 2000) == data
    assert decompressed(gzip.compress(data), " X-GZIP ", 2000) == data
    assert decompressed(zlib.compress(data), "deflate", 2000) == data
    assert decompressed(raw_deflate(b'{"a":1}' + data), "deflate", 3000) == b'{"a":1}' + data


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_no_encoding_changes_nothing(encoding):
    """A body that is not encoded stays as it is."""
    assert decompressed(b"{}", encoding, 1) == b"{}"


def test_an_empty_body_is_empty():
    """204 with a gzip header has nothing to decompress."""
    assert decompressed(b"", "gzip", 10) == b""


def test_several_members_are_one_body():
    """gzip members one after another are one body, under one cap."""
    two = gzip.compress(b"one") + gzip.compress(b"two")
    assert decompressed(two, "gzip", 6) == b"onetwo"
    with pytest.raises(ResponseTooLarge):
        decompressed(two, "gzip", 5)


def test_the_cap_is_exact():
    """As many bytes as the cap are fine, one more is too many."""
    assert len(decompressed(gzip.compress(b"x" * 100), "gzip", 100)) == 100
    with pytest.raises(ResponseTooLarge, match="100 bytes"):
        decompressed(gzip.compress(b"x" * 101), "gzip", 100)


def test_a_bomb_does_not_go_off():
    """200 MB in 200 kB: stopped at the cap, with memory of the cap's order."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLarge):
            decompressed(bomb, "gzip", 2**20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    "body",
    [b'{"a":1}', gzip.compress(b"x" * 999)[:-9], gzip.compress(b"x") + b"garbage", gzip.compress(b"") * 100],
)
def test_what_is_no_gzip_may_be_asked_again(body):
    """A gzip header on something else, a cut body, endless members: DecodeError, worth another try."""
    with pytest.raises(DecodeError) as caught:
        decompressed(body, "gzip", 10_000)
    assert caught.value.retryable


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_an_encoding_nobody_asked_for(encoding):
    """Another encoding is final, and its name is not repeated at length."""
    with pytest.raises(DecodeError) as caught:
        decompressed(b"abc", encoding, 100)
    assert not caught.value.retryable
    assert len(str(caught.value)) < 150
