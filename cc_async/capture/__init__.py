"""A real site's answers, masked, in a file that the simulator can play: a site becomes a regression test."""

from cc_async.capture.asking import Captured, capture
from cc_async.capture.mask import Masker
from cc_async.capture.writer import VERSION, Writer

__all__ = ["VERSION", "Captured", "Masker", "Writer", "capture"]
