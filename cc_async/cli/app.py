"""The commands and their options; each is a question, a view, and the shared options."""

from __future__ import annotations

from cyclopts import App, Group

from cc_async import __version__
from cc_async.cli import (
    alert,
    arranged,
    builds,
    capture,
    check,
    config,
    doctor,
    files,
    init,
    metrics,
    recording,
    run,
    serve,
    sessions,
    views,
    watch,
    worker,
)
from cc_async.cli.demo import demo
from cc_async.cli.options import Link, Show, Skills, SomeSkills, Tasks, Vdns, When
from cc_async.cli.plan import app as plan
from cc_async.cli.simulate import simulate

_HELP = """Monitoring of Huawei AICC / CEC contact centers: ask many questions at once, know what they cost.

Keys come from CC_ASYNC_ACCESS_KEY and CC_ASYNC_SECRET_KEY, from a [sites.NAME] table of the
configuration file (--site), or are asked for at the terminal; never from an option.
Exit codes: 0 fine, 1 nothing worked, 2 usage, 3 partly answered, 130 interrupted.
"""
_LINK, _SHOW, _WHEN = Link(), Show(), When()

app = App(
    name="cc-async",
    help=_HELP,
    help_format="plaintext",
    version=__version__,
    result_action="return_value",
    group_commands=Group("Commands", sort_key=0),
)
lists = App(name="list", help="What is there, with names.")
app.command(demo)
app.command(simulate)
app.command(plan)
app.command(lists)
files.add_to(app)
recording.add_to(app)
worker.add_to(app)
alert.add_to(app)
serve.add_to(app)
watch.add_to(app)
init.add_to(app)
config.add_to(app)
doctor.add_to(app)
capture.add_to(app)
sessions.add_to(app)
metrics.add_to(app)
check.add_to(app)


@lists.command
def vdns(*, link: Link = _LINK, show: Show = _SHOW) -> int:
    """The VDNs of the call center (global access key only)."""
    return run.cms(views.VDNS, link, show, builds.vdns(partial=link.partial, timeout=link.seconds))


@lists.command
def skills(*, link: Link = _LINK, show: Show = _SHOW) -> int:
    """The skill queues of the VDN."""
    return run.cms(views.SKILLS, link, show, builds.queues(partial=link.partial, timeout=link.seconds))


@app.command
def skill_stats(*, skills: Skills = None, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Calls of skill queues in the current 5 minutes."""
    return run.cms(
        views.SKILL_CALL_STATS,
        link,
        show,
        builds.skill_stats(skills, partial=link.partial, timeout=link.seconds),
    )


@app.command
def skill_states(*, skills: Skills = None, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Agents by state and waiting calls of skill queues, now."""
    return run.cms(
        views.SKILL_STATES,
        link,
        show,
        builds.skill_states(skills, partial=link.partial, timeout=link.seconds),
    )


@app.command
def agents(*, skills: SomeSkills, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Agents signed in to skill queues, one request a queue."""
    return run.cms(
        views.SIGNED_IN_AGENTS, link, show, builds.agents(skills, partial=link.partial, timeout=link.seconds)
    )


@app.command
def agent_states(*, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Every agent of the VDN with its state, paged."""
    return run.cms(
        views.AGENT_STATES, link, show, builds.agent_states(partial=link.partial, timeout=link.seconds)
    )


@app.command
def task_stats(*, tasks: Tasks, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Outbound tasks, now."""
    return run.cms(
        views.TASK_STATS, link, show, builds.task_stats(tasks, partial=link.partial, timeout=link.seconds)
    )


@app.command
def indicators(*, vdns: Vdns = None, when: When = _WHEN, link: Link = _LINK, show: Show = _SHOW) -> int:
    """Indicators of VDNs in rows of 5 minutes (global access key only)."""
    return run.cms(
        views.SYSTEM_INDICATORS,
        link,
        show,
        builds.indicators(vdns, when, partial=link.partial, timeout=link.seconds),
    )


arranged.arrange(app)
