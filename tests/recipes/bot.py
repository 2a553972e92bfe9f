"""A bot that tells a webhook what goes wrong in a contact center, and what is right again."""

import asyncio
import os

import aiohttp

from cc_async import CmsClient
from cc_async.monitor import alerts, load_rules, watch


async def tell(web: aiohttp.ClientSession, text: str) -> None:
    for pause in (1, 10, 60):
        try:
            async with web.post(os.environ["WEBHOOK"], json={"text": text}, raise_for_status=True):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(pause)


async def main() -> None:
    async with CmsClient.from_env() as cms, aiohttp.ClientSession() as web:
        names = {queue.skill_id: queue.name or "" for queue in await cms.skills()}
        calls = watch(cms.skill_call_stats(), aligned=True)
        waiting = watch(cms.skill_states(), every=60)
        rules = load_rules("rules.toml")
        async with alerts([calls, waiting], rules, names=names, state_file="alerts.json") as ringing:
            async for alert in ringing:
                await tell(web, str(alert))


if __name__ == "__main__":
    asyncio.run(main())
