"""The body of a sign-in, read as the gateway reads it."""

from __future__ import annotations

import attrs

from .people import BUSY, IDLE, WRAP_UP

BAD_PARAMETER, WRONG_TYPE = "100-001", "100-012"
_STATES = {"3": BUSY, "4": IDLE, "5": WRAP_UP}
_AGENT_TYPES = frozenset({"4", "11"})
_LONGEST_PASSWORD, _LONGEST_PHONE, _LONGEST_TOKEN = 32, 24, 50
_SWITCHES = ("autoanswer", "autoenteridle", "releasephone")


class Refused(ValueError):
    """A sign-in that the gateway does not take; its text is the retcode."""


@attrs.frozen
class SignIn:
    """What a sign-in asks for."""

    password: str
    phone: str
    state: int
    """The CTI state to begin in."""
    enters_idle: bool
    push: bool


def read(body: object) -> SignIn:
    """Read a sign-in; raises `Refused`."""
    if not isinstance(body, dict):
        raise Refused(BAD_PARAMETER)
    password, phone = body.get("password"), body.get("phonenum")
    if not isinstance(password, str) or len(password) > _LONGEST_PASSWORD:
        raise Refused(BAD_PARAMETER)
    if not isinstance(phone, str) or not phone or len(phone) > _LONGEST_PHONE:
        raise Refused(BAD_PARAMETER)
    state = _STATES.get(str(body.get("status", 4)))
    if state is None:
        raise Refused(BAD_PARAMETER)
    if str(body.get("agenttype", 4)) not in _AGENT_TYPES:
        raise Refused(WRONG_TYPE)
    switches = {name: _switch(body.get(name, True)) for name in _SWITCHES}
    return SignIn(password, phone, state, switches["autoenteridle"], _pushes(body))


def _switch(value: object) -> bool:
    """Read true or false, as text too: public clients send both."""
    text = str(value).lower()
    if text not in ("true", "false"):
        raise Refused(BAD_PARAMETER)
    return text == "true"


def _pushes(body: dict[str, object]) -> bool:
    """Say whether events are to be pushed: address and token come together or not at all."""
    uri, token = body.get("callBackUri"), body.get("serviceToken")
    if not uri and not token:
        return False
    fits = isinstance(uri, str) and uri.startswith(("http://", "https://"))
    if not fits or not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
        raise Refused(BAD_PARAMETER)
    return True
