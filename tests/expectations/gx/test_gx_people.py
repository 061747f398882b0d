"""Personal data in texts, identifiers among columns, people without consent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

PII = "expect_column_values_to_contain_no_pii"
CONSENT = "expect_only_consented_subjects"
IDENTIFIERS = "expect_no_direct_identifiers"

PIECES = ["hello", "ann.lee@example.com", "192.0.2.17", "x@y", "12", "the end", ""]
TEXTS = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from(PIECES), max_size=3).map(" ".join)),
    min_size=1,
    max_size=20,
)
FORMS = {
    "EMAIL_ADDRESS": r"[\w.]+@[\w]+\.com",
    "IP_ADDRESS": r"\d+\.\d+\.\d+\.\d+",
}


@given(TEXTS, st.lists(st.integers(0, 20), max_size=3), st.sampled_from([0.0, 0.4]))
def test_rows_with_personal_data_are_counted(
    expect: Any, measured: Any, texts: Any, cuts: list[int], most: float
) -> None:
    held = {
        e: sum(bool(t and re.search(f, t)) for t in texts) for e, f in FORMS.items()
    }
    bad = sum(any(t and re.search(f, t) for f in FORMS.values()) for t in texts)
    kwargs = {"column": "note", "entities": list(FORMS), "max_violating_fraction": most}
    frame = pd.DataFrame({"note": pd.Series(texts, dtype=object)})
    result = expect(frame, PII, **kwargs)
    assert result.success == (bad / len(texts) <= most)
    details = result.result["details"]
    assert details["violating_rows"] == result.result["observed_value"] == bad
    assert details["rows_by_entity"] == {e: n for e, n in held.items() if n}
    table = pa.table({"note": pa.array(texts, pa.string())})
    blocks = measured(table, cuts, PII, **kwargs)
    assert (blocks.success, blocks.observed) == (result.success, bad)


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("card 4111 1111 1111 1111", "CREDIT_CARD"),
        ("call +44 20 7946 0958", "PHONE_NUMBER"),
        ("DE89 3704 0044 0532 0130 00", "IBAN_CODE"),
        ("ssn 536-90-4399", "NATIONAL_ID"),
        ("00:1b:44:11:3a:b7", "MAC_ADDRESS"),
    ],
)
def test_each_default_entity_is_found(expect: Any, text: str, entity: str) -> None:
    frame = pd.DataFrame({"note": ["nothing here", text, "<PERSON_7F3A> was here"]})
    result = expect(frame, PII, column="note")
    assert not result.success
    assert result.result["details"]["rows_by_entity"][entity] == 1
    assert result.result["observed_value"] == 1


def test_names_need_the_model(expect: Any) -> None:
    frame = pd.DataFrame({"note": ["My name is Maria Schneider", "fine"]})
    with pytest.raises(ValueError, match="engine: model"):
        expect(frame, PII, column="note", entities=["PERSON"])
    with pytest.raises(ValueError, match="unknown entity"):
        expect(frame, PII, column="note", entities=["NAME_OF_PET"])
    result = expect(frame, PII, column="note", entities=["PERSON"], engine="model")
    assert not result.success
    assert result.result["observed_value"] == 1


PEOPLE = st.lists(
    st.sampled_from(["ann", "ANN ", "bob", "cy", "dee", "", "null", None]),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_people_without_consent_are_counted(
    expect: Any, measured: Any, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"consented{suffix}"
    listed = pa.table({"person": ["Ann", "bob", None, "zoe"]})
    if suffix == ".parquet":
        pq.write_table(listed, path)
    elif suffix == ".csv":
        path.write_text("person\nAnn\nbob\n\nzoe\n")
    else:
        path.write_text('{"person": "Ann"}\n{"person": "bob"}\n{"person": "zoe"}\n')
    kwargs = {
        "subject_column": "who",
        "snapshot": str(path),
        "snapshot_column": "person",
    }

    @given(PEOPLE, st.lists(st.integers(0, 20), max_size=3))
    def law(people: Any, cuts: list[int]) -> None:
        names = [(p or "").strip().lower() for p in people]
        nobody = sum(name in ("", "null") for name in names)
        strangers = [n for n in names if n in ("cy", "dee")]
        frame = pd.DataFrame({"who": pd.Series(people, dtype=object)})
        result = expect(frame, CONSENT, **kwargs)
        assert result.success == (nobody == 0 and not strangers)
        details = result.result["details"]
        assert details["rows_without_subject"] == nobody
        assert details["unconsented_rows"] == len(strangers)
        assert details["unconsented_subjects"] == len(set(strangers))
        assert details["consented_subjects"] == 3
        table = pa.table({"who": pa.array(people, pa.string())})
        blocks = measured(table, cuts, CONSENT, **kwargs)
        assert dict(blocks.counts) == {key: details[key] for key in blocks.counts}

    law()


def test_a_snapshot_that_is_not_there_or_lists_nobody_fails(
    expect: Any, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"who": ["ann"]})
    path = tmp_path / "people.csv"
    kwargs = {"subject_column": "who", "snapshot": str(path)}
    problems = []
    for text in (None, "who\n", "other\nann\n", "who\nnull\n", "\xff"):
        if text is not None:
            path.write_text(text, encoding="latin-1")
        result = expect(frame, CONSENT, **kwargs)
        assert not result.success
        problems.append(result.result["details"]["problem"])
    assert all("snapshot" in problem for problem in problems)
    path.write_text("who\nann\n")
    assert expect(frame, CONSENT, **kwargs).success  # read again, as it changed
    with pytest.raises(ValueError, match="snapshot"):
        expect(frame, CONSENT, subject_column="who", snapshot="people.xls")


CLEAN = pd.DataFrame(
    {
        "os": ["iOS", "Android"] * 5,
        "price": range(10),
        "note": ["good", "bad"] * 5,
        "token": [f"{n:x}" * 8 for n in range(10)],
    }
)


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("contact", ["a@b.example"] + ["-"] * 9, "by_value"),  # one is enough
        ("origin", [f"198.51.100.{n}" for n in range(10)], "by_value"),
        ("ref", ["6fa459ea-ee8a-3ca4-894e-db77e160355e"] * 10, "by_value"),
        ("number", [4111111111111111, 5500005555555559] * 5, "by_value"),
        ("user.email", ["x"] * 10, "by_name"),
        ("deviceId", ["x"] * 10, "by_name"),
    ],
)
def test_direct_identifiers_are_named(
    expect: Any, column: str, values: list[Any], why: str
) -> None:
    assert expect(CLEAN, IDENTIFIERS).success
    frame = CLEAN.assign(**{column: values})
    result = expect(frame, IDENTIFIERS)
    assert not result.success
    assert list(result.result["details"][why]) == [column]
    assert expect(frame, IDENTIFIERS, allowed_columns=[column]).success


VALUES = st.lists(
    st.sampled_from(["fine", "ann@example.com", "00:1b:44:11:3a:b7"]),
    min_size=6,
    max_size=6,
)


@given(VALUES, VALUES, st.lists(st.integers(0, 6), max_size=2))
def test_identifiers_are_those_of_brute_force(
    expect: Any, measured: Any, left: list[str], right: list[str], cuts: list[int]
) -> None:
    bad = [
        name
        for name, values in (("left", left), ("right", right))
        if any("@" in value or ":" in value for value in values)
    ]
    frame = pd.DataFrame({"left": left, "right": right})
    result = expect(frame, IDENTIFIERS)
    assert (result.success, sorted(result.result["details"]["by_value"])) == (
        not bad,
        bad,
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    assert sorted(measured(table, cuts, IDENTIFIERS).counts["by_value"]) == bad


def test_what_cannot_be_read_for_identifiers_fails(expect: Any) -> None:
    frame = CLEAN.assign(tags=pd.Series([["a"]] * 10, dtype=object))
    result = expect(frame, IDENTIFIERS)
    assert not result.success
    assert result.result["details"]["columns_not_read"] == ["tags"]
