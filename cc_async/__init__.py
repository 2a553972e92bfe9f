"""Asyncio client for the Huawei AICC / CEC monitoring interfaces, with concurrent batch fan-out."""

from __future__ import annotations

__version__ = "0.1.0"

from cc_async.agents.events import AgentEvent
from cc_async.agents.session import AgentSession
from cc_async.batch.plan import Plan
from cc_async.batch.result import Batch, Failure
from cc_async.batch.stream import Stream
from cc_async.client import CmsClient
from cc_async.clients.health import Health
from cc_async.contract.codes import AgentStatus, CtiStatus, MediaType
from cc_async.contract.records import (
    AgentCallStats,
    AgentState,
    SignedInAgent,
    Skill,
    SkillCallStats,
    SkillState,
    SystemIndicators,
    TaskStats,
    Vdn,
)
from cc_async.contract.spec import Group, Question, Quota, Window
from cc_async.errors import (
    AddressBlocked,
    ApiError,
    AuthError,
    BatchError,
    CallTimeout,
    CcError,
    CircuitOpen,
    ClosedError,
    ConfigError,
    ConnectError,
    DecodeError,
    ExportError,
    GatewayError,
    HttpError,
    NoPermission,
    NotDeployed,
    NotSignedIn,
    NotTheApi,
    PaginationLoop,
    ProtocolError,
    RequestTimeout,
    ResponseTooLarge,
    ServerError,
    SessionLost,
    SignatureRejected,
    Throttled,
    TlsError,
    UnknownKey,
)
from cc_async.gateway import GatewayClient
from cc_async.query import Query
from cc_async.session.auth import Auth, Unsigned
from cc_async.session.breaker import Breaker
from cc_async.session.clock import Clock
from cc_async.session.events import Event, Observer
from cc_async.session.guid import Guids
from cc_async.session.pacer import MemoryPacer, Pacer
from cc_async.session.request import Rejected
from cc_async.session.retry import Retry
from cc_async.session.secret import Secret
from cc_async.session.signing import AkSk
from cc_async.session.timeouts import Timeouts
from cc_async.session.tls import Tls

__all__ = [
    "AddressBlocked",
    "AgentCallStats",
    "AgentEvent",
    "AgentSession",
    "AgentState",
    "AgentStatus",
    "AkSk",
    "ApiError",
    "Auth",
    "AuthError",
    "Batch",
    "BatchError",
    "Breaker",
    "CallTimeout",
    "CcError",
    "CircuitOpen",
    "Clock",
    "ClosedError",
    "CmsClient",
    "ConfigError",
    "ConnectError",
    "CtiStatus",
    "DecodeError",
    "Event",
    "ExportError",
    "Failure",
    "GatewayClient",
    "GatewayError",
    "Group",
    "Guids",
    "Health",
    "HttpError",
    "MediaType",
    "MemoryPacer",
    "NoPermission",
    "NotDeployed",
    "NotSignedIn",
    "NotTheApi",
    "Observer",
    "Pacer",
    "PaginationLoop",
    "Plan",
    "ProtocolError",
    "Query",
    "Question",
    "Quota",
    "Rejected",
    "RequestTimeout",
    "ResponseTooLarge",
    "Retry",
    "Secret",
    "ServerError",
    "SessionLost",
    "SignatureRejected",
    "SignedInAgent",
    "Skill",
    "SkillCallStats",
    "SkillState",
    "Stream",
    "SystemIndicators",
    "TaskStats",
    "Throttled",
    "Timeouts",
    "Tls",
    "TlsError",
    "UnknownKey",
    "Unsigned",
    "Vdn",
    "Window",
    "__version__",
]
