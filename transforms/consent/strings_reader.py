"""Binds a policy's question about a consent string to the decoder of its format."""

from __future__ import annotations

from collections.abc import Callable

from ...policies.errors import OptinError
from ...policies.model import Requirement
from ...policies.signals import SignalSpec
from .readings import Reading

__all__ = ["decoder_for"]


def decoder_for(
    spec: SignalSpec, requirement: Requirement | None
) -> Callable[[str], Reading] | None:
    """Give the function that reads one text of `spec`; null for plain values.

    Args:
        spec: the signal.
        requirement: what is asked of it; null for a veto.

    Raises:
        OptinError: the format has no decoder in this version. The loader refuses such a
            policy before; a signal that cannot be read must never be passed over.
    """
    if spec.decoder is None:
        return None
    asked = "require" if requirement is not None else "veto"
    message = (
        f"signal '{spec.name}' in {asked}: has the format {spec.decoder}, which this "
        "version cannot read"
    )
    raise OptinError(message)
