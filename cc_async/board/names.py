"""What queues and VDNs are called: looked up once an hour, kept when it fails, made fit for a wall."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from cc_async.board import wording
from cc_async.client import CmsClient
from cc_async.errors import CcError
from cc_async.monitor.subject import Subject
from cc_async.monitor.sums import SkillKey
from cc_async.session.clock import Clock

AGAIN, AFTER_FAILURE = 3600.0, 60.0
"""Seconds."""


class Names:
    """Names by key: ``queue/170/7``, ``vdn/170``."""

    def __init__(
        self,
        cms: CmsClient,
        vdns: tuple[int, ...],
        *,
        of_vdns: bool,
        queues: MutableMapping[SkillKey, str] | None = None,
    ) -> None:
        self._cms, self._vdns, self._of_vdns = cms, vdns, of_vdns
        self._queues = {} if queues is None else queues
        self.known: dict[str, str] = {}
        self.trouble: str | None = None

    def of(self, key: str) -> str | None:
        """The name behind a key, if there is one."""
        return self.known.get(key)

    async def keep(self, clock: Clock, changed: Callable[[], None]) -> None:
        """Look names up again and again, and say when some came; ends with its task."""
        while True:
            whole = await self._look_up()
            changed()
            await clock.sleep(AGAIN if whole else AFTER_FAILURE)

    async def _look_up(self) -> bool:
        """Look up everything once; a VDN whose names do not come costs only its own."""
        failed: list[Exception] = []
        for vdn in self._vdns:
            try:
                queues = await self._cms.skills(vdn=vdn, partial=True)
            except (CcError, OSError) as error:
                failed.append(error)
            else:
                for one in queues:
                    self._name_queue(vdn, one.skill_id, wording.name(one.name))
        if self._of_vdns and not failed:
            await self._look_up_vdns()
        self.trouble = f"names cannot be looked up: {wording.error(failed[0])}" if failed else None
        return not failed

    def _name_queue(self, vdn: int, skill_id: int, name: str | None) -> None:
        if name is not None:
            self.known[Subject("queue", skill_id, vdn).key] = name
            self._queues[vdn, skill_id] = name

    async def _look_up_vdns(self) -> None:
        """The names of the VDNs are a nicety, and want the global key: without them there are the numbers."""
        try:
            vdns = await self._cms.vdns(partial=True)
        except (CcError, OSError) as error:
            # A key that was refused would be refused again, and each time counts as an attack.
            self._of_vdns = getattr(error, "retryable", True)
            return
        for one in vdns:
            if (name := wording.name(one.name)) is not None:
                self.known[Subject("vdn", one.vdn).key] = name
