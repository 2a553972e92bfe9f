"""What queues and VDNs are called: looked up once an hour, kept when it fails, made fit for a wall."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from cc_async.board import wording
from cc_async.client import CmsClient
from cc_async.errors import AuthError, CcError, NotDeployed
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
                continue
            for one in queues:
                if told := wording.name(one.name):
                    self._queues[vdn, one.skill_id] = self.known[Subject("queue", one.skill_id, vdn).key] = (
                        told
                    )
        if self._of_vdns:
            try:
                for each in await self._cms.vdns(partial=True):
                    if told := wording.name(each.name):
                        self.known[Subject("vdn", each.vdn).key] = told
            except (AuthError, NotDeployed):
                # It wants the global key and its own deployment: asking again would only count as an attack.
                self._of_vdns = False
            except (CcError, OSError) as error:
                failed.append(error)
        self.trouble = f"names cannot be looked up: {wording.error(failed[0])}" if failed else None
        return not failed
