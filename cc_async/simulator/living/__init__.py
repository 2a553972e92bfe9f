"""The living world: callers arrive, wait, talk or hang up; agents come, work, rest and go; event by event."""

from .call import Call
from .incidents import Incident
from .world import LivingWorld

__all__ = ["Call", "Incident", "LivingWorld"]
