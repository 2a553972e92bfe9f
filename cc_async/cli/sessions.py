"""The commands about agents on CC-Gateway: their statistics by GUID or by sign-in, and one agent's events."""

from __future__ import annotations

import sys
from json import dumps
from typing import Annotated, Any

from cyclopts import App, Parameter

from cc_async import AgentEvent, AgentSession, AgentStatus, CcError, GatewayClient, Query
from cc_async.cli import builds, connect, progress, run, views
from cc_async.cli.codes import FINE, PARTIAL
from cc_async.cli.credentials import SignIns
from cc_async.cli.ids import parse_numbers
from cc_async.cli.options import Agents, Brief, Link, Show
from cc_async.cli.stopping import run_stoppable
from cc_async.cli.text import instant, visible, word
from cc_async.cli.usage import UsageError

_LINK, _SHOW = Link(), Show()
_GRACE = 0.8
"""Seconds that signing out may take: Ctrl-C ends a command within one."""


def _flag(text: str) -> Parameter:
    """A switch that is off unless it is given."""
    return Parameter(negative="", show_default=False, help=text)


Agent = Annotated[int, Parameter(help="Id of the agent.")]
SignIn = Annotated[
    bool, _flag("Sign the agents in, not ready, and out again; their counters begin with the sign-in.")
]
Ready = Annotated[bool, _flag("Take calls: the agent is idle, and idle again after each call.")]
Resume = Annotated[bool, _flag("Sign in again when the session is lost.")]
Count = Annotated[int, Parameter(help="End after so many events; 0: never.")]
JsonLines = Annotated[bool, _flag("One JSON object a line, with the numbers of callers.")]
Phone = Annotated[
    str | None,
    Parameter(help="Softphone number of the one agent (or CC_ASYNC_AGENT_PHONE, or asked for unseen)."),
]


def add_to(parent: App) -> None:
    """Hook the commands into the app."""
    parent.command(agent_stats)
    parent.command(agent_events)


def agent_stats(
    *,
    agents: Agents = None,
    brief: Brief = False,
    sign_in: SignIn = False,
    phone: Phone = None,
    link: Link = _LINK,
    show: Show = _SHOW,
) -> int:
    """Calls of agents since sign-in, from CC-Gateway.

    The agents' GUIDs come from CC_ASYNC_GUIDS (a JSON object), from the file of CC_ASYNC_GUIDS_FILE, or with
    --sign-in from signing in: the password from CC_ASYNC_AGENT_PASSWORD, or asked for unseen.
    """
    view = views.AGENT_CALL_STATS_BRIEF if brief else views.AGENT_CALL_STATS

    def asking(known: tuple[int, ...]) -> run.Build:
        return builds.agent_stats(agents, known, brief=brief, partial=link.partial, timeout=link.seconds)

    if not sign_in:
        if phone is not None:
            raise UsageError("--phone goes with --sign-in")
        return run.gateway(view, link, show, asking)
    run.check(show)
    ids = parse_numbers(agents, "--agents")
    if not ids:
        raise UsageError("--sign-in: which agents?", hint="give --agents 101")
    counter = progress.Counter()
    client = connect.gateway_without_guids(connect.site_of(link), [counter])
    sessions = SignIns(phone).sessions(client, ids, grace=_GRACE)

    async def build(gateway: GatewayClient) -> Query[Any]:
        await _signed_in(sessions)
        return await asking(())(gateway)

    return run_stoppable(run.ask(client, counter, view, link, show, build), to_the_end=True)


async def _signed_in(sessions: list[AgentSession]) -> None:
    """Sign everybody in who can be; the client signs them out when it closes."""
    problems: list[CcError] = []
    for session in sessions:
        try:
            await session.__aenter__()
        except CcError as error:
            problems.append(error)
    if len(problems) == len(sessions):
        raise problems[0]
    run.say_all((error.part or "an agent", f"{error.message} [{error.code}]") for error in problems)


def agent_events(
    agent: Agent,
    *,
    phone: Phone = None,
    ready: Ready = False,
    resume: Resume = False,
    count: Count = 0,
    json: JsonLines = False,
    link: Link = _LINK,
) -> int:
    """Sign one agent in and follow what happens to it, a line each, until Ctrl-C signs it out.

    The agent is not ready, so no call is offered, and one who is signed in elsewhere is left alone. The
    password comes from CC_ASYNC_AGENT_PASSWORD, or is asked for unseen.
    """
    if count < 0:
        raise UsageError("--count must be 0 or more")
    client = connect.gateway_without_guids(connect.site_of(link))
    (session,) = SignIns(phone).sessions(
        client,
        [agent],
        grace=_GRACE,
        status=AgentStatus.IDLE if ready else AgentStatus.NOT_READY,
        enter_idle=ready,
        resume=resume,
    )
    return run_stoppable(_follow(client, session, count, json), to_the_end=True)


async def _follow(client: GatewayClient, session: AgentSession, count: int, json: bool) -> int:
    """Write event after event; a session that is lost ends it."""
    written = 0
    async with client, session:
        run.say(f"agent {session.agent_id} is signed in; Ctrl-C signs it out")
        try:
            async for event in session:
                sys.stdout.write(_line(event, json))
                sys.stdout.flush()
                written += 1
                if written == count:
                    break
        except CcError as error:
            if not written:
                raise
            run.say(str(error))
            return PARTIAL
    return FINE


def _line(event: AgentEvent, json: bool) -> str:
    """One event for a machine, or for a person: when, what, the state it means, the call."""
    if json:
        return dumps(event.to_dict()) + "\n"
    parts = ["-" if event.received_at is None else instant(event.received_at), event.kind]
    if event.state is not None:
        parts.append(f"({word(event.state)})")
    if event.call_id is not None:
        parts.append(f"call {event.call_id}")
    return visible(" ".join(parts), longest=200) + "\n"
