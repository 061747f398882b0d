"""Text engine against Presidio, side by side in one run, with the same recognisers.

    python benchmarks/text_speed.py [--texts 1500] [--skip-processes]
    python benchmarks/text_speed.py --memory 1000000 [--engine rules]

Every line is texts per CPU second (all threads and children count) on made-up short
texts, unless it says otherwise, and how that compares. Presidio runs in its default
configuration on the same model. Spans are compared; `exact` must not differ.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, as Presidio uses

import pyarrow as pa
from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine

from optin.policies.model import Pii
from optin.transforms.deidentify.text import TextScanner
from optin.transforms.deidentify.text.presidio import (
    PresidioIdentical,
    default_analyzer,
)

NAMES = "Anna Lee|Bob Marsh|Carla Diaz|Deepak Rao|Erik Holm|Fatima Noor|Grace Kim"
PATTERNS = ("CREDIT_CARD", "EMAIL_ADDRESS", "IP_ADDRESS", "PHONE_NUMBER", "URL")
PLACES = "Berlin|Lagos|New York|Osaka|São Paulo|Leeds|Toronto"
ENDINGS = (
    "my card {card} was charged twice, please call {phone}",
    "order shipped to {place}, thanks {name}!",
    "the app crashes when I open settings on my tablet",
    "please mail {mail} about the refund for last week",
    "login from {ip} was blocked, is that you?",
    "can someone help me change the delivery date",
    "{name} from {place} will join the meeting on Tuesday",
    "love the new update, but the battery drains fast",
)


def made_up(count: int, seed: int = 1) -> list[str]:
    """Write short texts of about 75 characters, all different."""
    random_ = random.Random(seed)  # noqa: S311  # a fixed draw
    texts: dict[str, None] = {}
    while len(texts) < count:
        text = random_.choice(ENDINGS).format(
            card=f"4111 1111 1111 {random_.randint(1000, 9999)}",
            phone=f"({random_.randint(201, 989)}) 555-{random_.randint(1000, 9999)}",
            place=random_.choice(PLACES.split("|")),
            name=random_.choice(NAMES.split("|")),
            mail=f"user{random_.randint(1, 9999)}@mail.com",
            ip=f"10.{random_.randint(0, 255)}.{random_.randint(0, 255)}.9",
        )
        texts[f"Hi, ticket {random_.randint(1, 99_999)}: {text}"] = None
    return list(texts)


def timed(texts: Sequence[str], work: Callable[[], Any]) -> tuple[float, Any]:
    """Run once and give texts per CPU second, and the result."""
    start = time.process_time()
    result = work()
    return len(texts) / (time.process_time() - start), result


def show(label: str, rate: float, **against: float) -> None:
    """Print one line."""
    ratios = "  ".join(
        f"{rate / other:5.2f} x {name}" for name, other in against.items()
    )
    print(f"{label:<34}{rate:>9,.0f}/s   {ratios}", flush=True)


def spans_of(results: Sequence[Any]) -> list[list[tuple[int, int, str, float]]]:
    """Take Presidio's results apart."""
    return [[(r.start, r.end, r.entity_type, r.score) for r in one] for one in results]


def differing(ours: Any, theirs: Any) -> int:
    """Count the texts that read otherwise."""
    mine = [[tuple(span) for span in one] for one in ours]
    return sum(a != b for a, b in zip(mine, theirs, strict=True))


def model_lines(analyzer: AnalyzerEngine, texts: Sequence[str]) -> None:
    """Compare all sides that run the model."""
    batch = BatchAnalyzerEngine(analyzer)
    nlp = analyzer.nlp_engine.get_nlp("en")  # type: ignore[attr-defined]  # a SpacyNlpEngine has it
    exact, fast = PresidioIdentical(analyzer), PresidioIdentical(analyzer, mode="fast")
    bitwise = PresidioIdentical(analyzer, mode="bitwise")
    bitwise.find_spans(texts[:64])  # and spaCy has its own BLAS back for the others
    one, found = timed(
        texts, lambda: [analyzer.analyze(text, language="en") for text in texts]
    )
    expected = spans_of(found)
    show("analyze, text by text", one)
    default, _ = timed(texts, lambda: batch.analyze_iterator(texts, "en"))
    show("BatchAnalyzerEngine, default", default)
    many, _ = timed(texts, lambda: batch.analyze_iterator(texts, "en", batch_size=256))
    show("BatchAnalyzerEngine, batch 256", many)
    bare, same = bare_twice(nlp, texts)
    show("bare nlp.pipe, same components", bare)
    show("bare nlp.pipe, numpy's BLAS too", same)
    against = {"analyze": one, "default": default, "batch 256": many, "bare": bare}
    against["bare, same BLAS"] = same
    for label, engine in (("bitwise", bitwise), ("exact", exact), ("fast", fast)):
        engine.find_spans(texts[:8])
        rate, found = timed(texts, lambda engine=engine: engine.find_spans(texts))
        show(f"ours, {label}", rate, **against)
        print(f"{'':<34}{differing(found, expected):>9} texts differ")
    bitwise.find_spans(texts[:8])


