"""Leak rate and over-redaction by profile, beside default Presidio, in one run.

    python benchmarks/pii_quality.py [--data dev.jsonl] [--generated 2000]

*Leak rate*: share of alphanumeric characters of direct identifiers that no predicted
span of any type covers. *Over-redaction*: share of characters outside all labelled
spans that are covered. The labelled set is read from OPTIN_TEST_DATA or `--data`; its
two halves are split by a hash of the text. `rules` is the profile without the model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import presidio_analyzer
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pii_texts import make_texts
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

from optin.policies.detection import DETECTION_PROFILES
from optin.policies.entities import MODEL_ENTITIES
from optin.policies.model import Pii
from optin.transforms.deidentify.model import ENTITY_OF_LABEL, load_model
from optin.transforms.deidentify.recognizers import build_recognizers

_DIRECT = (
    "PERSON EMAIL PHONE CREDIT_CARD SSN IBAN IP MAC DEVICE_ID ADDRESS USERNAME PASSWORD "
    "API_KEY PASSPORT NATIONAL_ID DRIVER_LICENSE BANK_ACCOUNT MRN GEO"
)
DIRECT = frozenset(_DIRECT.split())
Spans = dict[str, list[tuple[int, int]]]
VIEWS = ("presidio", "balanced", "strict", "balanced rules", "strict rules")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure what text leaks.")
    root = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("OPTIN_TEST_DATA", root)) / "pii" / "dev.jsonl"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--generated", type=int, default=2000)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    rows = [json.loads(line) for line in args.data.read_text().splitlines()]
    own = list(make_texts(args.generated))
    texts = list(dict.fromkeys(row["text"] for row in (*rows, *own)))
    spans = predict(texts)
    halves: tuple[list[Any], list[Any]] = ([], [])
    for row in rows:
        halves[hashlib.sha256(row["text"].encode()).digest()[0] % 2].append(row)
    for title, part in (
        ("development half", halves[0]),
        ("held-out half", halves[1]),
        ("generated", own),
    ):
        report(title, part, spans)
    report_details("labelled set", rows, spans)
    report_details("generated", own, spans)


def predict(texts: list[str]) -> dict[str, Spans]:
    """Find spans: view → text → spans."""
    nlp = load_model()
    docs = dict(zip(texts, nlp.pipe(texts, batch_size=256), strict=True))
    analyzer = _presidio(nlp)
    found: dict[str, Spans] = {
        "presidio": {
            text: [
                (r.start, r.end)
                for r in analyzer.analyze(text, "en", score_threshold=0.35)
            ]
            for text in texts
        }
    }
    for name, profile in DETECTION_PROFILES.items():
        rules: Spans = {text: [] for text in texts}
        for one in build_recognizers(Pii(entities=profile.entities), profile):
            shown = pc.match_substring_regex(pa.array(texts), one.gate or "")
            recognizer: Any = one.recognizer
            for text in pc.filter(pa.array(texts), shown).to_pylist():
                rules[text] += [
                    (r.start, r.end)
                    for r in recognizer.analyze(text, [one.entity], None)
                    if r.score >= profile.threshold_of(one.entity)
                ]
        named = set(profile.entities) & MODEL_ENTITIES
        found[f"{name} rules"] = rules
        found[name] = {
            text: rules[text]
            + [
                (ent.start_char, ent.end_char)
                for ent in docs[text].ents
                if ENTITY_OF_LABEL.get(ent.label_) in named
            ]
            for text in texts
        }
    return found


def _presidio(nlp: Any) -> AnalyzerEngine:
    """Make Presidio's default engine, with its suffix list read from its package."""
    conf = Path(presidio_analyzer.__file__).parent / "conf" / "default.yaml"
    settings = yaml.safe_load(conf.read_text())["ner_model_configuration"]
    engine = SpacyNlpEngine(
        models=[{"lang_code": "en", "model_name": ""}],
        ner_model_configuration=NerModelConfiguration.from_dict(settings),
    )
    engine.nlp = {"en": nlp}
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    offline = build_recognizers(Pii(entities=("EMAIL_ADDRESS",)))[0].recognizer
    registry.recognizers = [
        offline if r.name == "EmailRecognizer" else r for r in registry.recognizers
    ]
    return AnalyzerEngine(registry=registry, nlp_engine=engine)


def measure(rows: Iterable[Any], spans: Spans) -> dict[str, Counter[str]]:
    """Count gold characters (`all`, `left`) and other ones (`plain`, `over`) by key."""
    counts = {key: Counter[str]() for key in ("all", "left", "plain", "over")}
    for row in rows:
        text = row["text"]
        source = row["source"].split(":")[0]
        covered = {i for start, end in spans[text] for i in range(start, end)}
        gold: set[int] = set()
        for span in row["spans"]:
            places = range(span["start"], span["end"])
            gold.update(places)
            if span["type"] not in DIRECT:
                continue
            letters = [i for i in places if text[i].isalnum()]
            for key in ("total", source, span["type"]):
                counts["all"][key] += len(letters)
                counts["left"][key] += sum(i not in covered for i in letters)
        plain = set(range(len(text))) - gold
        for key in ("total", source):
            counts["plain"][key] += len(plain)
            counts["over"][key] += len(plain & covered)
    return counts


def report(title: str, rows: list[Any], spans: dict[str, Spans]) -> None:
    """Print the totals of one set."""
    print(f"\n{title}: {len(rows):,} texts")
    for view in VIEWS:
        got = measure(rows, spans[view])
        print(f"  {view:15} leak {_rate(got, 'total')}  over {_over(got, 'total')}")


def report_details(title: str, rows: list[Any], spans: dict[str, Spans]) -> None:
    """Print leak rates by entity, and leak / over-redaction by source."""
    got = {view: measure(rows, spans[view]) for view in VIEWS}
    print(
        f"\n{title}, leak rate by entity\n{'':31}" + "".join(f"{v:>16}" for v in VIEWS)
    )
    for key in sorted(got["strict"]["all"]):
        line = "".join(f"{_rate(got[view], key):>16}" for view in VIEWS)
        print(f"  {key:29}{line}")
    print("  over-redaction by source")
    for key in sorted(got["strict"]["plain"]):
        line = "".join(f"{_over(got[view], key):>16}" for view in VIEWS)
        print(f"  {key:29}{line}")


def _rate(got: dict[str, Counter[str]], key: str) -> str:
    return f"{got['left'][key] / max(1, got['all'][key]):.3f}"


def _over(got: dict[str, Counter[str]], key: str) -> str:
    return f"{got['over'][key] / max(1, got['plain'][key]):.3f}"


if __name__ == "__main__":
    main()
