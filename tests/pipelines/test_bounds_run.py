"""Runs that publish the bounds of labels as typed columns, read back from the Parquet."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.pipelines.result import RunResult
from optin.pipelines.validation import validate_data

POLICY = """\
columns:
  - {name: user, type: user_id, action: drop}
  - {name: number, type: integer, action: keep}
  - {name: yob, type: birth_year, action: bucket, width: 5, quasi: true, bounds: true}
  - {name: pay, type: number, action: keep, quasi: true, bounds: true, hierarchy: {widths: [0.5, 4]}}
  - {name: day, type: date, action: keep, quasi: true, bounds: true, hierarchy: {dates: [month, year]}}
  - {name: at, type: timestamp, action: time_truncate, period: hour, quasi: true, bounds: true, hierarchy: {dates: [day, month]}}
  - {name: tier, type: category, action: keep, sensitive: true}
anonymity: {k: 3, suppress_max: 0.5, ANONYMITY, sensitive: {tier: {l: 2}}}
expectations: {suite: suite.json}
"""
SUITE = {
    "name": "small",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "yob_lower", "min_value": 1900, "max_value": 2030},
        }
    ],
}
COLUMNS = [
    "number",
    *(
        f"{name}{end}"
        for name in ("yob", "pay", "day", "at")
        for end in ("", "_lower", "_upper")
    ),
    "tier",
]
TYPES: dict[str, pa.DataType] = {
    "yob": pa.int64(),
    "pay": pa.float64(),
    "day": pa.date32(),
    "at": pa.timestamp("us", tz="UTC"),
}


def _rows() -> list[dict[str, Any]]:
    """Give sixty people with three records each, a few of them without a value."""
    rows = []
    for n in range(180):
        person = n % 60
        day = date(2026, 1 + person % 3, 1 + person % 9)
        rows.append(
            {
                "number": n,
                "user": f"u{person}",
                "att": 3,
                "ts": "2026-05-15T12:00:00Z",
                "yob": None if person == 7 else 1970 + person % 20,
                "pay": person % 16 / 4,
                "day": day.isoformat(),
                "at": f"{day.isoformat()}T{person % 24:02d}:30:00Z",
                "tier": ["a", "b"][n // 60 % 2],
            }
        )
    return rows


@pytest.mark.parametrize(
    "anonymity",
    [
        "recoding: global",
        "recoding: local",
        "recoding: local, labels: ranges",
        "recoding: global, subject: {publish: pseudonym}",  # and no column that links: W194
    ],
)
def test_bounds_are_typed_columns_that_hold_and_split_no_class(
    tmp_path: Path, run_small: Callable[..., RunResult], anonymity: str
) -> None:
    (tmp_path / "suite.json").write_text(json.dumps(SUITE))
    result = run_small(POLICY.replace("ANONYMITY", anonymity), _rows())
    assert result.refused is None, result.refused
    assert result.release is not None
    table = pq.read_table(Path(result.release) / "part-00000.parquet")
    assert table.column_names == COLUMNS
    for name, kind in TYPES.items():
        assert table.schema.field(name).type == pa.string()
        assert table.schema.field(f"{name}_lower").type == kind
        assert table.schema.field(f"{name}_upper").type == kind
    manifest = json.loads((Path(result.release) / "release.json").read_text())
    assert [column["name"] for column in manifest["columns"]] == COLUMNS
    assert {"name": "pay_upper", "type": "double"} in manifest["columns"]
    before = {row["number"]: row for row in _rows()}
    classes: dict[tuple[str, ...], set[str]] = defaultdict(set)
    finer = set()
    for row in table.to_pylist():
        old = before[row["number"]]
        labels = tuple(row[name] for name in TYPES)
        classes[labels].add(old["user"])
        finer.add(
            (*labels, *(row[f"{n}_{e}"] for n in TYPES for e in ("lower", "upper")))
        )
        day = date.fromisoformat(old["day"])
        real = {
            # What is generalised is what the column's action left.
            "yob": old["yob"],
            "pay": old["pay"],
            "day": day,
            "at": datetime.fromisoformat(old["at"]).astimezone(UTC)
            - timedelta(minutes=30),
        }
        for name, value in real.items():
            low, high = row[f"{name}_lower"], row[f"{name}_upper"]
            assert (low is None) == (high is None) == (row[name] in ("*", "null"))
            if low is not None:
                assert low <= value <= high
    assert any(table.column(f"{name}_upper").null_count < 90 for name in TYPES)
    assert len(finer) == len(classes) == result.anonymity["classes"]
    assert all(len(people) >= 3 for people in classes.values())
    report = validate_data(Path(result.release), suite=None, policy=Path("policy.yaml"))
    assert all(one.success is not False for one in report.results)
    # A release whose bounds were taken out is none of this policy.
    bare = tmp_path / "bare"
    shutil.copytree(result.release, bare)
    pq.write_table(table.drop_columns(["pay_upper"]), bare / "part-00000.parquet")
    report = validate_data(bare, suite=None, policy=Path("policy.yaml"))
    assert any(one.success is False for one in report.results)
