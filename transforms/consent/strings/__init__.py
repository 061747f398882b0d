"""Strict decoders of consent strings: IAB TCF, GPP and US Privacy.

All of them check a string whole and raise `ConsentStringError`, and nothing else, for
one that is not well formed. None of them lets a string through that it read in part.
"""

from .column import NULL_CODE, BoundedCache, evaluate_column
from .errors import ConsentStringError, Malformed
from .gpp import (
    GppConsent,
    GppQuery,
    GppString,
    GppVerdict,
    decode_gpp,
    decode_gpp_section,
    evaluate_gpp,
    evaluate_gpp_consent,
    gpp_code,
    split_gpp,
)
from .tcf import PublisherRestriction, PublisherTc, TcfString, decode_tcf
from .tcf_canada import TcfCanada, decode_tcf_canada
from .tcf_query import (
    TcfCodes,
    TcfEvaluation,
    TcfQuery,
    TcfVerdict,
    evaluate_tcf,
    tcf_code,
    tcf_codes_apart,
)
from .us_sections import UsSection
from .usp import UsPrivacy, UspVerdict, decode_usp, evaluate_usp, usp_code
from .vendors import VendorSet

__all__ = [
    "NULL_CODE",
    "BoundedCache",
    "ConsentStringError",
    "GppConsent",
    "GppQuery",
    "GppString",
    "GppVerdict",
    "Malformed",
    "PublisherRestriction",
    "PublisherTc",
    "TcfCanada",
    "TcfCodes",
    "TcfEvaluation",
    "TcfQuery",
    "TcfString",
    "TcfVerdict",
    "UsPrivacy",
    "UsSection",
    "UspVerdict",
    "VendorSet",
    "decode_gpp",
    "decode_gpp_section",
    "decode_tcf",
    "decode_tcf_canada",
    "decode_usp",
    "evaluate_column",
    "evaluate_gpp",
    "evaluate_gpp_consent",
    "evaluate_tcf",
    "evaluate_usp",
    "gpp_code",
    "split_gpp",
    "tcf_code",
    "tcf_codes_apart",
    "usp_code",
]
