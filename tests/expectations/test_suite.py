"""Every mistake in a suite is found, with its place; nothing is skipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.expectations import Suite, load_suite, prepare_suite
from optin.expectations.located import parse_located
from optin.policies.errors import InputError, PolicyError

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=10,
)


def errors_of(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as raised:
        load_suite(path)
    found = raised.value.findings
    assert all(item.file == str(path) for item in found)
    return [f"{item.line}:{item.column} {item.code} {item.message}" for item in found]


def one_error(path: Path, kind: str, kwargs: dict[str, Any]) -> str:
    listed = [{"type": kind, "kwargs": kwargs}]
    (error,) = errors_of(path, json.dumps({"name": "s", "expectations": listed}))
    return error


def test_json_and_yaml_give_the_same_suite(tmp_path: Path) -> None:
    text = """
name: clicks
meta: {owner: data}
expectations:
  - type: expect_column_values_to_be_in_set
    kwargs: {column: country, value_set: ["NO", DE], mostly: 0.9}
    meta: {note: two letters}
    severity: warning
  - type: expect_column_min_to_be_between
    kwargs:
      column: day
      min_value: 2024-01-01   # a date without quotes stays text
"""
    (tmp_path / "a.yaml").write_text(text)
    loaded = load_suite(tmp_path / "a.yaml")
    same = {
        "name": "clicks",
        "expectations": [
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {
                    "column": "country",
                    "value_set": ["NO", "DE"],
                    "mostly": 0.9,
                },
            },
            {
                "type": "expect_column_min_to_be_between",
                "kwargs": {"column": "day", "min_value": "2024-01-01"},
            },
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(same))
    other = load_suite(tmp_path / "a.json")
    assert [c.kwargs for c in loaded.checks] == [c.kwargs for c in other.checks]
    assert loaded.requests == other.requests
    assert loaded.checks[0].meta == {"note": "two letters"}
    assert (loaded.checks[1].line, loaded.checks[1].column) == (9, 5)


def test_all_errors_are_reported_in_file_order(tmp_path: Path) -> None:
    text = """name: s
expectations:
  - type: expect_column_values_to_be_in_sett
    kwargs: {column: a}
  - type: expect_column_values_to_match_regex
    kwargs: {colum: a, regex: "(?=x)"}
  - type: expect_column_values_to_be_between
    kwargs: {column: a, min_value: 3, max_value: 1}
  - type: expect_column_values_to_not_be_null
    kwargs: {column: No, mostly: 1.5}
