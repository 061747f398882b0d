"""US Privacy strings: every near miss is malformed, or says itself that nobody opted out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optin.transforms.consent.strings import UspVerdict, evaluate_usp

OUTSIDE = "+/= \n\t\0!,~é\uff21\udc80\U0001f4a3"


@pytest.fixture(scope="session")
def vectors(shared_data: Path) -> list[dict[str, Any]]:
    path = shared_data / "consent" / "consent_strings.json"
    loaded: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["usp"]
    return loaded


def test_usp_when_cut_or_lengthened(vectors: list[dict[str, Any]]) -> None:
    for text in [v["string"] for v in vectors if v["expected"]]:
        for piece in "N-1" + OUTSIDE:
            assert evaluate_usp(text + piece) is UspVerdict.MALFORMED
            assert evaluate_usp(piece + text) is UspVerdict.MALFORMED
        for end in range(len(text)):
            assert evaluate_usp(text[:end]) is UspVerdict.MALFORMED


def test_usp_when_any_character_is_another(vectors: list[dict[str, Any]]) -> None:
    characters = [chr(n) for n in range(256)] + list(OUTSIDE)
    for text in sorted({v["string"] for v in vectors} | {"1YYY", "1---"}):
        for at in range(len(text)):
            for character in characters:
                bent = text[:at] + character + text[at + 1 :]
                if evaluate_usp(bent) is not UspVerdict.CLEAR:
                    continue
                assert len(bent) == 4
                assert bent == "1---" or bent[2] == "N"
