"""A pretend contact center behind CC-CMS and CC-Gateway, written from the contract alone."""

from .clock import Clock, LoopClock, SteppedClock
from .faults import Faults
from .journal import Request
from .living import Call, Incident
from .profiles import PROFILES, Profile
from .simulator import Simulator

__all__ = [
    "PROFILES",
    "Call",
    "Clock",
    "Faults",
    "Incident",
    "LoopClock",
    "Profile",
    "Request",
    "Simulator",
    "SteppedClock",
]
