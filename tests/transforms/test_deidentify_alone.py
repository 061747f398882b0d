"""De-identification without a pipeline, in anybody's pipeline, and in Beam YAML."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from apache_beam.pvalue import Row
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import window
from apache_beam.utils.timestamp import Timestamp

import optin
from optin.policies import load_policy
from optin.policies.errors import InputError, KeyReferenceError, OptinError
from optin.transforms import Deidentify
from optin.transforms.beam_yaml import PROVIDERS
from optin.transforms.blocks.names import SUBJECT
from optin.transforms.deidentify import (
    DeidentifyPlan,
    Secret,
    deidentify_block,
    policy_key,
    subject_tokens,
)

KEYS = {"env://OPTIN_TEST_KEY": Secret(bytes(range(32)))}
POLICY = """\
version: 1
name: clicks
purpose: train_ai_system
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events/
  event_time: {field: at}
  subject: [user.id, user.mail]
consent: {require: [{signal: training, field: ok, grant: [true], deny: [false]}]}
columns:
  - {name: user.id, type: user_id}
  - {name: user.mail, type: email, action: mask}
  - {name: at, type: timestamp, action: date_shift, max_days: 30}
  - {name: ip, type: ip_address}
  - {name: note, type: free_text}
  - {name: age, type: age_years, action: keep, quasi: true, hierarchy: {widths: [10]}}
  - {name: gone, type: string, action: drop}
