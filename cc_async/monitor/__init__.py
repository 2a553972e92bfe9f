"""Watching all day: beats, sums that lose no calls, figures that say what they are worth, alerts."""

from __future__ import annotations

from cc_async.monitor.alert import Alert
from cc_async.monitor.alerts import Alerts, alerts
from cc_async.monitor.beat import Beat
from cc_async.monitor.beats import watch
from cc_async.monitor.changes import changes
from cc_async.monitor.figure import Figure
from cc_async.monitor.hours import Hours
from cc_async.monitor.judge import Judge
from cc_async.monitor.replay import replay
from cc_async.monitor.rolling import rolling
from cc_async.monitor.rules import DEFAULTS, Rule, within
from cc_async.monitor.rules_file import load_rules
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import ClosedBucket, Gap, SkillSums, Stitched
from cc_async.monitor.timeline import Segment, timeline, timelines
from cc_async.monitor.watching import Watch

__all__ = [
    "DEFAULTS",
    "Alert",
    "Alerts",
    "Beat",
    "ClosedBucket",
    "Figure",
    "Gap",
    "Hours",
    "Judge",
    "Rule",
    "Segment",
    "SkillSums",
    "Stitched",
    "Stitcher",
    "Watch",
    "alerts",
    "changes",
    "load_rules",
    "replay",
    "rolling",
    "timeline",
    "timelines",
    "watch",
    "within",
]
