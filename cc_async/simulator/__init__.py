"""A pretend contact center behind CC-CMS and CC-Gateway, written from the contract alone."""

from .clock import Clock, LoopClock
from .faults import Faults
from .journal import Request
from .profiles import PROFILES, Profile
from .simulator import Simulator

__all__ = ["PROFILES", "Clock", "Faults", "LoopClock", "Profile", "Request", "Simulator"]
