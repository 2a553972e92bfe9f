"""Watching all day: beats, sums that lose no calls, and what both are worth."""

from __future__ import annotations

from cc_async.monitor.beat import Beat
from cc_async.monitor.beats import watch
from cc_async.monitor.stitch import Stitcher
from cc_async.monitor.sums import ClosedBucket, Gap, SkillSums, Stitched
from cc_async.monitor.watching import Watch

__all__ = ["Beat", "ClosedBucket", "Gap", "SkillSums", "Stitched", "Stitcher", "Watch", "watch"]
