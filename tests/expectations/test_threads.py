"""Many validations at once, and workers that know nothing of Great Expectations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optin.expectations import Suite, validate_dataset


@pytest.mark.filterwarnings("ignore")  # of pandas and GX, whose filters threads share
def test_results_are_those_of_each_table_when_16_threads_validate(
    tmp_path: Path, make_suite: Callable[..., Suite]
) -> None:
    suite = make_suite(
        ("expect_column_values_to_be_in_set", {"column": "n", "value_set": [1]}),
        ("expect_column_values_to_be_unique", {"column": "n"}),
        ("expect_column_median_to_be_between", {"column": "n", "max_value": 1}),
        # Decimals go through Great Expectations on pandas.
        ("expect_column_values_to_be_unique", {"column": "money"}),
    )
    files = []
    for number in range(48):
        # In file i there are i rows that are not 1, and i + 1 that are: the median is 1.
        values = [2] * number + [1] * (number + 1)
        money = [Decimal(n) for n in range(number)] + [Decimal(-1)] * (number + 1)
        files.append(tmp_path / f"{number}.parquet")
        pq.write_table(pa.table({"n": values, "money": money}), files[-1])

    def counts(file: Path) -> list[int | bool | None]:
        _, inside, unique, median, money = validate_dataset(file, suite).results
        assert money.note
        observed = [r.observed["unexpected_count"] for r in (inside, unique, money)]
        return [*observed, median.success]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(counts, files * 2))
    for number, result in enumerate(found):
        rows = number % len(files)
        repeated = (rows if rows > 1 else 0) + (rows + 1 if rows else 0)
        assert result == [rows, repeated, rows + 1 if rows else 0, True]


def test_no_kernel_imports_great_expectations() -> None:
    code = (
        "import sys, json, pyarrow as pa\n"
        "from optin.expectations.catalogue import CATALOGUE\n"
        "from optin.expectations.metrics import MetricRequest, partial_metrics\n"
        "from optin.expectations.kernels import _KERNELS, ROW_KINDS\n"
        "from optin.expectations.gx import PRIVACY\n"
        "kinds = {entry.kind for entry in CATALOGUE.values()} - {'', *PRIVACY}\n"
        "assert kinds <= {*_KERNELS, *ROW_KINDS, 'increasing', 'decreasing'}, kinds\n"
        "arguments = json.dumps({'regex': 'a', 'regex_list': ['a'], 'value': 1,\n"
        "  'like_pattern': 'a', 'like_pattern_list': ['a'], 'value_set': ['a'],\n"
        "  'json_schema': {}, 'strftime_format': '%Y', 'type_': 'str', 'sum_total': 1,\n"
        "  'column_A': 'a', 'column_B': 'a', 'min_value': 1})\n"
        "block = pa.RecordBatch.from_pydict({'a': ['1', '2'], 'b': [1.5, 2.5]})\n"
        "for kind in kinds:\n"
        "    for column in 'ab':\n"
        "        text = arguments.replace('\"a\"', json.dumps(column))\n"
        '        request = MetricRequest(kind, column, text, condition=\'["==", "a", "1"]\')\n'
        "        partial_metrics(block, [request], 0)\n"
        "sys.exit('great_expectations' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-800:]
