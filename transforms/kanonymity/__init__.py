"""k-anonymity of people: count distinct subjects, generalise, verify."""

from __future__ import annotations

from .alone import KAnonymize
from .api import kanonymize
from .choose import choose_recoding
from .diverse import SensitiveReport, report_sensitive
from .histogram import histogram_of, merge_histograms
from .ladders import Ladder, build_ladder
from .local import LocalRecoding, choose_local
from .measure import ClassReport, class_sizes, report_classes
from .plan import AnonymityPlan
from .recoding import GlobalRecoding, Recoding
from .risk import RiskReport, report_risk
from .sensitive import CollectTriples, CountValues
from .stage import CollectHistogram, CountClasses
from .withhold import withhold_classes

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
    "histogram_of",
    "kanonymize",
    "merge_histograms",
    "report_classes",
    "report_risk",
    "report_sensitive",
    "withhold_classes",
]
