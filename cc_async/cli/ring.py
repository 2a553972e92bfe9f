"""``alert``: a contact center watched by rules; each alert a line, and a message in the chat."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, tzinfo
from functools import partial
from json import dumps
from pathlib import Path
from typing import Annotated, Any

from attrs import evolve, frozen
from cyclopts import Parameter

from cc_async import AddressBlocked, CcError, CmsClient, SignatureRejected
from cc_async.cli import connect, run
from cc_async.cli.alert_sources import Told, Wanted, not_judged, sources
from cc_async.cli.codes import FINE
from cc_async.cli.hook import ADDRESS, Hook, try_it, webhook_of
from cc_async.cli.ids import parse_numbers, parse_tasks
from cc_async.cli.options import Link, Skills
from cc_async.cli.stopping import Terminated, run_stoppable
from cc_async.cli.text import visible
from cc_async.cli.times import parse_duration, parse_zone
from cc_async.cli.usage import UsageError
from cc_async.integrations.chat import message_of
from cc_async.integrations.webhook import Webhook
from cc_async.monitor.alert import Alert
from cc_async.monitor.alerts import Alerts, alerts
from cc_async.monitor.rules import DEFAULTS, Rule
from cc_async.monitor.rules_file import load_rules
from cc_async.session.clock import Clock, LoopClock
from cc_async.settings import Site

_LINK, _HOOK = Link(), Hook()
_NAMES_AGAIN, _NAMES_LATER = 3600.0, 300.0
"""Seconds after which names of queues are asked again, and after a failure."""
_NAMES_TIMEOUT = 10.0

RulesFile = Annotated[
    Path | None, Parameter(help="TOML file of rules; the usual rules around the clock when left out.")
]
Tasks = Annotated[str | None, Parameter(help="Outbound tasks to watch, such as 1122104910,1122104911.")]
Vdns = Annotated[
    str | None,
    Parameter(help="VDNs whose indicators are judged (global access key); with such a key that of --vdn."),
]
State = Annotated[
    Path | None,
    Parameter(help="Remembers what rings and what is not delivered: a restart repeats and loses nothing."),
]
Every = Annotated[str, Parameter(help="Time between two looks at agents, waiting calls and tasks: 5s to 5m.")]
Zone = Annotated[str | None, Parameter(help="Time zone of the times told, such as Europe/Berlin.")]
Test = Annotated[bool, Parameter(negative="", show_default=False, help="Post one test message and end.")]
Lines = Annotated[bool, Parameter(negative="", show_default=False, help="One JSON object a line.")]


@frozen(kw_only=True)
class _Plan:
    """What was asked for on the command line, checked."""

    site: Site
    skills: str | None
    wanted: Wanted
    zone: tzinfo
    state: Path | None
    webhook: Webhook | None
    json: bool


def ring(
    *,
    rules: RulesFile = None,
    skills: Skills = None,
    tasks: Tasks = None,
    vdns: Vdns = None,
    every: Every = "60s",
    state: State = None,
    tz: Zone = None,
    json: Lines = False,
    test: Test = False,
    hook: Hook = _HOOK,
    link: Link = _LINK,
) -> int:
    """Watch until Ctrl-C; each alert, raised or cleared, is a line here and a message in the chat."""
    chosen = DEFAULTS if rules is None else load_rules(rules)
    webhook = webhook_of(hook, allow_http=link.allow_http)
    if test:
        if webhook is None:
            raise UsageError("where to? there is no webhook", hint=f"set {ADDRESS}, or give --webhook-file")
        return asyncio.run(try_it(webhook))
    site = connect.with_keys(connect.site_of(link))
    asked = parse_numbers(vdns, "--vdns")
    if asked is None and site.global_access_key is not None and site.vdn is not None:
        asked = [site.vdn]
    wanted = Wanted(
        rules=tuple(chosen),
        skill_ids=None,
        tasks=None if tasks is None else parse_tasks(tasks),
        vdns=asked,
        every=_seconds(every),
    )
    if state is not None and not state.absolute().parent.is_dir():
        raise UsageError(f"--state: there is no folder {state.absolute().parent}")
    plan = _Plan(
        site=site,
        skills=skills,
        wanted=wanted,
        zone=_zone(tz, chosen),
        state=state,
        webhook=webhook,
        json=json,
    )
    with suppress(Terminated):  # the usual end of a service
        run_stoppable(_watch(plan))
    return FINE


def _seconds(text: str) -> float:
    try:
        found = parse_duration(text).total_seconds()
    except UsageError:
        found = 0.0
    if not 5 <= found <= 300:
        raise UsageError(f"--every: {text!r} is not 5 s to 5 minutes", hint="write 60s or 2m")
    return found


def _zone(name: str | None, rules: tuple[Rule, ...]) -> tzinfo:
    """The zone that was named, else that of the opening hours, else UTC."""
    of_rules = next((rule.hours.zone for rule in rules if rule.hours is not None), UTC)
    return parse_zone(name) or of_rules


async def _watch(plan: _Plan) -> None:
    """Open everything, then tell alert after alert until the end."""
    async with AsyncExitStack() as stack:
        cms = connect.cms_client(plan.site)
        stack.push_async_callback(cms.aclose, grace=0)
        wanted = evolve(plan.wanted, skill_ids=await run.skill_ids(cms, plan.skills))
        watches = sources(cms, wanted)
        names = await stack.enter_async_context(_names(cms, LoopClock()))
        beats = {
            name: Told(name, await stack.enter_async_context(each), run.say) for name, each in watches.items()
        }
        ringing = await stack.enter_async_context(
            alerts(
                beats,
                wanted.rules,
                names=names,
                zone=plan.zone,
                state_file=plan.state,
                until_confirmed=plan.webhook is not None,
            )
        )
        # Left before the alerts: what it delivers on its way out is confirmed.
        hook = None if plan.webhook is None else await stack.enter_async_context(plan.webhook)
        _begin(plan, wanted, list(watches), len(ringing.raised))
        async for alert in ringing:
            _show(alert, plan.json)
            if hook is not None:
                hook.post(message_of(alert), partial(_confirm, ringing, alert))


def _confirm(ringing: Alerts, alert: Alert, delivered: bool) -> None:
    """Whether it was delivered or given up, which was told: it need not be posted again."""
    ringing.confirm(alert)


def _begin(plan: _Plan, wanted: Wanted, watched: list[str], standing: int) -> None:
    """Say what is watched, what is not, and where alerts go."""
    run.say(
        f"VDN {plan.site.vdn}: {', '.join(watched)}; {len(wanted.rules)} rules, {standing:,} alerts stand"
    )
    why = {
        "task_stats": "give --tasks",
        "system_indicators": "set a global access key, or give --vdns",
    }
    for name, rules in not_judged(wanted, watched).items():
        run.say(f"not judged without {name} ({why.get(name, 'no source')}): {', '.join(rules)}")
    if plan.webhook is not None:
        run.say(f"posting to {plan.webhook.host}")


def _show(alert: Alert, json: bool) -> None:
    """One line on stdout."""
    if json:
        line = dumps(message_of(alert).document)
    else:
        line = visible(f"{alert.at:%Y-%m-%d %H:%M:%S} {alert.state:7} [{alert.rule}] {alert}")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@asynccontextmanager
async def _names(cms: CmsClient, clock: Clock) -> AsyncIterator[dict[Any, str]]:
    """Names of the queues by (vdn, skill_id), kept up to date meanwhile; without them ids are told."""
    names: dict[Any, str] = {}

    async def learn() -> float:
        try:
            queues = await cms.skills(timeout=_NAMES_TIMEOUT)
        except (SignatureRejected, AddressBlocked):
            raise  # nothing else will be answered either
        except CcError:
            return _NAMES_LATER
        names.update({(queue.vdn, queue.skill_id): queue.name for queue in queues if queue.name})
        return _NAMES_AGAIN

    async def keep(first: float) -> None:
        wait = first
        while True:
            await clock.sleep(wait)
            wait = await learn()

    keeping = asyncio.create_task(keep(await learn()), name="cc_async.names")
    try:
        yield names
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
