"""A plain client of the agent gateway: bare aiohttp, written from the vendor's public description only."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp


class PlainAgent:
    """One agent: signs in, fetches events every 300 ms, or beats every 30 s, and signs out."""

    def __init__(self, url: str, agent_id: int) -> None:
        self.resource, self.agent_id = f"{url}/agentgateway/resource", agent_id
        self.guid = ""
        self.given: list[str] = []
        """Every GUID the server sent, in order."""
        self.events: list[dict[str, Any]] = []
        # The cookies of a bare address, too.
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> PlainAgent:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    def forget_cookies(self) -> None:
        """Lose what the balancer goes by."""
        self._http.cookie_jar.clear()

    async def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send one request with the newest GUID, take a new one over, and return the answer."""
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        if self.guid:
            headers["Guid"] = self.guid
        async with self._http.request(method, self.resource + path, json=body, headers=headers) as answer:
            if text := answer.headers.get("Set-GUID"):
                self.guid = text.removeprefix("JSESSIONID=")
                self.given.append(self.guid)
            found: dict[str, Any] = await answer.json()
            return found

    async def sign_in(self, password: str, phone: str, *, force: bool = False, **more: Any) -> dict[str, Any]:
        """Sign in, as idle unless told otherwise."""
        self.guid = ""
        path = f"/onlineagent/{self.agent_id}" + ("/forcelogin" if force else "")
        body = {"password": password, "phonenum": phone, "autoanswer": True, "autoenteridle": True, **more}
        return await self.request("PUT", path, body)

    async def poll(self) -> dict[str, Any]:
        """Fetch one event."""
        answer = await self.request("GET", f"/agentevent/{self.agent_id}")
        if answer.get("event"):
            self.events.append(answer["event"])
        return answer

    async def follow(self, seconds: float) -> list[str]:
        """Poll for some time; the codes of the answers."""
        loop = asyncio.get_running_loop()
        until, codes = loop.time() + seconds, []
        while loop.time() < until:
            codes.append((await self.poll())["retcode"])
            await asyncio.sleep(0.3)
        return codes

    async def beat(self, *, older: bool = False) -> dict[str, Any]:
        """Send a heartbeat."""
        if older:
            return await self.request("PUT", f"/onlineagent/{self.agent_id}/heartbeat")
        return await self.request("POST", f"/onlineagent/{self.agent_id}/handshake")

    async def statistics(self) -> dict[str, Any]:
        """Ask for call statistics."""
        return await self.request("GET", f"/calldata/{self.agent_id}/statistics")

    async def sign_out(self) -> dict[str, Any]:
        """Sign out."""
        return await self.request("DELETE", f"/onlineagent/{self.agent_id}/logout")
