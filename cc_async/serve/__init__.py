"""One server for a whole site: a wallboard for browsers, JSON, events and metrics from one feed."""

from __future__ import annotations

from cc_async.serve.access import Access, check_token
from cc_async.serve.app import make_app
from cc_async.serve.server import Server
from cc_async.serve.stage import Rendered, Stage

__all__ = ["Access", "Rendered", "Server", "Stage", "check_token", "make_app"]
