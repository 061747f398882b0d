"""k-anonymity of people: count distinct subjects, generalise, verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .alone.api import kanonymize
from .counting.histogram import histogram_of, merge_histograms
from .counting.measure import ClassReport, class_sizes, report_classes
from .counting.risk import RiskReport, report_risk
from .ladders.ladder import Ladder, build_ladder
from .ladders.quantiles import fit_ladders
from .local import LocalRecoding, choose_local
from .plan import AnonymityPlan
from .recoding.choose import choose_recoding
from .recoding.full_domain import GlobalRecoding, Recoding
from .sensitive.diverse import SensitiveReport, report_sensitive
from .withhold import withhold_classes, withhold_counted, within_share

if TYPE_CHECKING:
    from .alone.transform import KAnonymize
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
        from .alone.transform import KAnonymize

        return KAnonymize
    if name in {"CollectHistogram", "CollectTriples", "CountClasses", "CountValues"}:
        from . import stage

        return getattr(stage, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
