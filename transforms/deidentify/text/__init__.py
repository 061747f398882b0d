"""Free text without the personal data that Presidio finds in it.

Each distinct text is read once per block, and often once per process: a bounded memory
keeps what became of recent texts. Presidio is imported when a scanner is made.
"""

from __future__ import annotations

from .scanner import TextScanner
from .spans import MAX_TEXT_CHARS, UNREADABLE_TEXT, Mode, Span

__all__ = [
    "MAX_TEXT_CHARS",
    "UNREADABLE_TEXT",
    "Mode",
    "Span",
    "TextScanner",
]
