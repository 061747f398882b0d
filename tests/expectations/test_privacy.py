"""Privacy checks follow the policy and fail closed on the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from optin.expectations import (
    CheckResult,
    ClassCounts,
    Evidence,
    RecordCounts,
    derive_checks,
    evaluate_checks,
    partial_metrics,
)
from optin.policies.model import Policy
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.deidentify.residual import ResidualCounts
from optin.transforms.kanonymity.subjects import LinkReport

COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "user", "type": "user_id", "action": "hmac"},
    {"name": "mail", "type": "email", "action": "drop"},
    {
        "name": "born",
        "type": "birth_year",
        "action": "bucket",
        "width": 10,
        "quasi": True,
    },
    {"name": "note", "type": "free_text", "action": "scan"},
)
OUTPUT = pa.RecordBatch.from_pydict({"user": ["p"], "born": ["1980"], "note": ["hi"]})
EVIDENCE = Evidence(
    partial=partial_metrics(OUTPUT, ()),
    # 6 read = 3 kept + 2 dropped + 1 quarantined; 3 kept = 1 published + 2 suppressed.
    records=RecordCounts(6, 3, 2, 1, suppressed=2, published=1),
    classes=ClassCounts(1, 0, 0),
    pii_rows={"EMAIL_ADDRESS": 0},
    residual={"note": ResidualCounts(1)},
)


def policy(*columns: dict[str, Any], **changes: Any) -> Policy:
    document: dict[str, Any] = {
        "version": 1,
        "name": "events",
        "purpose": "train_ai_system",
        "input": {
            "format": "parquet",
            "path": "in",
            "event_time": {"field": "ts"},
            "subject": ["user"],
        },
        "consent": {"require": [{"signal": "att"}]},
        "columns": columns or COLUMNS,
        "pii": {"entities": ["EMAIL_ADDRESS"]},
        "anonymity": {"k": 2},
        "output": {"path": "out"},
        "audit": {"path": "audit"},
    }
    return Policy.model_validate({**document, **changes})


def outcome(evidence: Evidence, of: Policy | None = None) -> dict[str, CheckResult]:
    results = evaluate_checks(derive_checks(of or policy()), evidence)
    return {result.name: result for result in results}


def test_every_check_passes_when_the_evidence_is_good() -> None:
    results = outcome(EVIDENCE)
    assert list(results) == [
        "expect_table_columns_to_match_ordered_list",
        "expect_table_row_count_to_be_between",
        "optin_no_direct_identifier_kept",
        "optin_records_conserved",
        "optin_only_consented_rows",
        "optin_subjects_per_class_at_least_k",
        "optin_no_pii_in_scanned_columns",
        "optin_no_residual_pii",
    ]
    assert all(result.success is True for result in results.values())
    assert results["expect_table_columns_to_match_ordered_list"].kwargs == {
        "column_list": ["user", "born", "note"]
    }


RECORDS = EVIDENCE.records
assert RECORDS is not None


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        (
            {"partial": partial_metrics(OUTPUT.slice(0, 0), ())},
            {"expect_table_row_count_to_be_between", "optin_only_consented_rows"},
        ),
        (
            {"partial": partial_metrics(OUTPUT.select([1, 0, 2]), ())},
            {"expect_table_columns_to_match_ordered_list"},
        ),
        (
            {
                "partial": partial_metrics(
                    OUTPUT.append_column("mail", pa.array(["m"])), ()
                )
            },
            {"expect_table_columns_to_match_ordered_list"},
        ),
        ({"records": replace(RECORDS, read=7)}, {"optin_records_conserved"}),
        ({"records": replace(RECORDS, published=2)}, {"optin_only_consented_rows"}),
        ({"records": replace(RECORDS, suppressed=1)}, {"optin_only_consented_rows"}),
        ({"classes": ClassCounts(2, 1, 1)}, {"optin_subjects_per_class_at_least_k"}),
        ({"classes": ClassCounts(0, 0, 0)}, {"optin_subjects_per_class_at_least_k"}),
        ({"pii_rows": {"EMAIL_ADDRESS": 1}}, {"optin_no_pii_in_scanned_columns"}),
        (
            {"residual": {"note": ResidualCounts(9, certain={"SECRET": 1})}},
            {"optin_no_residual_pii"},
        ),
    ],
)
def test_one_check_fails_when_one_thing_is_wrong(
    changes: dict[str, Any], failed: set[str]
) -> None:
    results = outcome(replace(EVIDENCE, **changes))
    assert {name for name, result in results.items() if not result.success} == failed
    assert all(results[name].success is False for name in failed)


def test_check_is_not_checked_when_there_is_no_evidence() -> None:
    results = outcome(Evidence(partial=EVIDENCE.partial))
    unknown = {name for name, result in results.items() if result.success is None}
    assert unknown == {
        "optin_no_pii_in_scanned_columns",
        "optin_no_residual_pii",
        "optin_only_consented_rows",
        "optin_records_conserved",
        "optin_subjects_per_class_at_least_k",
    }
    assert all(results[name].detail.startswith("not checked: ") for name in unknown)


def test_identifier_is_found_when_it_is_kept() -> None:
    kept = policy({"name": "user", "type": "user_id", "action": "keep"})
    result = outcome(EVIDENCE, kept)["optin_no_direct_identifier_kept"]
    assert result.success is False
    assert result.kwargs == {"columns": ["user"]}


def test_pii_is_not_asked_for_when_no_column_is_scanned() -> None:
    names = [check.type for check in derive_checks(policy(*COLUMNS[:3]))]
    assert "optin_no_pii_in_scanned_columns" not in names


@pytest.mark.parametrize(
    ("people", "user", "success"),
    [
        (LinkReport(5, 0, 2), LinkReport(5, 0, 2), (True, True)),
        (LinkReport(5, 1, 2), LinkReport(5, 0, 2), (False, True)),
        (LinkReport(5, 0, 2), LinkReport(4, 1, 3), (False, True)),
        (LinkReport(5, 0, 3), LinkReport(5, 0, 3), (True, False)),
        (LinkReport(0, 0, 0), LinkReport(0, 0, 0), (False, False)),
        (LinkReport(5, 0, 2), None, (None, True)),
        (None, None, (None, None)),
    ],
)
def test_people_stand_in_one_class_and_within_the_cap(
    people: LinkReport | None,
    user: LinkReport | None,
    success: tuple[bool | None, bool | None],
) -> None:
    of = policy(
        anonymity={
            "k": 2,
            "subject": {"publish": "pseudonym"},
            "contribution_cap": 2,
        }
    )
    assert of.anonymity.subject.harmonise == "most_common"  # the default, written out
    links = {
        key: report
        for key, report in ((SUBJECT, people), ("user", user))
        if report is not None
    }
    results = outcome(replace(EVIDENCE, links=links or None), of)
    found = (
        results["optin_one_class_per_person"],
        results["optin_rows_per_person_within_cap"],
    )
    assert tuple(result.success for result in found) == success
    assert found[0].kwargs == {"harmonise": "most_common", "identifiers": ["user"]}


def test_capped_records_are_accounted_for() -> None:
    assert RECORDS is not None
    assert RECORDS.kept == 3
    for capped, suppressed, success in ((1, 1, True), (1, 2, False), (0, 1, False)):
        records = replace(RECORDS, capped=capped, suppressed=suppressed)
        result = outcome(replace(EVIDENCE, records=records))
        assert result["optin_only_consented_rows"].success is success
