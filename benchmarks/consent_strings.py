"""Rows a second of the consent-string columns, side by side in one run.

Run `python benchmarks/consent_strings.py`. One million rows, 5 % of them distinct TC
strings as one consent platform writes them: bitfield vendors, for one in ten ranges and
publisher restrictions, and the same disclosed vendors in all. Time is CPU time of one thread.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from optin.transforms.consent.strings import (
    BoundedCache,
    TcfCodes,
    TcfQuery,
    decode_tcf,
    evaluate_column,
    tcf_code,
)

ROWS = 1_000_000
DISTINCT = 50_000
BLOCK = 65_536
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
QUERY = TcfQuery(purposes=(1, 9, 10), vendor=744)


def pack(bits: str) -> str:
    """Write bits as base64url."""
    bits += "0" * (-len(bits) % 24)
    return "".join(ALPHABET[int(bits[n : n + 6], 2)] for n in range(0, len(bits), 6))


def bitfield(rng: random.Random, highest: int) -> str:
    """Write a bitfield of random vendors."""
    return f"{highest:016b}0{rng.getrandbits(highest):0{highest}b}"


def ranges(rng: random.Random, count: int, highest: int) -> str:
    """Write `count` single vendors."""
    ids = sorted(rng.sample(range(1, highest), count))
    return f"{count:012b}" + "".join(f"0{n:016b}" for n in ids)


def tc_string(rng: random.Random, shown: str) -> str:
    """Write one TC string of policy version 5."""
    day = f"{864_000 * rng.randrange(20_500, 20_700):036b}"
    head = "000010" + day + day + f"{7:012b}{1:012b}{1:06b}" + "000100001101"
    head += f"{140:012b}{5:06b}10" + "0" * 12 + f"{rng.getrandbits(24):024b}"
    head += "0" * 25 + "000011000100"
    if rng.random() < 0.1:
        vendors = f"{900:016b}1" + ranges(rng, 20, 900)
        rules = f"{2:012b}" + "".join(
            f"{purpose:06b}01" + ranges(rng, 4, 900) for purpose in (2, 7)
        )
    else:
        vendors, rules = bitfield(rng, 900), f"{0:012b}"
    return pack(head + vendors + f"{0:017b}" + rules) + "." + shown


def rate(name: str, work: Callable[[], object], rows: int) -> float:
    """Print and give rows a CPU second, the best of three runs."""
    best = min(_seconds(work) for _ in range(3))
    sys.stdout.write(f"{name:<44} {rows / best:>12,.0f} rows/s\n")
    return rows / best


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Print the rates and the ratio to a plain loop."""
    rng = random.Random(7)  # noqa: S311 (test data)
    shown = pack("001" + bitfield(rng, 900))
    texts = [tc_string(rng, shown) for _ in range(DISTINCT)]
    rows = pa.array(
        np.array(texts)[np.random.default_rng(7).integers(0, DISTINCT, ROWS)]
    )
    sys.stdout.write(
        f"{ROWS:,} rows, {DISTINCT:,} distinct, {rows.nbytes / ROWS:.0f} bytes a row\n"
    )

    def blocks() -> None:
        cache = BoundedCache(TcfCodes(QUERY))
        for start in range(0, ROWS, BLOCK):
            evaluate_column(rows[start : start + BLOCK], cache)

    some = texts[:5_000]
    loop = rate(
        "tcf_code, each row", lambda: [tcf_code(t, QUERY) for t in some], len(some)
    )
    rate("decode_tcf, each row", lambda: [decode_tcf(t) for t in some], len(some))
    rate("dictionary_encode alone", rows.dictionary_encode, ROWS)
    whole = rate(
        "evaluate_column, whole", lambda: evaluate_column(rows, TcfCodes(QUERY)), ROWS
    )
    parts = rate(f"evaluate_column, blocks of {BLOCK:,}, cache", blocks, ROWS)
    sys.stdout.write(f"against a loop: {whole / loop:.1f} x, {parts / loop:.1f} x\n")


if __name__ == "__main__":
    main()
