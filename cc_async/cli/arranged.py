"""The help of all commands: in which group each stands, one example of it, paragraphs that wrap."""

from __future__ import annotations

import re

from cyclopts import App, Group

EXAMPLES: dict[str, dict[str, str]] = {
    "Start here": {
        "demo": "cc-async demo",
        "simulate": "cc-async simulate --quota 10/1 --error-rate 0.01",
        "init": "cc-async init --site berlin",
        "doctor": "cc-async doctor --site berlin",
        "config": "",
    },
    "Ask once": {
        "list": "",
        "skill-stats": "cc-async skill-stats --skills 1-2000,2105 --rows 0",
        "skill-states": "cc-async skill-states --skills Sales,Support --json",
        "agents": "cc-async agents --skills 1-20",
        "agent-states": "cc-async agent-states --vdn 170 --csv > agents.csv",
        "task-stats": "cc-async task-stats --tasks 1122104910,1122104911",
        "indicators": "cc-async indicators --vdns 1-100 --day yesterday --tz Europe/Berlin --csv > day.csv",
        "agent-stats": "cc-async agent-stats --agents 101-140 --brief",
        "plan": "cc-async plan skill-stats --skills 1-2000",
    },
    "Watch": {
        "watch": "cc-async watch --skills 1-20",
        "serve": "cc-async serve --rules rules.toml --state /var/lib/cc_async",
        "alert": "cc-async alert --format slack --rules rules.toml --state alerts.json",
        "check": "",
        "agent-events": "cc-async agent-events 101 --phone 70101",
        "metrics": "",
    },
    "Keep in files": {
        "backfill": "cc-async backfill history --vdns 1-100 --last 31d",
        "sync": "cc-async sync history",
        "record": "cc-async record history skill-states,agents --every 10s",
        "worker": "cc-async worker --site berlin",
        "capture": "cc-async capture berlin.jsonl --minutes 10",
    },
}
"""One example a command, by group; none where the commands below it say enough."""


def arrange(app: App) -> None:
    """Put every command into its group, and give it its example."""
    for number, (title, commands) in enumerate(EXAMPLES.items()):
        group = Group(title, sort_key=number)
        for place, (name, example) in enumerate(commands.items()):
            command = app[name]
            command.group, command.sort_key = group, place
            command.help = _flowing(command.help)
            if example:
                command.help = f"{command.help}\n\nExample: {example}"
    last = Group("Options", sort_key=len(EXAMPLES))
    for name in ("--help", "--version"):
        app[name].group = last


def _flowing(text: str) -> str:
    """Join the lines of each paragraph: the window says where they break."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))
