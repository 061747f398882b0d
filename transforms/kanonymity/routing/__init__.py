"""Routing: cuts a set too large for one histogram into buckets that are solved alone."""

from __future__ import annotations

from .tree import Router, learn_router

__all__ = ["Router", "learn_router"]
