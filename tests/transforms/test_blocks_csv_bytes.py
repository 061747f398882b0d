"""CSV bytes that are not text: found, kept apart, and never in another record's way."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from optin.transforms.blocks import (
    RECORD,
    BadRecords,
    ReadColumn,
    ReadSpec,
    Split,
    SplitStats,
)
from optin.transforms.blocks.csv import _restored, _Utf8, read_csv

if TYPE_CHECKING:
    import pytest

_bytes = st.lists(
    st.sampled_from(
        [b"a", b"\xff", b"\xc3", b"\xa9", b"\xe2\x82\xac", b"\xf0", b"\x9f"]
    )
).map(b"".join)


@given(data=_bytes, size=st.integers(1, 5))
def test_utf8_gives_back_every_byte_when_read_in_pieces(data: bytes, size: int) -> None:
    file = _Utf8(io.BytesIO(data))
    pieces = []
    while piece := file.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    text = b"".join(pieces).decode("utf-8")
    assert _restored(text) == data
    try:
        data.decode("utf-8")
        assert not file.marked
    except UnicodeDecodeError:
        assert file.marked


_cell = st.one_of(st.integers(-5, 99).map(lambda n: b"%d" % n), st.just(b""), _bytes)


@given(
    rows=st.lists(st.lists(_cell, min_size=1, max_size=3), max_size=12),
    block_bytes=st.sampled_from([40, 1000]),
)
@settings(max_examples=200)
def test_read_csv_tells_every_record_apart_when_cells_are_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[bytes]], block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    lines = [b",".join(row) for row in rows]
    longest = max(map(len, lines), default=0)
    path.write_bytes(b"a,b\n" + b"\n".join(lines))
    spec = ReadSpec("csv", str(path), columns=(ReadColumn("a", "int64"),), raw=("b",))
    found: dict[int, object] = {}
    stats = None
    split = Split("00000", str(path))
    for item in read_csv(spec, split, block_bytes=block_bytes + 8 * longest):
        if isinstance(item, BadRecords):
            found |= {row["record"]: row["code"] for row in item.batch.to_pylist()}
        elif isinstance(item, SplitStats):
            stats = item
        else:
            found |= {
                row[RECORD]: (row["a"], row["optin:raw:b"]) for row in item.to_pylist()
            }
    # The oracle: the standard library's reader, byte for byte as Latin-1.
    expected: list[object] = []
    text = io.StringIO(b"\n".join(lines).decode("latin-1"))
    for row in (row for row in csv.reader(text) if row):
        cells = [cell.encode("latin-1") for cell in row]
        if len(cells) != 2:
            expected.append("BAD_RECORD")
            continue
        try:
            first, second = (cell.decode("utf-8") for cell in cells)
        except UnicodeDecodeError:
            expected.append("BAD_ENCODING")
            continue
        if first.removeprefix("-").isdecimal() or not first:
            expected.append((int(first) if first else None, second or None))
        else:
            expected.append("BAD_TYPE")
    assert [found[number] for number in range(len(expected))] == expected
    assert stats is not None
    assert stats.records == len(expected) == len(found)
