"""Result codes, agent and CTI states, media types: what the servers' numbers mean."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

_INT64 = range(-(2**63), 2**63)


class OpenIntEnum(enum.IntEnum):
    """An IntEnum that takes any 64-bit number: one outside the table is kept, never an error.

    ``known`` tells the two apart. Numbers outside the table are made anew each time, so that a server which
    invents numbers cannot fill the memory: compare them with ``==``, not ``is``.
    """

    @classmethod
    def _missing_(cls, value: object) -> OpenIntEnum | None:
        if isinstance(value, bool) or not isinstance(value, int) or value not in _INT64:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = int(value)
        return member

    @property
    def known(self) -> bool:
        """True when the number stands in the vendor's table."""
        return self._value_ in type(self)._value2member_map_

    def __repr__(self) -> str:
        if self.known:
            return f"<{type(self).__name__}.{self._name_}: {self._value_}>"
        return f"<{type(self).__name__} {self._value_}, not in the table>"


class AgentStatus(OpenIntEnum):
    """Agent status of ``signed_in_agents``; on the gateway 2 means signed out."""

    UNKNOWN = 0
    EXCEPTION = 2
    NOT_READY = 3
    IDLE = 4
    WRAP_UP = 5
    TALKING = 7
    REST = 8


class CtiStatus(OpenIntEnum):
    """Agent status of the CTI platform (``ctiStatus``, ``currentState``)."""

    NOT_SIGNED_IN = 0
    IDLE = 1
    PRE_OCCUPIED = 2
    OCCUPIED = 3
    ANSWERING = 4
    TALKING = 5
    WRAP_UP = 6
    NOT_READY = 7
    REST = 8
    STUDY = 9
    ADJUSTING = 10


class MediaType(OpenIntEnum):
    """Kind of contact a queue or an agent serves."""

    CHAT = 1
    WEB_PHONE = 2
    ESCORT = 3
    CALLBACK = 4
    PHONE = 5
    EMAIL = 6
    FAX = 7
    VIDEO_H323 = 8
    WHITEBOARD = 9
    APPLICATION_SHARING = 10
    FILE_TRANSFER = 11
    VIDEO_2B_1D = 12
    VIDEO_6B_1D = 13
    OPS = 14
    PREDICTIVE_OUTBOUND = 15
    PREVIEW_OUTBOUND = 16
    MESSAGE = 17
    WEB_PHONE_VIDEO = 18
    PHONE_VIDEO = 19
    WEB_LEAVE_MESSAGE = 20
    DESKTOP_SHARING = 21
    VC_CALL = 22
    NUM = 23
    EMAIL_CHAT = 50
    WEB_CHAT = 51
    SMS_CHAT = 52
    SOCIAL_CHAT = 53
    FAX_CHAT = 54
    H5_CHAT = 55


NO_PERMISSION: frozenset[str] = frozenset({"0101001", "0101002", "0101003"})
"""CC-CMS codes: the key is good, but not for this."""

NOT_SIGNED_IN: frozenset[str] = frozenset({"100-006"})
"""Gateway codes: the agent has no session."""

SESSION_LOST: frozenset[str] = frozenset({"100-008", "000-003"})
"""Gateway codes: the agent had a session and has it no more."""

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "0100001": "call failed",
        "0100002": "illegal parameter",
        "0100003": "the CTI version is too old for this interface",
        "0100999": "unknown exception",
        "0101001": "no permission",
        "0101002": "no permission",
        "0101003": "no permission",
        "0300012": "no data",
        "0300028": "illegal parameter",
        "000-001": "wrong way of getting events",
        "000-002": "wrong URL or parameters",
        "000-003": "no permission, or the authentication has expired",
        "000-004": "the agent is being switched over",
        "000-005": "an agent cannot inspect itself",
        "000-006": "illegal message parameter",
        "000-007": "called too often",
        "100-001": "illegal sign-in parameter",
        "100-002": "the agent is signed in already",
        "100-003": "the provider is unavailable",
        "100-004": "wrong user or password",
        "100-005": "illegal sign-out parameter",
        "100-006": "the agent is not signed in",
        "100-007": "exception in the operation",
        "100-008": "the agent has signed out",
        "100-009": "the agent's state cannot be set",
        "100-012": "wrong agent type",
    }
)
"""What a failure code means, in our words; codes nobody explains are not here."""

HINTS: Mapping[str, str] = MappingProxyType(
    {
        "0100002": "check cc_id, vdn and ids: the server may know a smaller range",
        "0100003": "this interface needs a newer CTI platform",
        "0101001": "ask the operator to grant this interface to the access key",
        "0101002": "ask the operator to grant this interface to the access key",
        "0101003": "ask the operator to grant this interface to the access key",
        "000-003": "sign the agent in again and pass the new GUID",
        "000-007": "ask less often; the gateway takes 5 queries in 2 s per agent",
        "100-002": "sign out there first; force=True, and nothing else, would end that session",
        "100-006": "sign the agent in first, or pass its GUID",
        "100-007": "usual for an agent that is not in a call",
        "100-008": "sign the agent in again and pass the new GUID",
    }
)
"""What to do about a failure code."""
