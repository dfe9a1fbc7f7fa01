"""Checks: gradients against finite differences, an Op against its promises, and where NaN comes from."""

from vizgrad.check.anomaly import detect_anomaly
from vizgrad.check.causes import HYPOTHESES, Cause, Evidence, likely_cause
from vizgrad.check.gradients import CheckedInput, GradientReport, gradcheck
from vizgrad.check.op import check_op

__all__ = [
    "HYPOTHESES",
    "Cause",
    "CheckedInput",
    "Evidence",
    "GradientReport",
    "check_op",
    "detect_anomaly",
    "gradcheck",
    "likely_cause",
]
