"""Every name that a caller gives is that of a column, and no index comes out unasked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import apache_beam as beam
import pandas as pd
import pyarrow as pa
import pytest
from apache_beam.pvalue import Row
from apache_beam.testing.util import assert_that

import optin
from optin.policies.errors import GateError, InputError
from optin.transforms import KAnonymize

SIZE = 24
COLUMNS: dict[str, list[Any]] = {
    "who": [f"w{i}" for i in range(SIZE)],
    "v": [f"v{i}" for i in range(SIZE)],
    "age": [20 + i % 2 for i in range(SIZE)],
    "ill": [["flu", "cold"][i // 2 % 2] for i in range(SIZE)],
    "label": [["yes", "no"][i % 2] for i in range(SIZE)],
}
SOME = [i for i in range(SIZE) if i != 3]  # whose index is no range
TABLE = pa.table(COLUMNS)
ASKED: dict[str, Any] = {"subject": "who", "quasi_identifiers": ["age"], "k": 3}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"subject": ["who", "vv"]}, "vv"),
    ({"subject": ["whoo"]}, "whoo"),
    ({"quasi_identifiers": ["age", "agee"]}, "agee"),
    ({"quasi_identifiers": {"age": None, "agee": {"widths": [5]}}}, "agee"),
    ({"sensitive": {"il": {"l": 2}}}, "il"),
]


@pytest.mark.parametrize(("asked", "name"), WRONG)
def test_a_wrong_name_is_refused(asked: dict[str, Any], name: str) -> None:
    message = rf"lacks column\(s\) {name}\. Did you mean"
    with pytest.raises(InputError, match=message):
        optin.kanonymize(TABLE, **ASKED | asked)
    rows = [Row(**row) for row in TABLE.to_pylist()]
    pipeline = beam.Pipeline()
    with pytest.raises(InputError, match=message):
        _ = pipeline | beam.Create(rows) | KAnonymize(**ASKED | asked)


def test_a_wrong_name_is_refused_in_blocks() -> None:
    pipeline = beam.Pipeline("DirectRunner")
    asked = ASKED | {"subject": ["who", "vv"]}
    _ = pipeline | beam.Create(TABLE.to_batches()) | KAnonymize(**asked)
    with pytest.raises(Exception, match=r"lacks column\(s\) vv"):
        pipeline.run()


def test_all_columns_of_a_subject_go() -> None:
    coarse, _ = optin.kanonymize(TABLE, **ASKED | {"subject": ["who", "v"]})
    assert coarse.column_names == ["age", "ill", "label"]


@pytest.mark.parametrize("target", ["who", "age", "labels", "ill.x"])
def test_a_target_is_a_column_that_comes_out(target: str) -> None:
    with pytest.raises(InputError, match=f"target '{target}' must be a column"):
        optin.kanonymize(TABLE, **ASKED, target=target)


@pytest.mark.parametrize("name", ["who", "age", "label"])
def test_two_columns_of_one_name_are_refused(name: str) -> None:
    twice = TABLE.append_column(name, TABLE.column(name))
    with pytest.raises(InputError, match=f"more than one column {name}"):
        optin.kanonymize(twice, **ASKED)


@pytest.mark.parametrize("arrow", [False, True])
@pytest.mark.parametrize("levels", [1, 2])
def test_an_index_without_a_name_stays_at_home(levels: int, *, arrow: bool) -> None:
    frame = pd.DataFrame(COLUMNS)
    if levels == 1:
        frame.index = pd.Index([f"mail{i}@example.org" for i in range(SIZE)])
    else:
        frame.index = pd.MultiIndex.from_arrays([range(SIZE), range(7, SIZE + 7)])
    given = pa.Table.from_pandas(frame) if arrow else frame
    coarse, _ = optin.kanonymize(given, **ASKED)
    assert coarse.column_names == ["v", "age", "ill", "label"]
    coarse, _ = optin.kanonymize(frame.iloc[SOME], **ASKED)
    assert coarse.column_names == ["v", "age", "ill", "label"]


def test_an_index_without_a_name_stays_at_home_in_a_pipeline() -> None:
    frame = pd.DataFrame(COLUMNS)
    batches = pa.Table.from_pandas(frame.iloc[SOME]).to_batches()
    assert "__index_level_0__" in batches[0].schema.names

    def narrow(blocks: list[pa.RecordBatch]) -> None:
        (block,) = blocks
        assert block.schema.names == ["v", "age", "ill", "label"]

    with beam.Pipeline("DirectRunner") as pipeline:
        assert_that(pipeline | beam.Create(batches) | KAnonymize(**ASKED), narrow)


@pytest.mark.parametrize("name", ["v", "who"])
def test_an_index_with_a_name_is_refused(name: str) -> None:
    frame = pd.DataFrame(COLUMNS).set_index(name)
    with pytest.raises(InputError, match=rf"\({name}\).*reset_index") as refusal:
        optin.kanonymize(frame, **ASKED)
    assert "w1" not in str(refusal.value)
    coarse, _ = optin.kanonymize(frame.reset_index(), **ASKED)
    assert set(coarse.column_names) == {"v", "age", "ill", "label"}


def test_an_index_is_no_column_to_deidentify(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    frame = pd.DataFrame(COLUMNS)
    clean, _ = optin.deidentify(frame.iloc[SOME], policy)
    assert clean.column_names == ["age", "label"]
    with pytest.raises(InputError, match=r"\(label\).*reset_index"):
        optin.deidentify(frame.set_index("label"), policy)


POLICY = """\
version: 1
name: visits
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events/
  event_time: {field: at}
  subject: [who]
