"""Bad weather between client and simulator: a relay that forwards, and spoils a share of the answers."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from yarl import URL

from tests.faults import behaviours as do
from tests.faults.server import FaultServer, Seen, Wire


@frozen
class Answer:
    """What the simulator said."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def whole(self, body: bytes | None = None, *, length: int | None = None) -> bytes:
        """Its bytes, with another body if need be."""
        kept = [pair for pair in self.headers if pair[0].lower() not in ("content-length", "content-type")]
        return do.http(self.body if body is None else body, self.status, *kept, length=length)


Fault = Callable[[Wire, Answer], Awaitable[None]]


async def _reset(wire: Wire, answer: Answer) -> None:
    wire.reset()


async def _close(wire: Wire, answer: Answer) -> None:
    wire.close()


async def _cut(wire: Wire, answer: Answer) -> None:
    await wire.write(answer.whole(answer.body[: len(answer.body) // 2], length=len(answer.body)))
    wire.close()


async def _half_json(wire: Wire, answer: Answer) -> None:
    await wire.write(answer.whole(answer.body[: len(answer.body) * 2 // 3]))


async def _late(wire: Wire, answer: Answer) -> None:
    await wire.pause(0.15)
    await wire.write(answer.whole())


async def _silence(wire: Wire, answer: Answer) -> None:
    await wire.pause()


async def _smuggled(wire: Wire, answer: Answer) -> None:
    await wire.write(answer.whole() + do.http(b'{"resultCode":"0100000","resultDesc":[{"id":1}]}'))


async def _bad_chunk(wire: Wire, answer: Answer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    await wire.write(head + b"zz\r\n" + answer.body)


async def _bad_gzip(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(answer.body, 200, ("Content-Encoding", "gzip")))


async def _login_page(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"<html>Please log in</html>", kind="text/html"))


async def _overload(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"", 503, ("Retry-After", "0")))


async def _server_error(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"{}", 500))


async def _throttle(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"", 429))


async def _unauthorized(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"", 401))


async def _forbidden(wire: Wire, answer: Answer) -> None:
    await wire.write(do.http(b"<html>blocked</html>", 403, kind="text/html"))


async def _spoiled_row(wire: Wire, answer: Answer) -> None:
    await wire.write(answer.whole(_with_rows(answer.body, _spoil)))


async def _foreign_rows(wire: Wire, answer: Answer) -> None:
    await wire.write(answer.whole(_with_rows(answer.body, _double)))


FAULTS: dict[str, Fault] = {
    "reset before the answer": _reset,
    "closed before the answer": _close,
    "cut in the body": _cut,
    "half of the JSON": _half_json,
    "late": _late,
    "silence": _silence,
    "bytes behind the answer": _smuggled,
    "bad chunk": _bad_chunk,
    "gzip that is none": _bad_gzip,
    "login page": _login_page,
    "503 with Retry-After": _overload,
    "500": _server_error,
    "429": _throttle,
    "401": _unauthorized,
    "403": _forbidden,
    "row that cannot be read": _spoiled_row,
    "duplicate and foreign rows": _foreign_rows,
}
"""What may happen to an answer; each happens to the same share of them."""


class Relay:
    """Stands before one server of the simulator; ``share`` of the answers suffer each of ``FAULTS``."""

    def __init__(self, upstream: str, share: float, seed: int) -> None:
        url = URL(upstream)
        self._address = (url.host, url.port)
        self._share = share
        self._dice = random.Random(seed)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.happened: Counter[str] = Counter()
        self.server = FaultServer(then=self._relay)

    async def close(self) -> None:
        """End everything."""
        await self.server.stop()
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()

    async def _relay(self, wire: Wire, seen: Seen) -> None:
        self.server.requests.clear()  # a long run keeps no journal
        answer = await self._ask(seen)
        names = list(FAULTS)
        drawn = int(self._dice.random() / self._share) if self._share else len(names)
        if drawn < len(names):
            self.happened[names[drawn]] += 1
            await FAULTS[names[drawn]](wire, answer)
        else:
            self.happened["nothing"] += 1
            await wire.write(answer.whole())

    async def _ask(self, seen: Seen) -> Answer:
        """The simulator's answer; a connection of ours is used by one request at a time."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        try:
            lines = [
                f"{seen.method} {seen.path} HTTP/1.1",
                *(f"{name}: {text}" for name, text in seen.headers.items()),
            ]
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + seen.body)
            head = await reader.readuntil(b"\r\n\r\n")
            first, *rest = head[:-4].decode("latin-1").split("\r\n")
            headers = tuple((name, text.strip()) for name, _, text in (line.partition(":") for line in rest))
            length = next(int(text) for name, text in headers if name.lower() == "content-length")
            answer = Answer(int(first.split(" ")[1]), headers, await reader.readexactly(length))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return answer


def _with_rows(body: bytes, change: Callable[[list[dict[str, Any]]], None]) -> bytes:
    """Change the rows of an answer of CC-CMS, where it has any."""
    answer = json.loads(body)
    found = answer.get("resultDesc") if isinstance(answer, dict) else None
    rows = found.get("data") if isinstance(found, dict) else found
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        change(rows)
        answer.pop("resultDatas", None)
    return json.dumps(answer).encode()


def _spoil(rows: list[dict[str, Any]]) -> None:
    row = rows[len(rows) // 2]
    rows[len(rows) // 2] = {name: {"not": "this"} for name in row}


def _double(rows: list[dict[str, Any]]) -> None:
    rows.append(dict(rows[0]))
