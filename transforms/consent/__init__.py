"""The consent gate: which records may be used, and the reason for every other one."""

from __future__ import annotations

from .evaluate import GateResult, evaluate_gate
from .plan import GatePlan

__all__ = ["GatePlan", "GateResult", "evaluate_gate"]
