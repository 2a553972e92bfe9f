"""The queue of partitions: a taskiq broker over Redis streams that loses no message and keeps no litter.

``RedisStreamBroker`` of taskiq-redis is the base; what it does otherwise would hurt a backfill. It looks for
messages of dead workers only after a new one has come, so those at the end of a queue stay for ever; it gives
a message that is worked on for longer than the idle time to a second worker; it leaves what is done in there.
Here each folder has a stream of its own, a worker renews what it holds, and what is done is gone.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from attrs import frozen
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from taskiq import AckableMessage
from taskiq.message import BrokerMessage
from taskiq_redis import RedisStreamBroker

from cc_async.integrations.redis_link import cancels, checked, masked, plain, refusal
from cc_async.integrations.taskiq_message import FOLDER, asked

GROUP = "workers"
_DEADLINE = 5.0
"""Seconds one command may take."""
_BLOCK = 1.0
"""Seconds a worker waits for a message before it looks after those of dead ones again."""
_LIFE = 15.0
"""Seconds at the most between two signs of life of a worker that is at work."""
_MOST_DELIVERIES = 10
"""A partition that so many workers were given in vain is not given to one more."""
_KEEP = 30 * 86_400
"""Seconds after which what failed is forgotten."""


@frozen
class Held:
    """A message that was given to us."""

    stream: str
    id: str


class PartitionBroker(RedisStreamBroker):
    """Partitions of one contact center, given to one worker at a time until one has done them.

    Args:
        url: of Redis or Valkey.
        site: whose partitions; workers of another site never see them.
        reclaim: seconds after which a message of a worker that went silent is given to another one.
        on_tell: told in words when Redis is away.
    """

    def __init__(
        self, url: str, site: str, *, reclaim: float, on_tell: Callable[[str], None] = lambda text: None
    ) -> None:
        super().__init__(
            checked(url), queue_name=f"cc_async:backfill:{site}", consumer_group_name=GROUP,
            consumer_name=uuid.uuid4().hex, idle_timeout=round(reclaim * 1000),
            socket_timeout=_DEADLINE, socket_connect_timeout=_DEADLINE,
        )  # fmt: skip
        self.where, self._tell, self._reclaim = masked(url), on_tell, reclaim
        self._held: set[Held] = set()
        self._cursors: dict[str, Any] = {}

    def redis(self) -> Any:
        """A client of the broker's connections, which it leaves open; its answers are bytes."""
        return Redis(connection_pool=self.connection_pool)

    def stream(self, folder: str) -> str:
        """The stream of a folder."""
        return f"{self.queue_name}:{folder}"

    async def startup(self) -> None:
        """Nothing is declared before there is something to do."""

    # Asking

    async def open_folder(self, folder: str) -> None:
        """Make the stream of a folder known; messages wait in it from the first one on."""
        async with self.redis() as redis:
            try:
                # From 0: the group sees what came before it, too.
                await redis.xgroup_create(self.stream(folder), GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
            await redis.sadd(self.queue_name, self.stream(folder))

    async def kick(self, message: BrokerMessage) -> None:
        """Put a message into the stream of its folder."""
        async with self.redis() as redis:
            await redis.register_script(_ADD)(
                [self.stream(message.labels[FOLDER]), self.queue_name], [GROUP, message.message]
            )

    async def waiting(self, folder: str) -> int:
        """How many partitions of a folder are not done, those being worked on included."""
        async with self.redis() as redis:
            return int(await redis.xlen(self.stream(folder)))

    async def messages(self, folder: str) -> list[bytes]:
        """All of these."""
        async with self.redis() as redis:
            return [fields[b"data"] for _, fields in await redis.xrange(self.stream(folder))]

    async def workers(self, folder: str) -> int:
        """How many workers have shown a sign of life for this folder of late."""
        async with self.redis() as redis:
            seen = await redis.xinfo_consumers(self.stream(folder), GROUP)
        return sum(one["idle"] < max(self._reclaim, 2 * _BLOCK) * 1000 for one in seen)

    async def failed(self, folder: str) -> dict[str, str]:
        """What could not be answered: the reason by part."""
        async with self.redis() as redis:
            found = await redis.hgetall(f"{self.stream(folder)}:failed")
        return {part.decode(): reason.decode() for part, reason in found.items()}

    async def forget_failures(self, folder: str) -> None:
        """What failed before is asked again."""
        async with self.redis() as redis:
            await redis.delete(f"{self.stream(folder)}:failed")

    async def close_folder(self, folder: str) -> None:
        """Forget a folder whose partitions are done, and what failed of it; one with any left stays."""
        async with self.redis() as redis:
            await redis.register_script(_CLOSE)([self.stream(folder), self.queue_name])
        await self.forget_failures(folder)

    # Working

    async def fail(self, folder: str, part: str, reason: str) -> None:
        """Note why a partition could not be answered, for whoever asked; it is not given to anybody else."""
        key = f"{self.stream(folder)}:failed"
        async with self.redis() as redis, redis.pipeline(transaction=True) as pipe:
            await pipe.hset(key, part, reason).expire(key, _KEEP).execute()

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Messages of workers that went silent, then new ones; goes on when Redis was away.

        Raises RedisRefused when it is there and does not let us in, unless it did before.
        """
        told, known = "", False
        while True:
            try:
                async with self.redis() as redis:
                    streams = sorted(name.decode() for name in await redis.smembers(self.queue_name))
                    taken = await self._left_behind(redis, streams) or await self._new(redis, streams)
                found = [one for one in taken if await self._fit(*one)]
                told, known = "", True
            except (RedisError, OSError, TimeoutError) as error:
                if not known and (refused := refusal(error, self.where)):
                    raise refused from None
                found, news = [], f"{self.where}: {plain(error)}"
                # A folder that was closed meanwhile is no trouble.
                if news != told and "NOGROUP" not in news and "UNBLOCKED" not in news:
                    self._tell(news)
                    told = news
                await asyncio.sleep(_BLOCK)
            self._held.update(held for held, _ in found)
            for held, data in found:
                yield AckableMessage(data=data, ack=self._done_with(held))

    async def _fit(self, held: Held, data: bytes) -> bool:
        """False for what nobody could ever do, which is put away."""
        if asked(self.formatter, data) is not None:
            return True
        await self._put_away(held, "it is no partition that this release can read")
        return False

    async def _put_away(self, held: Held, reason: str) -> None:
        """Told as failed, and done with."""
        folder = held.stream.removeprefix(f"{self.queue_name}:")
        await self.fail(folder, f"message {held.id}", reason)
        await self._done_with(held)()

    async def _left_behind(self, redis: Any, streams: list[str]) -> list[tuple[Held, bytes]]:
        for stream in streams:
            # Few are looked at in one go: the next look begins where this one ended.
            cursor = self._cursors.get(stream, "0-0")
            self._cursors[stream], claimed, *_ = await redis.xautoclaim(
                stream, GROUP, self.consumer_name, self.idle_timeout, cursor, count=1
            )
            for number, fields in claimed:
                held = Held(stream, number.decode())
                seen = await redis.xpending_range(stream, GROUP, held.id, held.id, 1)
                if all(one["times_delivered"] <= _MOST_DELIVERIES for one in seen):
                    return [(held, fields[b"data"])]
                reason = f"given {_MOST_DELIVERIES} times to workers, and none came to its end"
                await self._put_away(held, reason)
        return []

    async def _new(self, redis: Any, streams: list[str]) -> list[tuple[Held, bytes]]:
        if not streams:
            await asyncio.sleep(_BLOCK)
            return []
        block, wanted = round(_BLOCK * 1000), dict.fromkeys(streams, ">")
        # One a stream: what a worker holds without working on it, nobody else can have.
        found = await redis.xreadgroup(GROUP, self.consumer_name, wanted, count=1, block=block) or []
        return [
            (Held(stream.decode(), number.decode()), fields[b"data"])
            for stream, messages in found
            for number, fields in messages
        ]

    def _done_with(self, held: Held) -> Callable[[], Awaitable[None]]:
        async def done() -> None:
            async with self.redis() as redis, redis.pipeline(transaction=True) as pipe:
                await pipe.xack(held.stream, GROUP, held.id).xdel(held.stream, held.id).execute()
            self._held.discard(held)

        return done

    async def renew(self) -> None:
        """Keep what we hold from being given to others, until cancelled."""
        while not cancels():
            await asyncio.sleep(min(self._reclaim / 3, _LIFE))
            try:
                await self._claim({})
            except (RedisError, OSError, TimeoutError):
                continue  # the listener tells; somebody else may do our partition, too, and only one is first

    async def give_back(self) -> None:
        """Let others have at once what we hold; where Redis is away, when its time is over."""
        try:
            await self._claim({"idle": self.idle_timeout})
        finally:
            self._held.clear()

    async def _claim(self, how: dict[str, int]) -> None:
        async with self.redis() as redis:
            for held in list(self._held):
                name, number = self.consumer_name, held.id
                if not await redis.xpending_range(held.stream, GROUP, number, number, 1, name):
                    self._held.discard(held)  # somebody else has it by now
                    continue
                # JUSTID: it does not count as one more delivery.
                await redis.xclaim(held.stream, GROUP, name, 0, [number], justid=True, **how)


# Somebody else may have closed the folder since we opened it: nobody would ever look into its stream.
_ADD = """
redis.call('XADD', KEYS[1], '*', 'data', ARGV[2])
if redis.call('SADD', KEYS[2], KEYS[1]) == 1 then
    redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0')
end
return 1
"""
_CLOSE = """
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
redis.call('SREM', KEYS[2], KEYS[1])
return redis.call('DEL', KEYS[1])
"""
