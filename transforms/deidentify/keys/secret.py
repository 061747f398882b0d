"""Key bytes that do not leak by being printed."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret:
    """Key bytes that do not show in a repr, a log line or a traceback.

    Picklable, so that workers get it; equal if the bytes are.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """Give the bytes; call it only where they are used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __getstate__(self) -> bytes:
        return self._value

    def __setstate__(self, state: bytes) -> None:
        self._value = state
