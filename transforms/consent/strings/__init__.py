"""Strict decoders of consent strings: IAB TCF, GPP and US Privacy.

All of them check a string whole and raise `ConsentStringError`, and nothing else, for
one that is not well formed. None of them lets a string through that it read in part.
"""

from .column import NULL_CODE, BoundedCache, evaluate_column
from .errors import ConsentStringError, Malformed
from .tcf import PublisherRestriction, PublisherTc, TcfString, decode_tcf
from .tcf_query import (
    TcfEvaluation,
    TcfQuery,
    TcfVerdict,
    evaluate_tcf,
    tcf_code,
    tcf_codes_apart,
)
from .vendors import VendorSet

__all__ = [
    "NULL_CODE",
    "BoundedCache",
    "ConsentStringError",
    "Malformed",
    "PublisherRestriction",
    "PublisherTc",
    "TcfEvaluation",
    "TcfQuery",
    "TcfString",
    "TcfVerdict",
    "VendorSet",
    "decode_tcf",
    "evaluate_column",
    "evaluate_tcf",
    "tcf_code",
    "tcf_codes_apart",
]