"""
    errors = errors_of(tmp_path / "s.yaml", text)
    heads = [error.split(" ", 2)[:2] for error in errors]
    assert heads == [
        ["3:11", "E310"],  # did you mean …_set
        ["5:5", "E312"],  # column is needed
        ["6:14", "E311"],  # colum
        ["6:31", "E315"],  # RE2 has no look-ahead
        ["7:5", "E314"],  # 3 > 1
        ["10:22", "E304"],  # an unquoted No
        ["10:34", "E313"],  # mostly is a share
    ]
    assert "Did you mean 'expect_column_values_to_be_in_set'?" in errors[0]
    assert "expect_table_row_count_to_equal" in errors[0]  # the supported ones
    assert "Did you mean 'column'?" in errors[2]


@pytest.mark.parametrize(
    ("kind", "kwargs", "code"),
    [
        (
            "expect_table_row_count_to_equal_other_table",
            {"other_table_name": "b"},
            "E310",
        ),
        (
            "expect_column_values_to_be_null",
            {"column": "a", "row_condition": "a>1"},
            "E316",
        ),
        ("expect_column_values_to_be_null", {"column": {"$PARAMETER": "x"}}, "E313"),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}, "E313"),
        (
            "expect_column_values_to_be_in_set",
            {"column": "a", "value_set": [1, "1"]},
            "E313",
        ),
        (
            "expect_column_values_to_be_in_set",
            {"column": "a", "value_set": [None]},
            "E313",
        ),
        (
            "expect_column_values_to_be_in_set",
            {"column": "a", "value_set": [True, 1]},
            "E313",
        ),
        ("expect_column_values_to_be_between", {"column": "a"}, "E312"),
        (
            "expect_column_values_to_be_between",
            {"column": "a", "min_value": "b"},
            "E313",
        ),
        (
            "expect_column_values_to_be_of_type",
            {"column": "a", "type_": "strr"},
            "E313",
        ),
        ("expect_column_mean_to_be_between", {"column": "a", "min_value": "1"}, "E313"),
        ("expect_table_row_count_to_equal", {"value": 1.5}, "E313"),
        (
            "expect_column_unique_value_count_to_be_between",
            {"column": "a", "max_value": 100_001},
            "E314",
        ),
    ],
)
def test_expectation_is_refused_when_it_cannot_be_checked(
    tmp_path: Path, kind: str, kwargs: dict[str, Any], code: str
) -> None:
    assert f" {code} " in one_error(tmp_path / "s.json", kind, kwargs)


def test_suite_is_refused_when_it_is_empty_or_of_the_old_form(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    (error,) = errors_of(path, '{"name": "s", "expectations": []}')
    assert "E303" in error
    old = '{"expectation_suite_name": "s", "expectations": [{"expectation_type": "x"}]}'
    errors = errors_of(path, old)
    assert any("before 1.0; write 'type'" in error for error in errors)
    (error,) = errors_of(path, '{"name": "s", "name": "t", "expectations": [1]}')[:1]
    assert "1:15 E302" in error


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"name": "s",\n "expectations": [}', "2:19"),
        ('{"name": "s" "x": 1}', "1:14"),
        ('{"name": NaN}', "1:10"),
        ('{"name": "a\nb"}', "1:12"),
        ("{} {}", "1:4"),
        ("", "1:1"),
        ("[" * 100, "1:34"),  # deeper than 32 levels
    ],
)
def test_place_is_given_when_json_is_broken(
    tmp_path: Path, text: str, place: str
) -> None:
    (error,) = errors_of(tmp_path / "s.json", text)
    assert error.startswith(f"{place} E300 not valid JSON")


@pytest.mark.parametrize(
    "text", ["name: [", "a: &x 1\nb: *x", "", "\x00", "[" * 5000, "a: 'x"]
)
def test_yaml_is_refused_when_it_is_broken_or_has_aliases(
    tmp_path: Path, text: str
) -> None:
    (error,) = errors_of(tmp_path / "s.yaml", text)
    assert " E300 " in error


@given(JSON_VALUES, st.sampled_from([None, 1, 4]))
def test_json_reads_as_the_standard_library_does(
    value: object, indent: int | None
) -> None:
    text = json.dumps(value, indent=indent)
    node, findings = parse_located(text, "x.json", as_json=True)
    assert node.plain() == json.loads(text)
    assert not findings


def test_missing_or_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_suite(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(InputError, match="UTF-8"):
        load_suite(tmp_path / "latin.json")


def test_columns_are_found_when_the_release_lacks_them(
    make_suite: Callable[..., Suite],
) -> None:
    suite = make_suite(
        ("expect_column_values_to_not_be_null", {"column": "device.modl"}),
        ("expect_column_values_to_not_be_null", {"column": "clicked"}),
        ("expect_table_row_count_to_equal", {"value": 3}),
    )
    (finding,) = suite.check_columns(["clicked", "device.model"])
    assert finding.code == "E320"
    assert "Did you mean 'device.model'?" in finding.message


def test_great_expectations_accepts_what_the_loader_accepts(
    make_suite: Callable[..., Suite],
) -> None:
    prepare_suite(
        make_suite(
            (
                "expect_column_values_to_be_between",
                {"column": "a", "min_value": "2024-01-01"},
            ),
            ("expect_column_min_to_be_between", {"column": "a", "max_value": 2.5}),
        )
    )


def test_suite_written_by_great_expectations_loads(tmp_path: Path) -> None:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    suite = gx.ExpectationSuite(
        name="from_gx",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="a", mostly=0.9),
            gxe.ExpectColumnValuesToBeInSet(
                column="a", value_set=["x"], severity=FailureSeverity.WARNING
            ),
            gxe.ExpectColumnMaxToBeBetween(column="b", max_value=3, strict_max=True),
        ],
    )
    path = tmp_path / "suite.json"
    path.write_text(json.dumps(suite.to_json_dict()))
    loaded = load_suite(path)
    assert [check.type for check in loaded.checks] == [
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_in_set",
        "expect_column_max_to_be_between",
    ]
    assert loaded.checks[0].kwargs == {"column": "a", "mostly": 0.9}
