"""Column actions against the best way that a library offers, in one run.

    python benchmarks/columns_speed.py [--rows 5000000]

CPU seconds of this process, the best of `--repeat`; results are checked to agree where
both sides answer the same question. Keyed hashes are compared with the one-shot and
object APIs of `hashlib`, `hmac` and `cryptography` over plain Python lists, which pay
for nothing but the hash and its hexadecimal form, and with `blake2b`, which is another
(keyed) hash. Polars and DuckDB have no keyed hash that holds: DuckDB's plain `sha256` is
shown for scale. `blocks` is `optin` as a run has it, 65,536 rows at a time: a value that
comes again in another block is hashed again, so with few distinct values it is dearer
than one array, which is what the libraries get.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any, Final

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as hazmat

from optin.transforms.deidentify.actions import (
    round_digits,
    shift_dates,
    subject_shifts,
    truncate_ip,
)
from optin.transforms.deidentify.keys import hmac_tokens

KEY: Final = bytes(range(32))
BLOCK: Final = 65_536
DAY: Final = 86_400_000_000
Run = Callable[[], Any]


def main() -> None:
    """Measure every side and print how they compare."""
    parser = argparse.ArgumentParser(description="Benchmark the column actions.")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeat", type=int, default=1)
    arguments = parser.parse_args()
    rows, repeat = arguments.rows, arguments.repeat
    for share, name in ((0.05, "5 % distinct"), (1.0, "all distinct")):
        hashing(name, ids(rows, share), repeat)
    addresses(rows, repeat)
    numbers(rows, repeat)
    dates(rows, repeat)


def ids(rows: int, share: float) -> pa.Array:
    """Make identifiers of 36 characters, `share` of them distinct."""
    random = np.random.default_rng(7)
    distinct = round(rows * share)
    picked = random.permutation(rows) % distinct
    digits = pc.utf8_lpad(pa.array(picked).cast(pa.string()), 12, padding="0")
    return pc.binary_join_element_wise("9e13d2bf-e968-4065-b4db", digits, "-")


def hashing(name: str, array: pa.Array, repeat: int) -> None:
    """Compare HMAC tokens with what libraries do for a list of texts."""
    sides: dict[str, Run] = {
        "optin, one array": lambda: hmac_tokens(array, KEY),
        "optin, blocks": lambda: [
            hmac_tokens(array.slice(start, BLOCK), KEY)
            for start in range(0, len(array), BLOCK)
        ],
    }
    libraries: dict[str, Run] = {
        "hmac.digest": lambda: once(array, digest_one_shot),
        "cryptography HMAC.copy": lambda: once(array, digest_hazmat),
        "hashlib.blake2b(key=)": lambda: once(array, digest_blake2b),
    }
    answers = {label: run() for label, run in sides.items()}
    expected = libraries["hmac.digest"]()
    if not answers["optin, one array"].equals(expected):
        message = "the tokens differ from hmac.digest"
        raise SystemExit(message)
    del answers, expected
    spent = {label: measure(run, repeat) for label, run in libraries.items()}
    connection = duckdb.connect()
    connection.register("texts", pa.table({"id": array}))
    spent["DuckDB sha256, no key"] = measure(
        lambda: connection.sql("select sha256(id) from texts").to_arrow_table(), repeat
    )
    keyed = min(spent[label] for label in libraries)
    same = min(spent[label] for label in list(libraries)[:2])
    for label, run in sides.items():
        seconds = measure(run, repeat)
        show(f"hmac, {name}: {label}", seconds, keyed, "best keyed hash")
        show(f"hmac, {name}: {label}", seconds, same, "best HMAC")
    for label, seconds in spent.items():
        show(f"hmac, {name}: {label}", seconds, keyed, "best keyed hash")


def once(array: pa.Array, digest: Callable[[list[bytes]], list[str]]) -> pa.Array:
    """Give every side the same care: once per distinct value, Arrow in and out."""
    encoded = array.dictionary_encode()
    values = encoded.dictionary.cast(pa.binary()).to_pylist()
    return pa.array(digest(values), pa.string()).take(encoded.indices)


def digest_one_shot(values: list[bytes]) -> list[str]:
    """Use OpenSSL's one-shot HMAC, the fast one of the standard library."""
    digest = hmac.digest
    return [digest(KEY, value, "sha256")[:16].hex() for value in values]


