"""Column actions against the best way that a library offers, in one run.

    python benchmarks/columns_speed.py [--rows 5000000]

CPU and wall seconds of this process, the best of `--repeat`; ratios are of CPU seconds.
Results are checked to agree where both sides answer the same question. Keyed hashes are compared
with `hmac` and `cryptography` over plain Python lists, which pay for nothing but the
hash and its hexadecimal form, with an HMAC put together from DuckDB's `sha256`, and with
`blake2b`, which is another (keyed) hash. The libraries get one array; `blocks` is
`optin` as a run has it, 65,536 rows at a time with its cache, from an empty one on.
"""

from __future__ import annotations

import argparse
import base64
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
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from optin.transforms.deidentify.actions import (
    bucket,
    keep_prefix,
    round_digits,
    shift_dates,
    subject_shifts,
    truncate_ip,
)
from optin.transforms.deidentify.coarse import (
    geohash,
    mask,
    period_labels,
    replace,
    time_truncate,
)
from optin.transforms.deidentify.encryption import TokenLabel, encrypt_tokens
from optin.transforms.deidentify.keys import ColumnCache, hmac_tokens

KEY: Final = bytes(range(32))
BLOCK: Final = 65_536
DAY: Final = 86_400_000_000
Run = Callable[[], Any]
Spent = tuple[float, float]
"""CPU and wall seconds."""


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
    periods(rows, repeat)
    texts(rows, repeat)


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
        "optin, blocks": lambda: in_blocks(array),
    }
    libraries: dict[str, Run] = {
        "hmac.digest": lambda: once(array, digest_one_shot),
        "cryptography HMAC.copy": lambda: once(array, digest_hazmat),
        "DuckDB sha256 of sha256": lambda: digest_duckdb(array),
        "hashlib.blake2b(key=)": lambda: once(array, digest_blake2b),
    }
    expected = libraries["hmac.digest"]()
    for label in ("optin, one array", "optin, blocks"):
        agree(label, sides[label](), expected)
    agree("DuckDB", libraries["DuckDB sha256 of sha256"](), expected)
    del expected
    spent = {label: measure(run, repeat) for label, run in libraries.items()}
    keyed = min(spent.values())
    same = min(spent[label] for label in list(libraries)[:-1])
    for label, run in sides.items():
        seconds = measure(run, repeat)
        show(f"hmac, {name}: {label}", seconds, keyed, "best keyed hash")
        show(f"hmac, {name}: {label}", seconds, same, "best HMAC")
    for label, seconds in spent.items():
        show(f"hmac, {name}: {label}", seconds, keyed, "best keyed hash")


def in_blocks(array: pa.Array) -> pa.Array:
    """Do as a run does: a block at a time, remembering what came before."""
    cache = ColumnCache(KEY)
    return pa.concat_arrays(
        [
            cache.map(
                array.slice(start, BLOCK),
                lambda values: hmac_tokens(values, KEY),
                pa.string(),
            )
            for start in range(0, len(array), BLOCK)
        ]
    )


def agree(label: str, own: pa.Array, expected: pa.Array) -> None:
    """Stop if a side answers otherwise."""
    if not own.equals(expected):
        message = f"{label}: the answers differ"
        raise SystemExit(message)


