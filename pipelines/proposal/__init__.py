"""A first policy for an input: what `optin init` writes."""

from __future__ import annotations

from .policy import Proposal, propose_policy

__all__ = ["Proposal", "propose_policy"]