unlisted_columns: error
consent: {require: [{signal: training, field: ok, grant: [true], deny: [false]}]}
columns:
  - {name: who, type: user_id, action: drop}
  - {name: v, type: user_id, action: drop}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: age}
  - {name: ill, type: category, action: drop}
  - {name: label, type: category, action: keep}
anonymity: {k: 6}
output: {path: out/}
audit: {path: audit/}
"""


def test_buckets_say_that_they_do_not_heed_a_target() -> None:
    many = pa.table(
        {
            "who": [f"w{i}" for i in range(400)],
            "age": [i % 100 for i in range(400)],
            "label": [["yes", "no"][i % 2] for i in range(400)],
        }
    )
    asked = ASKED | {"recoding": "local", "suppress_max": 0.5}
    with pytest.warns(UserWarning, match="target 'label' is not heeded"):
        optin.kanonymize(many, **asked, target="label", most_pairs=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optin.kanonymize(many, **asked, target="label")
        optin.kanonymize(many, **asked, most_pairs=100)


@pytest.mark.parametrize("recoding", ["global", "local"])
def test_advice_is_not_what_was_done_already(recoding: str) -> None:
    with pytest.raises(GateError, match="max_ncp") as refusal:
        optin.kanonymize(
            TABLE, **ASKED | {"k": 20}, recoding=recoding, utility={"max_ncp": 0.01}
        )
    text = str(refusal.value)
    assert ("use recoding 'local'" in text) == (recoding == "global")
    assert "anonymity." not in text


def test_nobody_is_asked_for_consent_and_no_policy_is_meant() -> None:
    same = TABLE.set_column(3, "ill", pa.array(["flu"] * SIZE))
    with pytest.raises(GateError) as rule:
        optin.kanonymize(same, **ASKED, sensitive={"ill": {"l": 2}})
    with pytest.raises(GateError) as few:
        optin.kanonymize(TABLE, **ASKED | {"k": 20}, sensitive={"ill": {"l": 3}})
    listed = {"ill": {"t": 0.3, "distance": "ordered", "order": ["flu", "ok"]}}
    with pytest.raises(GateError) as unknown:
        optin.kanonymize(TABLE, **ASKED, sensitive=listed)
    for refusal in (rule, few, unknown):
        assert "consent" not in str(refusal.value)
        assert "anonymity." not in str(refusal.value)
