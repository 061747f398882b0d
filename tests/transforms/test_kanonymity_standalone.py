"""k-anonymity for users of data frames, rows, policies and Beam YAML."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from apache_beam.pvalue import Row
from apache_beam.testing.util import assert_that

import optin
from optin.policies import load_policy
from optin.policies.errors import OptinError, PolicyError
from optin.transforms import KAnonymize
from optin.transforms.beam_yaml import PROVIDERS
from optin.transforms.kanonymity import LocalRecoding

ROWS = 900
QUASI: dict[str, Any] = {"age": {"widths": [5, 10, 20, 40]}, "place": "country"}
ASKED: dict[str, Any] = {
    "subject": "user",
    "quasi_identifiers": QUASI,
    "k": 6,
    "sensitive": {"illness": {"l": 2}},
}
POLICY = """\
version: 1
name: visits
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events/
  root: data
  event_time: {field: at}
  subject: [user.id, user.mail]
consent: {require: [{signal: training, field: ok, grant: [true], deny: [false]}]}
columns:
  - {name: user.id, type: user_id, action: drop}
  - {name: user.mail, type: email, action: drop}
  - {name: illness, type: category, action: keep}
  - name: user.age
    type: age_years
    action: keep
    quasi: true
    hierarchy: {widths: [5, 10, 20, 40]}
  - {name: place, type: country, action: keep, quasi: true, hierarchy: country}
  - {name: seen, type: ip_address}
