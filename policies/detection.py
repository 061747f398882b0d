"""Detection profiles: which entities, from which score on, found by what; as data.

`strict` prefers recall: one personal value that stays weighs more than words that go.
`balanced` watches over-redaction: it leaves out what only its spelling speaks for, and
what is no direct identifier (dates, places, organisations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["DETECTION_PROFILES", "DetectionProfile"]


@dataclass(frozen=True)
class DetectionProfile:
    """What is looked for in text, and how sure a finding must be.

    Attributes:
        entities: Presidio's names and this package's, in the order of recognisers.
        threshold: lowest score that counts, 0 to 1, for entities not in `thresholds`.
        thresholds: lowest score by entity.
        without: recognisers that are left out, by name.
        ner: use the language model's entities where the policy's engine has one;
            without one the profile works by rules alone.
        gazetteer: look for names by the words around them and on lists.
    """

    entities: tuple[str, ...]
    threshold: float = 0.35
    thresholds: Mapping[str, float] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    ner: bool = True
    gazetteer: bool = True

    def threshold_of(self, entity: str) -> float:
        """Give the lowest score that counts for an entity."""
        return self.thresholds.get(entity, self.threshold)


_NAMES = """
PERSON EMAIL_ADDRESS PHONE_NUMBER STREET_ADDRESS USERNAME PASSWORD SECRET
CREDIT_CARD IBAN_CODE US_SSN US_ITIN IP_ADDRESS MAC_ADDRESS DEVICE_ID UUID
GEO_COORDINATES ACCOUNT_NUMBER MEDICAL_RECORD EMPLOYEE_ID IDENTITY_DOCUMENT
ID_NUMBER CRYPTO
"""
_DIRECT = tuple(_NAMES.split())

DETECTION_PROFILES: Final[Mapping[str, DetectionProfile]] = MappingProxyType(
    {
        "balanced": DetectionProfile(
            entities=(*_DIRECT, "LOCATION"),
            threshold=0.5,
        ),
        "strict": DetectionProfile(
            entities=(*_DIRECT, "LOCATION", "ORGANIZATION", "NRP"),
            threshold=0.35,
        ),
    }
)
"""By name."""
