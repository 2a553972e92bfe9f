"""The doctor at the gateway sends what it said it would, whatever the gateway does with its connections."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from anyio import to_thread
from examined import PausesPass, site_of

from cc_async.doctor import STEPS, Level, Limits, Patient, examine
from cc_async.simulator import Simulator

ANSWER = b'{"message":"","retcode":"0","result":{"talktime":"1","answernums":"2","calloutnums":"3"}}'


async def test_a_gateway_that_drops_kept_connections(sim: Simulator, tmp_path: Path) -> None:
    """Four agents are four requests, although the library sends once more what a kept connection loses."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of a connection, and drop it at the second."""
        try:
            for kept in (False, True):
                head = await reader.readuntil(b"\r\n\r\n")
                asked.append(head.split()[1].decode())
                if kept:
                    break
                size = f"Content-Length: {len(ANSWER)}\r\n".encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + size + b"\r\n" + ANSWER
                )
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # the other side closed it
        finally:
            writer.transport.abort()

    guids = tmp_path / "guids.json"
    text = json.dumps({str(agent): f"guid-{agent}.AgentGateway1" for agent in range(101, 109)})
    await to_thread.run_sync(guids.write_text, text)
    await to_thread.run_sync(guids.chmod, 0o600)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        site = site_of(sim, gateway_url=url, guids_file=guids)
        steps = [step for step in STEPS if step.name == "gateway"]
        report = await examine(Patient.of(site, PausesPass(), Limits(connect=2.0, answer=5.0)), steps)
    assert report.level is Level.OK, report.findings
    assert "4 of 4 agents answered" in report.findings[-1].text
    assert len(asked) == report.requests == report.at_most == 4