anonymity: {k: 6, sensitive: {illness: {l: 2}}}
output: {path: release/}
audit: {path: audit/}
"""


def visits() -> dict[str, list[Any]]:
    rng = np.random.default_rng(8)
    who = rng.integers(1, 120, ROWS)
    return {
        "user": [f"u{one}" for one in who],
        "age": (20 + who % 40).tolist(),
        "place": [["DE", "FR", "PL", "US"][one % 4] for one in who],
        "illness": [["flu", "cold", "ok"][one % 3] for one in rng.integers(0, 3, ROWS)],
        "row": list(range(ROWS)),
    }


def held(rows: list[dict[str, Any]], owners: list[str], k: int, most: int) -> None:
    """Count people and illnesses of every class by hand."""
    people: dict[Any, set[str]] = defaultdict(set)
    illnesses: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        people[row["age"], row["place"]].add(owners[row["row"]])
        illnesses[row["age"], row["place"]].add(row["illness"])
    assert len(people) > 3  # not everything became `*`
    assert all(len(one) >= k for one in people.values())
    assert all(len(one) >= 2 for one in illnesses.values())
    assert len(rows) >= most


@pytest.mark.parametrize("recoding", ["global", "local"])
@pytest.mark.parametrize("frame", ["pandas", "polars", "arrow", "batch", "duckdb"])
def test_any_data_frame_gives_the_same_table(frame: str, recoding: str) -> None:
    columns = visits()
    table = pa.table(columns)
    frames: dict[str, Any] = {
        "pandas": pd.DataFrame(columns),
        "polars": pl.DataFrame(columns),
        "arrow": pa.concat_tables([table.slice(0, 17), table.slice(17)]),
        "batch": pa.RecordBatch.from_pydict(columns),
        "duckdb": duckdb.connect().from_arrow(table),
    }
    out, summary = optin.kanonymize(frames[frame], **ASKED, recoding=recoding)
    expected, _ = optin.kanonymize(table, **ASKED, recoding=recoding)
    assert out.to_pydict() == expected.to_pydict()
    assert out.column_names == ["age", "place", "illness", "row"]
    held(out.to_pylist(), columns["user"], 6, round(ROWS * 0.95))
    assert summary.rows == ROWS
    assert summary.published_rows == out.num_rows
    assert summary.suppressed_share == 1 - out.num_rows / ROWS
    assert summary.k_reached >= 6
    assert summary.sensitive["illness"].diversity in (2.0, 3.0)


def test_a_table_needs_no_beam() -> None:
    code = (
        "import sys, optin, pyarrow as pa\n"
        "table = pa.table({'who': ['a', 'b', 'c', 'd'], 'age': [1, 2, 1, 2]})\n"
        "out, summary = optin.kanonymize(\n"
        "    table, subject='who', quasi_identifiers=['age'], k=2)\n"
        "print(out.num_rows, 'apache_beam' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "4 False"


def test_people_are_compared_as_a_run_compares_them() -> None:
    # Four spellings of one person, and three of nobody: two people are not three.
    who = ["Mia", " mia ", "MIA", "mia", None, "", "null"]
    table = pa.table({"who": who, "x": ["a"] * 7})
    asked: dict[str, Any] = {"subject": "who", "quasi_identifiers": ["x"]}
    with pytest.raises(optin.policies.errors.GateError, match="fewer than 3 distinct"):
        optin.kanonymize(table, **asked, k=3)
    assert optin.kanonymize(table, **asked, k=2)[1].k_reached == 2
    # The second column speaks where the first names nobody.
    more = table.append_column("mail", pa.array([*["x"] * 4, "b", "c", "d"]))
    asked["subject"] = ["who", "mail"]
    assert optin.kanonymize(more, **asked, k=4)[1].k_reached == 4


def test_numbers_without_a_hierarchy_are_an_axis() -> None:
    table = pa.table({"who": list("abcd"), "x": [1, 2, 11, 12], "y": ["p"] * 4})
    out, _ = optin.kanonymize(
        table,
        subject="who",
        quasi_identifiers=["x", "y"],
        k=2,
        recoding="local",
        labels="ranges",
    )
    assert out.column("x").to_pylist() == ["[1, 2]", "[1, 2]", "[11, 12]", "[11, 12]"]


class Person(NamedTuple):
    """Who."""

    id: str | None
    mail: str | None
    age: int


class Visit(NamedTuple):
    """A row with a row in it."""

    user: Person
    place: str
    illness: str | None
    row: int


@pytest.mark.parametrize("recoding", ["global", "local"])
def test_rows_come_out_as_a_table_would(recoding: str) -> None:
    columns = visits()
    expected, summary = optin.kanonymize(pa.table(columns), **ASKED, recoding=recoding)
    rows = [
        dict(zip(columns, v, strict=True)) for v in zip(*columns.values(), strict=True)
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        typed = (
            pipeline
            | beam.Create(rows)
            | beam.Map(
                lambda row: Row(
                    user=str(row["user"]),
                    age=int(row["age"]),
                    place=str(row["place"]),
                    illness=str(row["illness"]),
                    row=int(row["row"]),
                )
            )
        )
        out = typed | KAnonymize(**ASKED, recoding=recoding, summary=True)
        fields = dict(out["rows"].element_type._fields)
        assert list(fields) == ["age", "place", "illness", "row"]
        assert fields["age"] is str

        def same(found: list[Any]) -> None:
            plain = sorted((one._asdict() for one in found), key=lambda one: one["row"])
            assert plain == expected.to_pylist()

        assert_that(out["rows"] | beam.Reshuffle(), same, "rows")

        def told(found: list[Any]) -> None:
            (one,) = found
            assert one["ncp"] == summary.ncp
            assert one["k_reached"] == summary.k_reached
            assert one["published_rows"] == expected.num_rows
            assert "recoding" not in one

        assert_that(out["summary"], told, "summary")


def test_fields_of_named_tuples_in_named_tuples() -> None:
    columns = visits()
    expected, _ = optin.kanonymize(pa.table(columns), **ASKED)
    rows = [
        Visit(Person(user, None, age), place, illness, row)
        for user, age, place, illness, row in zip(*columns.values(), strict=True)
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        out = (
            pipeline
            | beam.Create(rows).with_output_types(Visit)
            | KAnonymize(
                subject=["user.mail", "user.id"],
                quasi_identifiers={"user.age": QUASI["age"], "place": "country"},
                k=6,
                sensitive={"illness": {"l": 2}},
            )
        )
        inner = dict(dict(out.element_type._fields)["user"]._fields)
        assert inner == {"age": str}

        def same(found: list[Any]) -> None:
            plain = sorted(
                (one.row, one.user.age, one.place, one.illness) for one in found
            )
            names = ("row", "age", "place", "illness")
            wanted = zip(*(expected.column(n).to_pylist() for n in names), strict=True)
            assert plain == list(wanted)

        assert_that(out, same)


def test_a_recoding_is_loaded_once_however_many_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads: list[int] = []

    def counted(self: LocalRecoding, state: dict[str, Any]) -> None:
        loads.append(1)
        self.__dict__.update(state)

    monkeypatch.setattr(LocalRecoding, "__setstate__", counted, raising=False)
    for seed in (1, 2):  # another run has another recoding
        table = pa.table(visits())
        table = table.set_column(1, "age", pa.array(np.arange(ROWS) % 37 + seed))
        expected, _ = optin.kanonymize(table, **ASKED, recoding="local")
        with beam.Pipeline("FnApiRunner") as pipeline:
            blocks = pipeline | beam.Create(table.to_batches(max_chunksize=20))
            out = blocks | KAnonymize(**ASKED, recoding="local")
            labels = out | beam.FlatMap(lambda block: block.to_pylist())

            def same(found: list[Any], wanted: pa.Table = expected) -> None:
                key = lambda row: row["row"]  # noqa: E731
                assert sorted(found, key=key) == wanted.to_pylist()

            assert_that(labels, same)
        assert len(loads) == seed


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def nested(columns: dict[str, list[Any]]) -> pa.Table:
    people = [
        {"id": "", "mail": f"{user}@example.com", "age": str(age)}
        for user, age in zip(columns["user"], columns["age"], strict=True)
    ]
    data = [
        {"user": person, "place": place, "illness": illness, "seen": "203.0.113.9"}
        for person, place, illness in zip(
            people, columns["place"], columns["illness"], strict=True
        )
    ]
    return pa.table({"data": data, "stray": columns["row"]})


def test_a_policy_says_it_all(policy: Path) -> None:
    columns = visits()
    expected, wanted = optin.kanonymize(pa.table(columns), **ASKED)
    for given in (policy, str(policy), load_policy(policy)):
        out, summary = optin.kanonymize(nested(columns), given)
        # Neither the address, which the policy truncates, nor what it does not list.
        assert out.column_names == ["illness", "user.age", "place"]
        for name, other in (("illness", "illness"), ("user.age", "age")):
            assert out.column(name).to_pylist() == expected.column(other).to_pylist()
        assert summary.ncp == wanted.ncp


def test_a_policy_in_a_pipeline_of_rows(policy: Path) -> None:
    columns = visits()
    out, _ = optin.kanonymize(nested(columns), policy)
    wanted = sorted(zip(*out.to_pydict().values(), strict=True))
    rows = nested(columns).to_pylist()
    with beam.Pipeline("FnApiRunner") as pipeline:
        blocks = pipeline | beam.Create(nested(columns).to_batches(max_chunksize=99))
        typed = (
            pipeline
            | "R" >> beam.Create(rows)
            | beam.Map(
                lambda row: Row(
                    data=Row(
                        user=Row(
                            mail=str(row["data"]["user"]["mail"]),
                            age=str(row["data"]["user"]["age"]),
                        ),
                        place=str(row["data"]["place"]),
                        illness=str(row["data"]["illness"]),
                        seen=str(row["data"]["seen"]),
                    )
                )
            )
        )

        def same(found: list[Any]) -> None:
            assert sorted(found) == wanted

        plain = (
            blocks
            | KAnonymize(policy)
            | beam.FlatMap(lambda b: zip(*b.to_pydict().values(), strict=True))
        )
        assert_that(plain, same, "blocks")
        anonymous = typed | "Of rows" >> KAnonymize(policy)
        assert_that(
            anonymous
            | beam.Map(lambda r: (r.data.illness, r.data.user.age, r.data.place)),
            same,
            "rows",
        )
        (data,) = dict(anonymous.element_type._fields).values()
        assert sorted(dict(data._fields)) == ["illness", "place", "user"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "k: 6,",
            "k: 6, contribution_cap: 3,",
            [":23:", "E200", "anonymity.contribution_cap"],
        ),
        (
            "action: keep\n    quasi",
            "action: time_truncate\n    quasi",
            ["E147"],
        ),
        (
            "place, type: country, action: keep, quasi: true, hierarchy: country",
            "place, type: postal_code, action: generalize, keep_chars: 3, quasi: true",
            [":21:", "E200", "'generalize'", "'place'"],
        ),
        (
            "- {name: user.id, type: user_id, action: drop}",
            "- {name: user.id, type: user_id}",
            ["E194"],
        ),
    ],
)
def test_what_only_a_run_does_is_refused_at_its_line(
    policy: Path, old: str, new: str, words: list[str]
) -> None:
    assert old in POLICY
    policy.write_text(POLICY.replace(old, new))
    for attempt in (
        lambda: optin.kanonymize(nested(visits()), policy),
        lambda: KAnonymize(policy),
    ):
        with pytest.raises(PolicyError) as caught:
            attempt()
        assert [word for word in words if word not in str(caught.value)] == []


def test_a_loaded_policy_that_harmonises_is_refused(policy: Path) -> None:
    text = POLICY.replace("type: user_id, action: drop", "type: user_id")
    policy.write_text(text.replace("k: 6,", "k: 6, subject: {publish: pseudonym},"))
    with pytest.raises(OptinError, match="does not harmonise"):
        KAnonymize(load_policy(policy))


EXAMPLE = Path(__file__).parents[2] / "examples" / "beam_yaml"


def test_beam_yaml_when_the_example_runs() -> None:
    pytest.importorskip("docstring_parser", reason="comes with apache-beam[yaml]")
    from apache_beam.yaml.yaml_provider import parse_providers
    from apache_beam.yaml.yaml_transform import YamlTransform

    table = pd.read_csv(EXAMPLE / "visits.csv")
    spec = yaml.safe_load((EXAMPLE / "kanonymity.yaml").read_text())
    assert spec["providers"] == yaml.safe_load(PROVIDERS.read_text())
    (step,) = [t for t in spec["pipeline"]["transforms"] if t["type"] == "KAnonymize"]
    asked = {name: step["config"][name] for name in step["config"] if name != "summary"}
    expected, summary = optin.kanonymize(table, **asked)
    assert summary.k_reached >= 5
    text = yaml.safe_dump(
        {
            "type": "composite",
            "input": {"visits": "input"},
            "transforms": [step | {"input": "visits"}],
            "output": {"rows": "Coarse.rows", "summary": "Coarse.summary"},
        }
    )
    rows = [
        Row(**{str(name): value for name, value in row.items()})
        for row in table.to_dict("records")
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        out = (
            pipeline
            | beam.Create(rows)
            | YamlTransform(text, providers=parse_providers("", spec["providers"]))
        )

        def same(found: list[Any]) -> None:
            plain = sorted(tuple(one._asdict().values()) for one in found)
            assert plain == sorted(zip(*expected.to_pydict().values(), strict=True))

        assert_that(out["rows"], same, "rows")

        def told(found: list[Any]) -> None:
            (one,) = found
            assert (one.k, one.k_reached) == (5, summary.k_reached)
            assert one.published_rows == expected.num_rows
            assert one.ncp == summary.ncp

        assert_that(out["summary"], told, "summary")
