"""A chat for commands in processes of their own: takes what is posted, in a thread."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "very-secret-token"
LONGEST = 60.0


class ChatServer:
    """What came, and where it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._posts: queue.Queue[Any] = queue.Queue()

    def take(self, post: Any) -> None:
        """Keep a post."""
        self._posts.put(post)

    def next(self) -> Any:
        """The next post; queue.Empty after a minute."""
        return self._posts.get(timeout=LONGEST)

    @property
    def empty(self) -> bool:
        """True when nothing came that nobody looked at."""
        return self._posts.empty()


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Open one on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            there.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = ChatServer(f"http://127.0.0.1:{server.server_port}/hook/{TOKEN}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