def bare_twice(nlp: Any, texts: Sequence[str]) -> tuple[float, float]:
    """Time spaCy's own pipe with its own BLAS, and with numpy's as `exact` has."""
    from thinc.api import NumpyOps

    off = ["tagger", "attribute_ruler", "lemmatizer"]
    nodes = [
        node
        for _, pipe in nlp.pipeline
        if getattr(pipe, "model", None) is not None
        for node in pipe.model.walk()
        if isinstance(node.ops, NumpyOps)
    ]
    rates = []
    kept = [node.ops for node in nodes]
    for blis in (True, False):
        for node in nodes:
            node.ops = NumpyOps(use_blis=blis)
        rate, _ = timed(
            texts, lambda: sum(1 for _ in nlp.pipe(texts, disable=off, batch_size=256))
        )
        rates.append(rate)
    for node, ops in zip(nodes, kept, strict=True):
        node.ops = ops
    return rates[0], rates[1]


def rules_lines(texts: Sequence[str]) -> None:
    """Compare rules alone with `analyze`, whose model runs in any case."""
    analyzer = default_analyzer()
    some = texts[:400]
    one, _ = timed(
        some,
        lambda: [
            analyzer.analyze(text, language="en", entities=list(PATTERNS))
            for text in some
        ],
    )
    show("analyze, 5 pattern entities", one)
    scanner = TextScanner(Pii(entities=PATTERNS))
    scanner.find_spans(some[:8])
    rate, _ = timed(texts, lambda: scanner.find_spans(texts))
    show("ours, rules only", rate, analyze=one)
    default, _ = timed(
        some, lambda: [analyzer.analyze(text, language="en") for text in some]
    )
    show("analyze, all default entities", default)
    for profile in ("balanced", "strict"):
        scanner = TextScanner(Pii(engine="rules", profile=profile))
        scanner.find_spans(some)
        rate, _ = timed(texts, lambda scanner=scanner: scanner.find_spans(texts))
        show(f"ours, rules only, {profile}", rate, **{"analyze, all": default})


def repeated_lines(texts: Sequence[str]) -> None:
    """Compare a column of which 80 % repeat with one of distinct texts."""
    pii = Pii(engine="model", entities=("PERSON", "LOCATION", "EMAIL_ADDRESS"))
    distinct, _ = timed(texts, lambda: TextScanner(pii).redact(pa.array(texts)))
    show("redact, all distinct", distinct)
    repeated = list(texts[: len(texts) // 5]) * 5
    rate, _ = timed(repeated, lambda: TextScanner(pii).redact(pa.array(repeated)))
    show("redact, 80 % repeated", rate, distinct=distinct)


def long_lines(analyzer: AnalyzerEngine, texts: Sequence[str]) -> None:
    """Compare on texts of about 3,000 characters."""
    long = [" ".join(texts[i : i + 40]) for i in range(0, len(texts) - 39, 40)][:40]
    batch = BatchAnalyzerEngine(analyzer)
    PresidioIdentical(analyzer, mode="bitwise").find_spans(long[:1])
    many, found = timed(
        long, lambda: batch.analyze_iterator(long, "en", batch_size=256)
    )
    show("long texts, batch 256", many)
    engine = PresidioIdentical(analyzer)
    rate, ours = timed(long, lambda: engine.find_spans(long))
    show("long texts, ours exact", rate, **{"batch 256": many})
    print(f"{'':<34}{differing(ours, spans_of(found)):>9} texts differ")


def process_lines(texts: Sequence[str]) -> None:
    """Compare two worker processes with none, by the clock on the wall."""
    pii = Pii(engine="model", entities=("PERSON", "LOCATION", "EMAIL_ADDRESS"))
    many = made_up(max(6_000, len(texts)), seed=2)
    rates = {}
    for workers in (0, 2):
        scanner = TextScanner(pii, workers=workers)
        scanner.redact(pa.array(made_up(1_000, seed=3)))  # starts them
        start = time.perf_counter()
        scanner.redact(pa.array(many))
        rates[workers] = len(many) / (time.perf_counter() - start)
        scanner.close()
    show("one process, wall clock", rates[0])
    show("two workers, wall clock", rates[2], one=rates[0])


def memory_lines(count: int, engine: Literal["rules", "model"]) -> None:
    """Print the process's memory while it redacts new texts, twenty times."""
    import psutil

    names = ("PERSON", "LOCATION") if engine == "model" else ()
    pii = Pii(engine=engine, entities=(*names, *PATTERNS), mode="fast")
    scanner = TextScanner(pii)
    random_ = random.Random(4)  # noqa: S311  # a fixed draw
    process = psutil.Process()
    start = time.perf_counter()
    done = 0
    for texts_later in [count * step // 20 for step in range(1, 21)]:
        while done < texts_later:
            size = min(2_000, texts_later - done)
            texts = [
                f"{text} w{random_.getrandbits(48):x}"
                for text in made_up(size, seed=done)
            ]
            scanner.redact(pa.array(texts))
            done += size
        seconds = time.perf_counter() - start
        used = process.memory_info().rss >> 20
        print(f"{done:>9,} texts {used:>6} MiB {seconds:>6.0f} s", flush=True)


def main() -> None:
    """Run all sides one after the other."""
    parser = argparse.ArgumentParser(description="Benchmark the text engine.")
    parser.add_argument("--texts", type=int, default=1_500)
    parser.add_argument("--skip-processes", action="store_true")
    parser.add_argument("--memory", type=int, metavar="N", help="read N new texts")
    parser.add_argument("--engine", choices=("rules", "model"), default="model")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    if options.memory:
        memory_lines(options.memory, options.engine)
        return
    texts = made_up(options.texts)
    analyzer = default_analyzer()
    analyzer.analyze(texts[0], language="en")
    model_lines(analyzer, texts)
    rules_lines(texts)
    repeated_lines(texts)
    long_lines(analyzer, texts)
    if not options.skip_processes:
        process_lines(texts)


if __name__ == "__main__":
    main()