def digest_duckdb(array: pa.Array) -> pa.Array:
    """Write HMAC out in SQL (RFC 2104), once per distinct value like the others."""
    encoded = array.dictionary_encode()
    connection = duckdb.connect()
    connection.register("texts", pa.table({"id": encoded.dictionary}))
    inner, outer = (
        "".join(f"\\x{byte ^ pad:02X}" for byte in KEY.ljust(64, b"\0"))
        for pad in (0x36, 0x5C)
    )
    made = connection.sql(
        f"select left(sha256('{outer}'::blob || unhex("  # noqa: S608 (constants)
        f"sha256('{inner}'::blob || encode(id)))), 32) as token from texts"
    ).to_arrow_table()
    return made["token"].combine_chunks().take(encoded.indices)


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
    years = pa.array(np.random.default_rng(7).integers(1940, 2006, rows))
    year_frame = pl.from_arrow(years)
    against(
        "bucket of 5",
        lambda: bucket(years, 5),
        {
            "pyarrow": lambda: pc.multiply(pc.divide(years, 5), 5),
            "Polars": lambda: year_frame // 5 * 5,
        },
        repeat,
    )
    against(
        "bucket of 2.5",
        lambda: bucket(array, 2.5),
        {
            "pyarrow": lambda: pc.multiply(pc.floor(pc.divide(array, 2.5)), 2.5),
            "Polars": lambda: (frame / 2.5).floor() * 2.5,
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
    against(
        "date shift, days at hand", lambda: shift_dates(array, days, 14), sides, repeat
    )
    best = min(measure(run, repeat) for run in sides.values())
    seconds = measure(
        lambda: shift_dates(array, subject_shifts(people, KEY, 14), 14), repeat
    )
    show("date shift, drawn per person", seconds, best, "with days at hand")

    def remembered() -> None:
        cache = ColumnCache(KEY)
        for start in range(0, rows, BLOCK):
            subjects = people.slice(start, BLOCK)
            days = subject_shifts(subjects, KEY, 14, cache)
            shift_dates(array.slice(start, BLOCK), days, 14)

    seconds = measure(remembered, repeat)
    show("date shift, drawn per person, blocks", seconds, best, "with days at hand")


def periods(rows: int, repeat: int) -> None:
    """Compare the starts and names of periods."""
    micros = np.random.default_rng(7).integers(0, 20_000 * DAY, rows)
    times = pa.array(micros).cast(pa.timestamp("us", "UTC"))
    frame = pl.from_arrow(times)
    for period, short in (("hour", "1h"), ("month", "1mo")):
        against(
            f"time_truncate to the {period}",
            lambda period=period: time_truncate(times, period),
            {
                "pyarrow": lambda period=period: pc.floor_temporal(times, unit=period),
                "Polars": lambda short=short: frame.dt.truncate(short),
            },
            repeat,
        )
    days = times.cast(pa.date32(), safe=False)
    day_frame = pl.from_arrow(days)
    against(
        "name of the month",
        lambda: period_labels(days, "month"),
        {
            "pyarrow": lambda: pc.strftime(days, format="%Y-%m"),
            "Polars": lambda: day_frame.dt.strftime("%Y-%m"),
        },
        repeat,
    )


def texts(rows: int, repeat: int) -> None:
    """Compare masks, prefixes, tables and encryption."""
    for share, name in ((0.05, "5 % distinct"), (1.0, "all distinct")):
        array = ids(rows, share)
        frame = pl.from_arrow(array)
        against(
            f"mask, {name}",
            lambda array=array: mask(array, first=2, last=2, char="*", strict=True),
            {
                "pyarrow": lambda array=array: pc.utf8_replace_slice(
                    array, 2, -2, "*" * 32
                ),
                "Polars": lambda frame=frame: (
                    frame.str.head(2) + "*" * 32 + frame.str.tail(2)
                ),
            },
            repeat,
        )
        against(
            f"prefix, {name}",
            lambda array=array: keep_prefix(array, 30, strict=True),
            {
                "pyarrow": lambda array=array: pc.utf8_slice_codeunits(array, 0, 30),
                "Polars": lambda frame=frame: frame.str.head(30),
            },
            repeat,
        )
        against(
            f"encrypt, {name}",
            lambda array=array: encrypt_tokens(array, KEY, TokenLabel("0" * 16)),
            {
                "cryptography's AESSIV": lambda array=array: once(array, sealed),
            },
            repeat,
        )
    codes = pa.array([f"code-{number:03d}" for number in range(200)]).take(
        pa.array(np.random.default_rng(7).integers(0, 200, rows))
    )
    table = {f"code-{number:03d}": f"group {number % 7}" for number in range(150)}
    known, groups = pa.array(list(table)), pa.array(list(table.values()))
    code_frame = pl.from_arrow(codes)
    against(
        "replace by a table",
        lambda: replace(codes, table, keep=False),
        {
            "pyarrow": lambda: groups.take(pc.index_in(codes, value_set=known)),
            "Polars": lambda: code_frame.replace_strict(table, default=None),
        },
        repeat,
    )
    places = np.random.default_rng(7).uniform(-80, 80, (2, rows))
    lat, lon = pa.array(places[0]), pa.array(places[1])
    seconds = measure(lambda: geohash(lat, lon, 6), repeat)
    show("geohash of 6", seconds, seconds, "itself (no one-liner)")


def sealed(values: list[bytes]) -> list[str]:
    """Encrypt in a plain loop."""
    encrypt, encode = AESSIV(KEY * 2).encrypt, base64.urlsafe_b64encode
    return [encode(encrypt(value, [])).rstrip(b"=").decode() for value in values]


def against(name: str, own: Run, sides: dict[str, Run], repeat: int) -> None:
    """Print one action beside the libraries."""
    spent = {label: measure(run, repeat) for label, run in sides.items()}
    best = min(spent.values())
    show(f"{name}: optin", measure(own, repeat), best, "best one-liner")
    for label, seconds in spent.items():
        show(f"{name}: {label}", seconds, best, "best one-liner")


def measure(run: Run, repeat: int) -> Spent:
    """Give the CPU and wall seconds of the fastest run."""
    spent = []
    for _ in range(repeat):
        start, wall = time.process_time(), time.perf_counter()
        run()
        spent.append((time.process_time() - start, time.perf_counter() - wall))
    return min(spent)


def show(name: str, spent: Spent, best: Spent, what: str) -> None:
    """Print one line."""
    cpu, wall = spent
    print(
        f"{name:<46} {cpu:7.3f} s {wall:7.3f} s wall {cpu / best[0]:5.2f} x {what}",
        flush=True,
    )


if __name__ == "__main__":
    main()
