"""Write events for the benchmarks: flat Parquet, as many rows as asked, always the same.

    python benchmarks/generate_events.py --folder FOLDER [--events 5000000] [--seed 1]

15 columns, 4 quasi-identifiers, no free text; about 95,000 people in a million rows, a
few of whom give very many. `policy_5m.yaml` beside this file reads what it writes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP_ROWS: Final = 500_000
FILE_ROWS: Final = 1_000_000
_FIRST_US: Final = 1_780_272_000_000_000  # 2026-06-01T00:00Z
_WINDOW_US: Final = 29 * 86_400 * 1_000_000
_COUNTRIES: Final = ("US", "DE", "GB", "FR", "BR", "JP", "IN", "CA", "PL", "SE")
_REGIONS: Final = 8  # a country
_MODELS: Final = 24
_APPS: Final = 40
_PEOPLE_A_ROW: Final = 0.128  # drawn; of them 0.095 a row are seen at all
_MIX: Final = np.uint64(0x9E37_79B9_7F4A_7C15)  # odd: permutes 64-bit words

Words = npt.NDArray[np.uint64]


def main() -> None:
    """Read the arguments and write the files."""
    parser = argparse.ArgumentParser(description="Write events for the benchmarks.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_events(arguments.folder, arguments.events, arguments.seed)


def write_events(folder: Path, rows: int, seed: int) -> None:
    """Write `rows` events as files of a million rows in groups of half a million.

    The same arguments give the same rows; memory is bounded by one row group and the
    people.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("events-*.parquet"):
        old.unlink()
    cumulative = _activity(np.random.default_rng([seed, 0]), rows)
    for number, file_start in enumerate(range(0, rows, FILE_ROWS)):
        file_end = min(file_start + FILE_ROWS, rows)
        path = folder / f"events-{number:03d}.parquet"
        with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
            for start in range(file_start, file_end, GROUP_ROWS):
                count = min(GROUP_ROWS, file_end - start)
                rng = np.random.default_rng([seed, 1, start])
                writer.write_table(_group(rng, cumulative, start, count))


_SCHEMA: Final = pa.schema(
    [
        ("ts", pa.timestamp("us", "UTC")),
        ("event_id", pa.string()),
        ("user_id", pa.string()),
        ("ifa", pa.string()),
        ("att", pa.int64()),
        ("lmt", pa.int64()),
        ("ip", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("country", pa.string()),
        ("region", pa.string()),
        ("yob", pa.int64()),
        ("model", pa.string()),
        ("app", pa.string()),
        ("clicked", pa.bool_()),
    ]
)


def _activity(rng: np.random.Generator, rows: int) -> npt.NDArray[np.float64]:
    """Running total of people's activity: most give few events, a few very many."""
    weight = rng.lognormal(0, 1.6, max(10, int(rows * _PEOPLE_A_ROW)))
    return np.cumsum(weight)


def _group(
    rng: np.random.Generator,
    cumulative: npt.NDArray[np.float64],
    start: int,
    count: int,
) -> pa.Table:
    person = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], "right")
    # What belongs to a person follows from the person's number alone.
    traits = _mixed(person.astype(np.uint64))
    country = _skewed(traits, 0, len(_COUNTRIES))
    region = country * _REGIONS + _skewed(traits, 8, _REGIONS)
    att = np.array([3, 3, 3, 3, 2, 2, 0, 1])[_bits(traits, 16) % 8]
    index = np.arange(start, start + count, dtype=np.uint64)
    ids = _mixed(index)
    lat = (_bits(traits, 24) % 120 - 60) + rng.random(count)
    lon = (_bits(traits, 32) % 300 - 150) + rng.random(count)
    columns = [
        pa.array(_FIRST_US + np.sort(rng.integers(0, _WINDOW_US, count))).cast(
            pa.timestamp("us", "UTC")
        ),
        _texts("e", ids),
        _texts("u", traits),
        _uuids(traits, _mixed(traits)),
        pa.array(att),
        pa.array((_bits(traits, 40) % 16 == 0).astype(np.int64)),
        _addresses(traits),
        pa.array(np.round(lat, 4)),
        pa.array(np.round(lon, 4)),
        _named(_COUNTRIES, country),
        _named([f"R{number:02d}" for number in range(80)], region),
        # Everyone is an adult: 1940 to 2005.
        pa.array(1940 + _bits(traits, 44) % 66),
        _named(
            [f"model-{number:02d}" for number in range(_MODELS)],
            _skewed(traits, 52, _MODELS),
        ),
        _named(
            [f"com.example.app{number:02d}" for number in range(_APPS)],
            rng.integers(0, _APPS, count),
        ),
        pa.array(rng.random(count) < 0.04),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _mixed(words: Words) -> Words:
    """Scatter numbers over all 64-bit words, one to one (Steele et al. 2014, §3)."""
    words = (words + np.uint64(1)) * _MIX
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))


def _bits(words: Words, shift: int) -> npt.NDArray[np.int64]:
    """Give 12 bits of each word, from `shift` on."""
    return ((words >> np.uint64(shift)) & np.uint64(0xFFF)).astype(np.int64)


def _skewed(words: Words, shift: int, size: int) -> npt.NDArray[np.int64]:
    """Give numbers below `size`, small ones most often."""
    share = _bits(words, shift) / 4096
    return (share**2 * size).astype(np.int64)


def _texts(letter: str, words: Words) -> pa.Array:
    """Give each word as a letter and 20 digits."""
    digits = pc.utf8_lpad(pa.array(words).cast(pa.string()), 20, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def _uuids(first: Words, second: Words) -> pa.Array:
    """Give identifiers in the layout of a UUID, of digits alone; none is all zeros."""
    halves = [
        pc.utf8_lpad(pa.array(word % np.uint64(10**16)).cast(pa.string()), 16, "0")
        for word in (first, second)
    ]
    digits = pc.binary_join_element_wise(*halves, "")
    cuts = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    parts = [pc.utf8_slice_codeunits(digits, start, stop) for start, stop in cuts]
    return pc.binary_join_element_wise(*parts, "-")


def _addresses(words: Words) -> pa.Array:
    octets = [_bits(words, shift) % 223 + 1 for shift in (4, 20, 36, 48)]
    texts = [pa.array(octet).cast(pa.string()) for octet in octets]
    return pc.binary_join_element_wise(*texts, ".")


def _named(names: tuple[str, ...] | list[str], at: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(names).take(pa.array(at))


if __name__ == "__main__":
    main()