pii: {entities: [EMAIL_ADDRESS]}
anonymity: {k: 2, subject: {publish: pseudonym}}
output: {path: release/}
audit: {path: audit/}
"""
NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
PEOPLE: list[dict[str, str | None]] = [
    {"id": "A ", "mail": "mia@example.com"},
    {"id": "a", "mail": None},
    {"id": "0", "mail": "noah@example.com"},
    {"id": None, "mail": "0"},
]
TABLE = pa.table(
    {
        "user": PEOPLE,
        "at": pa.array([NOON] * 4),
        "ip": ["203.0.113.9", "x", None, "10.0.0.1"],
        "note": ["to a@b.com", "hi", None, "hi"],
        "age": ["30", "x", None, "41"],
        "stray": [1, 2, 3, 4],
    }
)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def test_deidentify_when_given_a_table(policy: Path) -> None:
    out, findings = optin.deidentify(TABLE, policy, keys=KEYS)
    assert out.schema.names == ["user.id", "user.mail", "at", "ip", "note", "age"]
    ids = out.column("user.id").to_pylist()
    assert ids[0] == ids[1] != None  # noqa: E711  # one person, spelled twice
    assert ids[2:] == [None, None]
    assert out.column("ip").to_pylist() == ["203.0.113.0/24", None, None, "10.0.0.0/24"]
    assert out.column("note").to_pylist() == ["to <EMAIL_ADDRESS>", "hi", None, "hi"]
    assert out.column("age").to_pylist() == [30, None, None, 41]
    one, same, other, nobody = out.column("at").to_pylist()
    assert one == same != NOON
    assert abs(other - NOON).days in range(1, 31)
    assert nobody is None
    assert findings == {
        "user.mail": {"INVALID_EMAIL": 1},
        "at": {"NO_SUBJECT": 1},
        "ip": {"UNREADABLE_IP": 1},
        "note": {"EMAIL_ADDRESS": 1},
        "age": {"BAD_TYPE": 1},
    }


def test_deidentify_when_compared_to_a_run(policy: Path) -> None:
    # What the pipeline does with the same records behind its reader and its gate.
    loaded = load_policy(policy)
    plan = DeidentifyPlan.from_policy(loaded, KEYS)
    key = policy_key(loaded, KEYS["env://OPTIN_TEST_KEY"], SUBJECT)
    block = pa.record_batch(
        {
            "user.id": ["A "],
            "user.mail": ["mia@example.com"],
            "at": pa.array([NOON], pa.timestamp("us", "UTC")),
            "ip": ["203.0.113.9"],
            "note": ["hi"],
            "age": pa.array([30], pa.int64()),
            SUBJECT: subject_tokens(pa.array(["a"]), key),
        }
    )
    from optin.transforms.deidentify import TextScanner

    assert plan.pii is not None
    wanted, _ = deidentify_block(block, plan, TextScanner(plan.pii))
    out, _ = optin.deidentify(TABLE.slice(0, 1), policy, keys=KEYS)
    for name in ("user.id", "user.mail", "at", "ip", "age"):
        assert out.column(name).to_pylist() == wanted.column(name).to_pylist()


def test_deidentify_when_given_data_frames(policy: Path) -> None:
    flat = {
        "user.id": ["u1", None],
        "user.mail": ["mia@example.com", None],
        "at": ["2026-05-01T12:00:00Z"] * 2,
        "ip": ["203.0.113.9", "10.0.0.1"],
        "note": ["hi", None],
        "age": [30, 40],
    }
    wanted, _ = optin.deidentify(pa.table(flat), policy, keys=KEYS)
    batch = pa.RecordBatch.from_pydict(flat)
    frames: list[Any] = [pd.DataFrame(flat), batch, pl.DataFrame(flat)]
    for frame in frames:
        out, _ = optin.deidentify(frame, policy, keys=KEYS)
        assert out.equals(wanted)


def test_deidentify_when_cut_in_chunks_or_empty(policy: Path) -> None:
    wanted, _ = optin.deidentify(TABLE, policy, keys=KEYS)
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert optin.deidentify(chunked, policy, keys=KEYS)[0].equals(wanted)
    nothing, findings = optin.deidentify(TABLE.slice(0, 0), policy, keys=KEYS)
    assert nothing.schema.equals(wanted.schema)
    assert (nothing.num_rows, findings) == (0, {})


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (TABLE.drop_columns(["ip", "age"]), r"lacks column\(s\) age, ip"),
        (TABLE.append_column("ip", pa.array(["x"] * 4)), "more than one column ip"),
        (
            TABLE.set_column(4, "age", pa.array([[1]] * 4)),
            "column age: the input holds",
        ),
        (
            TABLE.set_column(1, "at", pa.array([NOON.replace(tzinfo=None)] * 4)),
            "give its times a zone",
        ),
        ([1, 2], "cannot read a list"),
    ],
)
def test_deidentify_when_the_table_does_not_fit(
    policy: Path, table: Any, why: str
) -> None:
    with pytest.raises(OptinError, match=why):
        optin.deidentify(table, policy, keys=KEYS)


def test_deidentify_when_columns_are_unlisted_or_the_key_is_missing(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTIN_TEST_KEY", raising=False)
    with pytest.raises(KeyReferenceError, match="is not set"):
        optin.deidentify(TABLE, policy)
    policy.write_text(POLICY.replace("columns:", "unlisted_columns: error\ncolumns:"))
    with pytest.raises(InputError, match=r"does not speak of 'stray'"):
        optin.deidentify(TABLE, policy, keys=KEYS)
    assert optin.deidentify(TABLE.drop_columns(["stray"]), policy, keys=KEYS)


def test_deidentify_when_nobody_is_named(policy: Path) -> None:
    policy.write_text(POLICY.replace("[user.id, user.mail]", "[account]"))
    with pytest.raises(InputError, match=r"none of input\.subject: account"):
        optin.deidentify(TABLE, policy, keys=KEYS)


def test_deidentify_when_imported_needs_no_beam() -> None:
    code = "import sys, optin; optin.deidentify; print('apache_beam' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


class User(NamedTuple):
    """Who did it."""

    id: str | None
    mail: str | None


class Event(NamedTuple):
    """A row with a row in it."""

    user: User
    at: Timestamp
    ip: str | None
    note: str | None
    age: int | None


def _events() -> list[Event]:
    return [
        Event(
            User(person["id"], person["mail"]),
            Timestamp.from_utc_datetime(NOON),
            ip,
            note,
            None,
        )
        for person, ip, note in zip(
            PEOPLE,
            TABLE.column("ip").to_pylist(),
            TABLE.column("note").to_pylist(),
            strict=True,
        )
    ]


def _plain(row: Any) -> tuple[Any, ...]:
    micros = None if row.at is None else row.at.micros
    return (row.user.id, row.user.mail, micros, row.ip, row.note, row.age)


def test_stage_when_given_rows_keeps_times_and_windows(policy: Path) -> None:
    ages = TABLE.set_column(4, "age", pa.nulls(4, pa.int64()))
    table, _ = optin.deidentify(ages, policy, keys=KEYS)
    columns = [
        column.cast(pa.int64()).to_pylist()
        if pa.types.is_timestamp(column.type)
        else column.to_pylist()
        for column in table.columns
    ]
    wanted = [*zip(*columns, strict=True)]
    with beam.Pipeline("FnApiRunner") as pipeline:
        rows = (
            pipeline
            | beam.Create([*enumerate(_events())])
            | beam.Map(
                lambda pair: window.TimestampedValue(pair[1], pair[0] * 10)
            ).with_output_types(Event)
            | beam.WindowInto(window.FixedWindows(20))
        )
        out = rows | Deidentify(policy, keys=KEYS)
        fields = dict(out.rows.element_type._fields)
        assert list(fields) == ["user", "at", "ip", "note", "age"]
        again = out.rows | beam.Reshuffle()  # through the coder of the schema
        assert_that(again | "R" >> beam.Map(_plain), equal_to(wanted), "rows")

        def stamped(
            row: Any,
            time: Any = beam.DoFn.TimestampParam,
            here: Any = beam.DoFn.WindowParam,
        ) -> tuple[float, float]:
            return float(time), float(here.start)

        times = out.rows | "T" >> beam.Map(stamped)
        expected = [(0.0, 0.0), (10.0, 0.0), (20.0, 20.0), (30.0, 20.0)]
        assert_that(times, equal_to(expected), "times", reify_windows=False)
        found = out.findings | "F" >> beam.FlatMap(dict.items)
        found |= "G" >> beam.Map(lambda pair: (pair[0], sum(pair[1].values())))
        counts = [("user.mail", 1), ("at", 1), ("ip", 1), ("note", 1)]
        assert_that(found, equal_to(counts), "findings")


def test_stage_when_given_record_batches(policy: Path) -> None:
    wanted, _ = optin.deidentify(TABLE, policy, keys=KEYS)
    (batch,) = TABLE.to_batches()
    with beam.Pipeline("FnApiRunner") as pipeline:
        out = pipeline | beam.Create([batch]) | Deidentify(policy, keys=KEYS)
        blocks = out.blocks | beam.Map(lambda block: block.to_pylist())
        assert_that(blocks, equal_to([wanted.to_pylist()]), "blocks")


def test_stage_when_rows_do_not_fit(policy: Path) -> None:
    with beam.Pipeline("FnApiRunner") as pipeline:
        some = pipeline | beam.Create([1])
        with pytest.raises(InputError, match="rows with a schema"):
            some | "a" >> Deidentify(policy, keys=KEYS)
        short = some | beam.Map(lambda n: Row(ip="x", at="y"))
        with pytest.raises(
            InputError, match=r"lack field\(s\) user.id, user.mail, note"
        ):
            short | "b" >> Deidentify(policy, keys=KEYS)


EXAMPLE = Path(__file__).parents[2] / "examples" / "beam_yaml"


def test_beam_yaml_when_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docstring_parser", reason="comes with apache-beam[yaml]")
    from apache_beam.yaml.yaml_provider import parse_providers
    from apache_beam.yaml.yaml_transform import YamlTransform

    monkeypatch.setenv("OPTIN_KEY", "0" * 64)
    monkeypatch.chdir(EXAMPLE)
    tickets = pd.read_csv("tickets.csv")
    wanted, _ = optin.deidentify(tickets, "policy.yaml")
    spec = yaml.safe_load(Path("pipeline.yaml").read_text())
    assert spec["providers"] == yaml.safe_load(PROVIDERS.read_text())
    (clean,) = [t for t in spec["pipeline"]["transforms"] if t["type"] == "Deidentify"]
    steps = [clean | {"input": "tickets"}]
    text = yaml.safe_dump(
        {
            "type": "composite",
            "input": {"tickets": "input"},
            "transforms": steps,
            "output": {"rows": "Clean.rows", "findings": "Clean.findings"},
        }
    )
    rows = [
        Row(**{str(n): v for n, v in r.items()}) for r in tickets.to_dict("records")
    ]
    with beam.Pipeline("FnApiRunner") as pipeline:
        out = (
            pipeline
            | beam.Create(rows)
            | YamlTransform(text, providers=parse_providers("", spec["providers"]))
        )
        plain = out["rows"] | "P" >> beam.Map(lambda row: (row.user_id, row.message))
        pairs = [(row["user_id"], row["message"]) for row in wanted.to_pylist()]
        assert_that(plain, equal_to(pairs), "rows")
        found = out["findings"] | "F" >> beam.Map(
            lambda row: (row.column, row.finding, row.count)
        )
        counts = [("message", "EMAIL_ADDRESS", 1), ("message", "PHONE_NUMBER", 1)]
        assert_that(found, equal_to(counts), "findings")
