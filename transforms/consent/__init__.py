"""The consent gate: which records may be used, and the reason for every other one."""

from __future__ import annotations

from .evaluate import Gate, GateResult, evaluate_gate
from .plan import GatePlan, reasons_of

__all__ = ["Gate", "GatePlan", "GateResult", "evaluate_gate", "reasons_of"]
