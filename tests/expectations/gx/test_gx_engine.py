"""The expectations in a suite file: measured block by block, decided by GX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from optin.expectations import (
    evaluate_suite,
    load_suite,
    merge_partials,
    partial_metrics,
    prepare_suite,
    validate_dataset,
)
from optin.expectations.gx import PRIVACY
from optin.pipelines.cli import app
from optin.policies.errors import PolicyError


def people(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "who": random.choice([f"person {n}" for n in range(90)], rows),
            "zip": random.choice(["10", "20", "30"], rows),
            "band": random.integers(0, 3, rows),
            "salary": random.integers(0, 5, rows),
            "illness": random.choice(["flu", "cold", "none"], rows),
            "note": random.choice(["fine", "ask ann@example.com", "ok"], rows),
        }
    )


@pytest.fixture
def cases(tmp_path: Path) -> list[tuple[str, dict[str, Any]]]:
    snapshot = tmp_path / "consented.csv"
    snapshot.write_text("who\n" + "".join(f"person {n}\n" for n in range(80)))
    classes = {"quasi_identifiers": ["zip", "band"], "subject_column": "who"}
    secret = {**classes, "sensitive_column": "illness"}
    salary = {**classes, "sensitive_column": "salary", "distance": "ordered"}
    events = {"subject_column": "who", "event_columns": ["zip", "band"]}
    counts = {"kind": "number", "edges": [1, 3], "counts": [5, 6, 7]}
    return [
        ("expect_table_to_be_k_anonymous", {**classes, "k": 5}),
        ("expect_table_to_be_k_anonymous", {**classes, "k": 60}),
        ("expect_table_to_be_l_diverse", {**secret, "l": 2, "diversity": "entropy"}),
        ("expect_table_to_be_t_close", {**secret, "t": 0.3}),
        ("expect_table_to_be_t_close", {**salary, "t": 0.01}),
        ("expect_column_values_to_contain_no_pii", {"column": "note"}),
        ("expect_column_values_to_contain_no_pii", {"column": "illness"}),
        (
            "expect_only_consented_subjects",
            {"subject_column": "who", "snapshot": str(snapshot)},
        ),
        ("expect_no_direct_identifiers", {}),
        ("expect_no_direct_identifiers", {"allowed_columns": ["note", "who"]}),
        (
            "expect_trajectories_to_be_non_unique",
            {**events, "known_events": 3, "max_unique_fraction": 0.5},
        ),
        (
            "expect_column_drift_to_be_below",
            {"column": "salary", "baseline": counts, "threshold": 0.05},
        ),
    ]


def write_suite(path: Path, cases: Any) -> Path:
    listed = [{"type": kind, "kwargs": kwargs} for kind, kwargs in cases]
    plain = json.loads(json.dumps(listed))  # no aliases
    path.write_text(yaml.safe_dump({"name": "privacy", "expectations": plain}))
    return path


def test_blocks_give_what_gx_gives_on_pandas(
    expect: Any, cases: Any, tmp_path: Path
) -> None:
    assert {kind for kind, _ in cases} == set(PRIVACY)
    frame, folder = people(), tmp_path / "data"
    folder.mkdir()
    for place in range(3):  # files of unlike length, with row groups
        part = frame.iloc[[0, 50, 380, 400][place] : [0, 50, 380, 400][place + 1]]
        table = pa.Table.from_pandas(part, preserve_index=False)
        pq.write_table(table, folder / f"part-{place}.parquet", row_group_size=37)
    suite = load_suite(write_suite(tmp_path / "suite.yaml", cases))
    prepare_suite(suite)
    report = validate_dataset(folder, suite)
    for result, (kind, kwargs) in zip(report.results[1:], cases, strict=True):
        plain = expect(frame, kind, **kwargs)
        assert result.success == plain.success, kind
        details = dict(plain.result["details"])
        assert result.detail == details.pop("problem", "")
        assert result.observed["details"] == details
        assert result.observed["observed_value"] == plain.result["observed_value"]
    assert {result.success for result in report.results[1:]} == {True, False}
    shown = json.dumps(report.to_json())
    assert "person 8" not in shown
    assert "ann@" not in shown


def test_order_and_split_of_blocks_do_not_matter(cases: Any, tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path / "suite.yaml", cases))
    table = pa.Table.from_pandas(people(120), preserve_index=False)
    whole = partial_metrics(table.to_batches()[0], suite.requests)
    reports = [evaluate_suite(suite, whole).to_json()]
    for size in (7, 50):
        parts = [
            partial_metrics(block, suite.requests)
            for block in reversed(table.to_batches(max_chunksize=size))
        ]
        left = merge_partials(parts[:3])
        merged = merge_partials([*parts[3:], left])
        reports.append(evaluate_suite(suite, merged).to_json())
    assert reports[0] == reports[1] == reports[2]


def test_data_that_cannot_be_measured_fails(cases: Any, tmp_path: Path) -> None:
    suite = load_suite(write_suite(tmp_path / "suite.yaml", cases))
    frames = {"empty": people().head(0), "other": pd.DataFrame({"tags": [["a"]]})}
    for name, frame in frames.items():
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
        report = validate_dataset(path, suite)
        assert not any(result.success for result in report.results[1:])
        assert all(result.detail for result in report.results[1:])
    findings = suite.check_columns(["who", "zip", "salary", "illness", "note"])
    assert {finding.code for finding in findings} == {"E320"}
    assert all("'band'" in finding.message for finding in findings)


def test_a_fault_in_a_suite_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "name: privacy\n"
        "expectations:\n"
        "  - type: expect_table_to_be_k_anonymous\n"
        "    kwargs:\n"
        "      quasi_identifiers: [zip]\n"
        "      k: 1\n"
        "      subject_column: who\n"
        "  - type: expect_table_to_be_t_close\n"
        "    kwargs: {quasi_identifiers: [zip], sensitive_column: illness, t: 0.2}\n"
        "  - type: expect_column_values_to_contain_no_pii\n"
        "    kwargs: {column: note, entity: [PERSON]}\n"
        "  - type: expect_no_direct_identifiers\n"
        "    kwargs: {row_condition: 'zip > 1'}\n"
    )
    with pytest.raises(PolicyError) as raised:
        load_suite(path)
    found = [(one.line, one.code) for one in raised.value.findings]
    assert found == [(6, "E313"), (8, "E313"), (11, "E311"), (13, "E316")]
    assert "k = 1 protects nobody" in str(raised.value)
    assert "subject_column, or rows_are_people" in str(raised.value)


def test_the_command_checks_privacy(cases: Any, tmp_path: Path) -> None:
    data = tmp_path / "people.csv"
    people().to_csv(data, index=False)
    suite = write_suite(tmp_path / "suite.yaml", cases)
    run = CliRunner().invoke(
        app, ["validate", "--data", str(data), "--suite", str(suite)]
    )
    assert run.exit_code == 1
    assert "expect_table_to_be_k_anonymous" in run.output
    assert "ann@example.com" not in run.output
