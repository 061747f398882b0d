"""Routing: cuts a set too large for one histogram into buckets that are solved alone."""

from __future__ import annotations

from .bucketed import BucketedRecoding, BucketFacts, solve_bucket, stitch
from .buckets import BucketPart, Layout, lay_out, sort_histogram, sort_part
from .choose import MOST_PAIRS, choose_local_bucketed, learn_buckets
from .files import Sliced
from .thin import Limited, State, estimated_pairs, thinned_bits
from .tree import Router, learn_router

__all__ = [
    "MOST_PAIRS",
    "BucketFacts",
    "BucketPart",
    "BucketedRecoding",
    "Layout",
    "Limited",
    "Router",
    "Sliced",
    "State",
    "choose_local_bucketed",
    "estimated_pairs",
    "lay_out",
    "learn_buckets",
    "learn_router",
    "solve_bucket",
    "sort_histogram",
    "sort_part",
    "stitch",
    "thinned_bits",
]
