"""A server that answers fixed bytes per path as fast as it can, in a process and on a core of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import threading
import time
from email.utils import formatdate

from benchmarks import canned
from benchmarks.archive import Archive

OFFSET = re.compile(rb'"offset":"?(\d+)')
SKILLS = re.compile(rb'"skillIds":\[([\d,]*)\]')
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Answers:
    """The answers by path, their ``Date`` renewed every second, and what was asked of them."""

    def __init__(self) -> None:
        self.agent = self._tail(canned.agent_answer())
        self.skills = {b",".join(b"%d" % one for one in canned.SKILL_IDS): self._tail(canned.skills_answer())}
        self.archive = Archive()
        self.pages = [self._tail(body) for body in canned.indicator_pages()]
        self.no_page = self._tail(canned.indicators_answer([]))
        self.nobody = self._tail(canned.minified({"resultCode": "0100000", "resultDesc": []}))
        self.requests = 0
        self.arrivals: list[float] = []
        self.delay = 0.0
        self.refuses = False
        self.head = b""

    @staticmethod
    def _tail(body: bytes) -> bytes:
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def renew(self, loop: asyncio.AbstractEventLoop) -> None:
        """Set the ``Date`` of the answers of the coming second."""
        self.head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\n"
            b"Date: %b\r\n" % formatdate(usegmt=True).encode()
        )
        loop.call_later(1.0, self.renew, loop)

    def find(self, path: bytes, request: bytes) -> bytes:
        """The answer to one request, without its first lines."""
        if path.startswith(canned.AGENT_PREFIX.encode()):
            return self.agent
        if path == canned.SKILLS_PATH.encode():
            return self.skills_of(request)
        if path == canned.INDICATORS_PATH.encode():
            if (long := self.archive.answer(request)) is not None:
                return self._tail(long)
            found = OFFSET.search(request)
            page = int(found[1]) // canned.PAGE_SIZE if found else 0
            return self.pages[page] if page < len(self.pages) else self.no_page
        if path == canned.SIGNED_IN_PATH.encode():
            return self.nobody
        return self.control(path.decode())

    def skills_of(self, request: bytes) -> bytes:
        """The rows of the queues that are asked; what was asked before is at hand."""
        found = SKILLS.search(request)
        ids = found[1] if found else b""
        if ids not in self.skills:
            self.skills[ids] = self._tail(canned.skills_answer(map(int, filter(None, ids.split(b",")))))
        return self.skills[ids]

    def control(self, path: str) -> bytes:
        """What the benchmarks ask and tell the server: its processor time, arrivals, how late to answer."""
        _, verb, *words = path.split("/")
        if verb == "delay":
            self.delay = float(words[0])
        elif verb == "refuse":
            self.refuses = True
        elif verb == "forget":
            self.arrivals.clear()
        elif verb == "arrivals":
            return self._tail(canned.minified(self.arrivals))
        return self._tail(canned.minified({"cpu": time.process_time(), "requests": self.requests}))


class Connection(asyncio.Protocol):
    """Keep-alive HTTP/1.1, one request after another."""

    def __init__(self, answers: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self.answers = answers
        self.loop = loop
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self.buffer, 0, end)
        if len(self.buffer) < end + 4 + (int(length[1]) if length else 0):
            return
        request, self.buffer = self.buffer, b""
        path = request[: request.find(b"\r\n")].split(b" ")[1]
        tail = self.answers.find(path, request)
        if path.startswith((b"/rest/", b"/agentgateway/")):
            self.answers.requests += 1
            if self.answers.refuses:
                self.refuse()
                return
            if self.answers.delay:
                self.answers.arrivals.append(self.loop.time())
                self.loop.call_later(self.answers.delay, self.answer, tail)
                return
        self.answer(tail)

    def refuse(self) -> None:
        """Answer as to a wrong key."""
        if self.transport:
            self.transport.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    def answer(self, tail: bytes) -> None:
        """Send one answer."""
        if self.transport and not self.transport.is_closing():
            self.transport.write(self.answers.head + tail)


async def serve() -> None:
    """Listen on a free port of the loopback, print it, and answer until somebody stops this process."""
    loop = asyncio.get_running_loop()
    answers = Answers()
    answers.renew(loop)
    server = await loop.create_server(lambda: Connection(answers, loop), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _leave_with_parent() -> None:
    """End when the parent has closed our stdin: a benchmark that was killed leaves nobody behind."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Pin this process to a core, if one is named, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int)
    core = parser.parse_args().core
    if core is not None:
        os.sched_setaffinity(0, {core})
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    asyncio.run(serve())


if __name__ == "__main__":
    main()
