"""k-anonymity of people: count distinct subjects, generalise, verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api import kanonymize
from .choose import choose_recoding
from .diverse import SensitiveReport, report_sensitive
from .histogram import histogram_of, merge_histograms
from .ladders import Ladder, build_ladder
from .local import LocalRecoding, choose_local
from .measure import ClassReport, class_sizes, report_classes
from .plan import AnonymityPlan
from .quantiles import fit_ladders
from .recoding import GlobalRecoding, Recoding
from .risk import RiskReport, report_risk
from .withhold import withhold_classes, withhold_counted, within_share

if TYPE_CHECKING:
    from .alone import KAnonymize
    from .stage import CollectHistogram, CollectTriples, CountClasses, CountValues

__all__ = [
    "AnonymityPlan",
    "ClassReport",
    "CollectHistogram",
    "CollectTriples",
    "CountClasses",
    "CountValues",
    "GlobalRecoding",
    "KAnonymize",
    "Ladder",
    "LocalRecoding",
    "Recoding",
    "RiskReport",
    "SensitiveReport",
    "build_ladder",
    "choose_local",
    "choose_recoding",
    "class_sizes",
    "fit_ladders",
    "histogram_of",
    "kanonymize",
    "merge_histograms",
    "report_classes",
    "report_risk",
    "report_sensitive",
    "withhold_classes",
    "withhold_counted",
    "within_share",
]


def __getattr__(name: str) -> Any:
    """Import what needs Apache Beam when it is asked for."""
    if name == "KAnonymize":
        from .alone import KAnonymize

        return KAnonymize
    if name in {"CollectHistogram", "CollectTriples", "CountClasses", "CountValues"}:
        from . import stage

        return getattr(stage, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
