"""From files to blocks: readers of every format, and how blocks travel through Beam.

The names that need Apache Beam are imported when they are first asked for, so that a
command that only looks at the input stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .inspect import InputReport, inspect_input
from .listing import InputFile, list_files, list_splits
from .names import (
    BLOCK_ROWS,
    EVENT_TIME,
    RAW_PREFIX,
    RECORD,
    SPLIT_KEY,
    SUBJECT,
    SYSTEM_PREFIX,
    is_system,
    raw_name,
)
from .spec import (
    BAD_SCHEMA,
    STORAGE_TYPES,
    BadRecords,
    ReadColumn,
    ReadSpec,
    Split,
    SplitStats,
)

if TYPE_CHECKING:
    from .coder import ArrowBlockCoder, ArrowTableCoder
    from .read import ReadBlocks, read_split

__all__ = [
    "BAD_SCHEMA",
    "BLOCK_ROWS",
    "EVENT_TIME",
    "RAW_PREFIX",
    "RECORD",
    "SPLIT_KEY",
    "STORAGE_TYPES",
    "SUBJECT",
    "SYSTEM_PREFIX",
    "ArrowBlockCoder",
    "ArrowTableCoder",
    "BadRecords",
    "InputFile",
    "InputReport",
    "ReadBlocks",
    "ReadColumn",
    "ReadSpec",
    "Split",
    "SplitStats",
    "inspect_input",
    "is_system",
    "list_files",
    "list_splits",
    "raw_name",
    "read_split",
]


def __getattr__(name: str) -> Any:
    if name in ("ArrowBlockCoder", "ArrowTableCoder"):
        from . import coder

        return getattr(coder, name)
    if name in ("ReadBlocks", "read_split"):
        from . import read

        return getattr(read, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
