"""What is wrong between this machine and a contact center, found step by step, and what to do about it."""

from cc_async.doctor.patient import Limits, Patient
from cc_async.doctor.report import Finding, Level, Report, Result
from cc_async.doctor.steps import FIRST_STEPS, STEPS, Step, examine, most_requests

__all__ = [
    "FIRST_STEPS",
    "STEPS",
    "Finding",
    "Level",
    "Limits",
    "Patient",
    "Report",
    "Result",
    "Step",
    "examine",
    "most_requests",
]
