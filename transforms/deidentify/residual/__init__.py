"""The second detector: what is left in the output, by other means than the first.

Nothing here knows the recognisers that clean text: numbers are told by check digits
(python-stdnum, phonenumbers), secrets by detect-secrets' plugins, e-mail addresses by
the standard library's parser, names by cue words, and by the language model where rules
alone have cleaned (`docs/decisions/0006-second-detector.md`).
"""

from __future__ import annotations

from .detect import POSSIBLE, Trace, find_traces
from .plan import ResidualColumn, ResidualPlan
from .sample import ResidualCounts, ResidualSketch, merge_sketches, sketch_blocks

__all__ = [
    "POSSIBLE",
    "ResidualColumn",
    "ResidualCounts",
    "ResidualPlan",
    "ResidualSketch",
    "Trace",
    "find_traces",
    "merge_sketches",
    "sketch_blocks",
]
