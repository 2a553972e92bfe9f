"""Who signs in, how, and with what: checked before anything is sent."""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from cc_async.batch.ids import AGENT, read_id
from cc_async.contract.codes import AgentStatus
from cc_async.session.secret import Secret

_STATES = (AgentStatus.NOT_READY, AgentStatus.IDLE, AgentStatus.WRAP_UP)
_LONGEST_PASSWORD, _LONGEST_PHONE, _LONGEST_TOKEN = 32, 24, 50
_SHORTEST_SECRET = 3
"""Characters from which on a text can be looked for in others: "1" is in many."""
_URI = re.compile(r"https?://[!-~]{1,500}")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


@frozen
class SignIn:
    """What one agent signs in with."""

    agent_id: int
    password: Secret
    phone: Secret
    status: AgentStatus
    enter_idle: bool
    auto_answer: bool | None
    release_phone: bool | None
    agent_type: int
    force: bool
    callback_uri: str | None
    service_token: Secret | None

    @property
    def push(self) -> bool:
        """True when events go to an address of the caller's, so that nothing is polled."""
        return self.callback_uri is not None

    @property
    def part(self) -> str:
        """What errors call it."""
        return f"agent {self.agent_id}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no text."""
        found = (self.password, self.phone, self.service_token)
        return tuple(str(one) for one in found if one is not None and len(one) >= _SHORTEST_SECRET)

    @property
    def params(self) -> dict[str, Any]:
        """The body of the sign-in by wire name."""
        return {
            "password": self.password,
            "phonenum": self.phone,
            "autoanswer": self.auto_answer,
            "autoenteridle": self.enter_idle,
            "releasephone": self.release_phone,
            "agenttype": self.agent_type,
            "status": int(self.status),
            "callBackUri": self.callback_uri,
            "serviceToken": self.service_token,
        }


def read_sign_in(
    agent_id: object,
    *,
    password: object,
    phone: object,
    status: object,
    enter_idle: object,
    auto_answer: object,
    release_phone: object,
    agent_type: object,
    force: object,
    callback_uri: object,
    service_token: object,
) -> SignIn:
    """Check everything; the errors never repeat what was given. Raises TypeError or ValueError."""
    agent = read_id(agent_id, AGENT)
    if isinstance(agent_type, bool) or not isinstance(agent_type, int):
        raise TypeError(f"agent_type must be an int, not {type(agent_type).__name__}")
    uri, token = _push(callback_uri, service_token)
    return SignIn(
        agent,
        _secret("password", password, _LONGEST_PASSWORD),
        _secret("phone", phone, _LONGEST_PHONE),
        _status(status),
        _switch("enter_idle", enter_idle),
        None if auto_answer is None else _switch("auto_answer", auto_answer),
        None if release_phone is None else _switch("release_phone", release_phone),
        agent_type,
        _switch("force", force),
        uri,
        token,
    )


def _secret(name: str, value: object, longest: int) -> Secret:
    """Take a text of printable ASCII."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} is missing: give what the agent signs in with")
    if len(value) > longest or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} must be at most {longest} printable ASCII characters")
    return Secret(value)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _status(value: object) -> AgentStatus:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"status must be an AgentStatus or its number, not {type(value).__name__}")
    if value not in _STATES:
        raise ValueError(f"status must be 3 (not ready), 4 (idle) or 5 (wrap-up), not {value}")
    return AgentStatus(value)


def _push(uri: object, token: object) -> tuple[str | None, Secret | None]:
    """Take the address and the token of push mode: both or none."""
    if uri is None and token is None:
        return None, None
    if uri is None or token is None:
        raise ValueError("callback_uri and service_token go together: give both for push mode, or neither")
    if not isinstance(uri, str) or not isinstance(token, str):
        raise TypeError("callback_uri and service_token must be text")
    if not _URI.fullmatch(uri):
        raise ValueError("callback_uri must be an http(s) address the gateway can reach")
    if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
        raise ValueError(f"service_token must be 1 to {_LONGEST_TOKEN} letters, digits or - . _ ~")
    return uri, Secret(token)
