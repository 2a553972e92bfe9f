"""Bodies of answers: decompressed with a cap, so that a small answer cannot become a large one."""

from __future__ import annotations

import zlib

from cc_async.errors import DecodeError, ResponseTooLarge

# Many members in one body are legal and unheard of; each costs a decompressor.
_MAX_MEMBERS = 64


class NotCompressed(DecodeError):
    """The body is not what its ``Content-Encoding`` says: worth one more request, a proxy may have cut it."""

    retryable = True
    once = True


def too_large(limit: int) -> ResponseTooLarge:
    """Return the error for an answer above the cap."""
    return ResponseTooLarge(f"the answer is larger than {limit} bytes", hint="ask for less at once")


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo ``Content-Encoding: gzip`` or ``deflate``; at most ``limit`` bytes are ever made.

    Raises:
        ResponseTooLarge: there is more.
        DecodeError: the body is not what the header says (retryable: a proxy may have cut it).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise DecodeError(f"the answer is encoded in a way nobody asked for: {encoding[:20]!r}")
    try:
        return _inflated(body, _window(body, encoding), limit)
    except (zlib.error, EOFError):
        raise NotCompressed(f"the answer is not the {encoding} it says it is, or it is cut off") from None


def _window(body: bytes, encoding: str) -> int:
    """Tell zlib which header to expect; some servers send deflate without its header."""
    if encoding != "deflate":
        return 16 + zlib.MAX_WBITS
    return zlib.MAX_WBITS if body[0] & 0x0F == 8 else -zlib.MAX_WBITS


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Decompress all members of the body."""
    whole = b""
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(window)
        whole += inflater.decompress(body, limit + 1 - len(whole))
        if len(whole) > limit:
            raise too_large(limit)
        if not inflater.eof:
            raise EOFError
        body = inflater.unused_data
        if not body:
            return whole
    raise EOFError
