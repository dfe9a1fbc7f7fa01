"""Recording: what the engine did, as one artefact that many readers read."""

from vizgrad.trace.model import Trace
from vizgrad.trace.program import run
from vizgrad.trace.recorder import record

__all__ = ["Trace", "record", "run"]