def digest_hazmat(values: list[bytes]) -> list[str]:
    """Copy a prepared HMAC for every value."""
    base = hazmat.HMAC(KEY, hashes.SHA256())
    out = []
    for value in values:
        mac = base.copy()
        mac.update(value)
        out.append(mac.finalize()[:16].hex())
    return out


def digest_blake2b(values: list[bytes]) -> list[str]:
    """Use the keyed mode of BLAKE2b, which needs one pass where HMAC needs two."""
    blake = hashlib.blake2b
    return [blake(value, digest_size=16, key=KEY).hexdigest() for value in values]


def addresses(rows: int, repeat: int) -> None:
    """Compare the cut of IPv4 addresses with one regular expression."""
    random = np.random.default_rng(7)
    parts = random.integers(1, 255, (4, rows), dtype=np.int64)
    dotted = [pa.array(part).cast(pa.string()) for part in parts]
    array = pc.binary_join_element_wise(*dotted, ".")
    few = array.slice(0, rows // 20).take(pa.array(np.arange(rows) % (rows // 20)))
    for name, texts in (("5 % distinct", few), ("all distinct", array)):
        frame = pl.from_arrow(texts)
        sides: dict[str, Run] = {
            "pyarrow": lambda texts=texts: pc.replace_substring_regex(
                texts, r"\.\d+$", ".0/24"
            ),
            "Polars": lambda frame=frame: frame.str.replace(r"\.\d+$", ".0/24"),
        }
        own = truncate_ip(texts, 24, 48)[0]
        if not own.equals(sides["pyarrow"]()):
            message = "the networks differ"
            raise SystemExit(message)
        against(
            f"IPv4 to /24, {name}",
            lambda texts=texts: truncate_ip(texts, 24, 48),
            sides,
            repeat,
        )


def numbers(rows: int, repeat: int) -> None:
    """Compare rounding with the functions of the libraries."""
    array = pa.array(np.random.default_rng(7).uniform(-90, 90, rows))
    frame = pl.from_arrow(array)
    against(
        "round to 1 digit",
        lambda: round_digits(array, 1),
        {
            "pyarrow": lambda: pc.round(array, 1, round_mode="half_to_even"),
            "Polars": lambda: frame.round(1),
        },
        repeat,
    )


def dates(rows: int, repeat: int) -> None:
    """Compare the shift of times: with shifts at hand, and drawn per person."""
    random = np.random.default_rng(7)
    kind = pa.timestamp("us", "UTC")
    array = pa.array(random.integers(0, 20_000, rows) * DAY, pa.int64()).cast(kind)
    people = pa.array(random.integers(0, rows // 20, rows), pa.uint64())
    days = subject_shifts(people, KEY, 14)
    spans = pc.multiply(days, DAY).cast(pa.duration("us"))
    frame, moves = pl.from_arrow(array), pl.from_arrow(spans)
    sides: dict[str, Run] = {
        "pyarrow": lambda: pc.add(array, spans),
        "Polars": lambda: frame + moves,
    }
    if not shift_dates(array, days).equals(sides["pyarrow"]()):
        message = "the times differ"
        raise SystemExit(message)
    against("date shift, days at hand", lambda: shift_dates(array, days), sides, repeat)
    seconds = measure(
        lambda: shift_dates(array, subject_shifts(people, KEY, 14)), repeat
    )
    show("date shift, HMAC per person", seconds, seconds, "itself (no one-liner)")


def against(name: str, own: Run, sides: dict[str, Run], repeat: int) -> None:
    """Print one action beside the libraries."""
    spent = {label: measure(run, repeat) for label, run in sides.items()}
    best = min(spent.values())
    show(f"{name}: optin", measure(own, repeat), best, "best one-liner")
    for label, seconds in spent.items():
        show(f"{name}: {label}", seconds, best, "best one-liner")


def measure(run: Run, repeat: int) -> float:
    """Give the CPU seconds of the fastest run."""
    spent = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return min(spent)


def show(name: str, seconds: float, best: float, what: str) -> None:
    """Print one line."""
    print(f"{name:<52} {seconds:8.3f} s  {seconds / best:5.2f} x {what}", flush=True)


if __name__ == "__main__":
    main()
