"""The right to send one request, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol


class Slot(Protocol):
    """The right to send one request; end every use with ``release()``: after ``sent()`` it does nothing."""

    def sent(self) -> None:
        """The bytes of the request go out now."""
        ...

    def answered(self) -> None:
        """An answer was seen, so the request has arrived. A timeout or a cancel is no proof of that."""
        ...

    def release(self) -> None:
        """Give the slot back at once if the request was never sent."""
        ...


class _FreeSlot:
    """The slot of a request nobody counts."""

    __slots__ = ()

    def sent(self) -> None:
        pass

    def answered(self) -> None:
        pass

    def release(self) -> None:
        pass


FREE: Final[Slot] = _FreeSlot()
"""What is granted where nothing is counted."""


class SlotGroup:
    """Several slots for one request: they go the same way together."""

    __slots__ = ("_slots",)

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    def sent(self) -> None:
        """The bytes of the request go out now."""
        for slot in self._slots:
            slot.sent()

    def answered(self) -> None:
        """An answer was seen."""
        for slot in self._slots:
            slot.answered()

    def release(self) -> None:
        """Give all slots back if the request was never sent."""
        for slot in self._slots:
            slot.release()
