"""Seeded demo events with known truth."""

from __future__ import annotations

from .generate import AS_OF, DemoFiles, copy_policy, generate_demo
from .run import run_demo

__all__ = ["AS_OF", "DemoFiles", "copy_policy", "generate_demo", "run_demo"]
