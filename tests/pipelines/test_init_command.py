"""`optin init`: a draft that loads, fits its input, and shows nobody's value."""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optin.pipelines import cli
from optin.pipelines.proposal import propose_policy
from optin.pipelines.proposal.levels import levels_of_numbers
from optin.pipelines.proposal.sample import Look
from optin.pipelines.training_set import RunOptions, run_policy
from optin.policies import check_policy
from optin.policies.errors import InputError, OutputError

CONSENT = {"consent": "true", "user_id": "u1"}


def people(count: int = 600) -> list[dict[str, Any]]:
    """Records with one column of every sort."""
    rng = random.Random(11)  # noqa: S311 - test data, no secret
    records = []
    for number in range(count):
        lat, lon = rng.uniform(47.1, 48.4), rng.uniform(15.2, 16.6)
        records.append(
            {
                "user_id": f"u-{number:05d}",
                "consent": rng.random() < 0.8,
                "ts": f"2026-0{rng.randint(1, 6)}-1{rng.randint(0, 9)}T08:00:00Z",
                "request_id": f"r{number}",
                "email": f"someone{number}@example.org",
                "age": rng.randint(18, 93),
                "user": {"yob": rng.randint(1940, 2008), "gender": rng.choice("FMO")},
                "country": rng.choice(["DE", "AT", "France"]),
                "zip": rng.choice(["94110", "10001", "60601", "73301-0001"]),
                "postcode": f"1{rng.randint(0, 2)}{rng.randint(0, 9)}0",
                "ip": f"203.0.{rng.randint(0, 9)}.{number % 250}"
                if number % 3
                else f"2001:db8:{number % 9:x}::{number:x}",
                "cell": {"geohash": f"u2e{rng.choice('dq')}{rng.choice('0123456789')}"},
                "lat": lat,
                "lon": lon,
                "model": rng.choice(["iPhone14,2", "Pixel 8", "SM-S911B", "FP5"]),
                "born": {"birth_date": f"19{rng.randint(50, 99)}-03-0{number % 9 + 1}"},
                "visit": {"date": f"2026-0{rng.randint(1, 6)}-2{number % 8}"},
                "height_cm": round(rng.gauss(172, 9)),
                "income": round(rng.lognormvariate(10, 1.5), 2),
                "plan": rng.choice(["free", "basic", "gold"]),
                "note": f"I live next to the station number {number} and like it",
                "page": f"https://example.org/u/{number}",
                "tags": ["a", "b"],
                "clicked": rng.random() < 0.1,
            }
        )
    return records


def drafted(source: Path, **options: Any) -> dict[str, Any]:
    """Propose, check that the policy has no error, and give its columns by name."""
    target = source.parent / "draft.yaml"
    propose_policy(str(source), target, **options)
    policy, findings = check_policy(target)
    assert policy is not None, findings
    assert findings == ()
    data = yaml.safe_load(target.read_text(encoding="utf-8"))
    data["columns"] = {entry["name"]: entry for entry in data["columns"]}
    return data


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "people.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in people()))
    return path


def test_each_column_gets_the_hierarchy_that_fits(source: Path) -> None:
    # Few enough quasi-identifiers at a time that none is dropped for their number.
    wanted = {
        "age": "age",
        "user.yob": {"widths": [5, 10, 20]},
        "country": {"builtin": "country", "outside": "suppress"},
        "zip": {"builtin": "us_zip", "outside": "suppress"},
        "postcode": {"prefix": [2, 1]},
        "ip": {"ip": [16, 8], "outside": "suppress"},
        "cell.geohash": {"prefix": [3, 2, 1]},
        "lat": {"widths": [0.5, 1, 5, 10]},
        "lon": {"widths": [0.5, 1, 5, 10]},
        "model": {"builtin": "device_model", "outside": "suppress"},
        "born.birth_date": {"prefix": [3]},
        "visit.date": {"dates": ["month", "quarter", "year"]},
        "ts": {"dates": ["month", "quarter", "year"]},
        "height_cm": {"widths": [2, 10, 20]},
        "income": {"quantiles": [20, 10, 5]},
        "plan": None,
        "user.gender": None,
    }
    for name, hierarchy in wanted.items():
        rows = []
        for one in people():
            top = name.split(".")[0]
            rows.append({key: one[key] for key in ("user_id", "consent", top)})
        source.write_text("".join(json.dumps(one) + "\n" for one in rows))
        (source.parent / "draft.yaml").unlink(missing_ok=True)
        entry = drafted(source)["columns"][name]
        assert entry["quasi"] is True
        if name == "height_cm":
            # The span of a random column: only the shape is known.
            assert entry["hierarchy"]["widths"][0] in (2, 5)
        else:
            assert entry.get("hierarchy") == hierarchy, name


def test_a_draft_of_many_columns_runs_and_shows_no_value(source: Path) -> None:
    data = drafted(source)
    columns = data["columns"]
    assert data["input"]["subject"][0] == "user_id"
    assert data["input"]["event_id"] == "request_id"
    assert data["input"]["event_time"] == {"field": "ts", "tz": "UTC"}
    assert data["consent"]["require"][0]["field"] == "consent"
    assert {
        name: columns[name]["action"] for name in ("user_id", "email", "page")
    } == dict.fromkeys(("user_id", "email", "page"), "drop")
    assert columns["note"]["action"] == "scan"
    assert "consent" not in columns
    assert "tags" not in columns
    nodes = 1
    for entry in columns.values():
        if entry.get("quasi"):
            levels = entry.get("hierarchy") or {}
            depth = (
                3 if levels == "age" else max(map(_depth, levels.values()), default=0)
            )
            nodes *= depth + 2
    assert nodes <= 300_000
    text = (source.parent / "draft.yaml").read_text()
    for one in people():
        for value in (one["user_id"], one["email"], one["ip"], one["zip"], one["note"]):
            assert value not in text
        for value in (one["income"], one["lat"], one["user"]["yob"], one["postcode"]):
            assert str(value) not in text


def _depth(levels: object) -> int:
    if isinstance(levels, list):
        return len(levels)
    return {"country": 2, "us_zip": 3, "device_model": 2}.get(str(levels), 0)


@pytest.mark.slow
def test_a_draft_publishes_what_covers_k_people(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_KEY", "a key of sixteen bytes and more")
    drafted(source)
    result = run_policy(
        source.parent / "draft.yaml", RunOptions(as_of="2026-07-01T00:00:00Z")
    )
    assert result.refused is None
    folder = source.parent / "release" / "people" / "v0001"
    parts = sorted(folder.glob("*.parquet"))
    published = pa.concat_tables([pq.read_table(part) for part in parts])
    policy, _ = check_policy(source.parent / "draft.yaml")
    assert policy is not None
    classes = published.group_by(list(policy.quasi_identifiers)).aggregate(
        [([], "count_all")]
    )
    # One record a person here, so rows are people.
    assert min(classes.column("count_all").to_pylist()) >= 10


@pytest.mark.slow
def test_quantiles_hold_through_a_run(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_KEY", "a key of sixteen bytes and more")
    names = ("user_id", "consent", "income")
    rows = [{name: one[name] for name in names} for one in people()]
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    entry = drafted(source)["columns"]["income"]
    assert entry["hierarchy"] == {"quantiles": [20, 10, 5]}
    result = run_policy(
        source.parent / "draft.yaml", RunOptions(as_of="2026-07-01T00:00:00Z")
    )
    assert result.refused is None
    folder = source.parent / "release" / "people" / "v0001"
    parts = [pq.read_table(part) for part in sorted(folder.glob("*.parquet"))]
    labels = Counter(pa.concat_tables(parts).column("income").to_pylist())
    # About 480 people agreed: 20 groups of 24 are joined where edges lack 10 people.
    assert len(labels) >= 4
    assert min(labels.values()) >= 10
    assert sum(label.startswith("<") for label in labels) == 1
    assert sum(label.startswith(">=") for label in labels) == 1


@pytest.mark.slow
def test_a_draft_for_adult_runs(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIN_KEY", "a key of sixteen bytes and more")
    monkeypatch.chdir(tmp_path)
    with (shared_data / "adult" / "adult.csv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))[:6000]
    with (tmp_path / "adult.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["person_id", "agreed", *rows[0]])
        writer.writeheader()
        for number, row in enumerate(rows):
            writer.writerow({"person_id": number, "agreed": "Yes", **row})
    data = drafted(tmp_path / "adult.csv")
    assert data["columns"]["age"]["hierarchy"] == "age"
    assert {name for name, entry in data["columns"].items() if entry.get("quasi")} == {
        *rows[0]
    }
    result = run_policy(tmp_path / "draft.yaml", RunOptions())
    assert result.refused is None


@pytest.mark.parametrize(
    ("name", "root", "profile", "known"),
    [
        (
            "openrtb/prebid_server_privacy_requests.jsonl",
            "bid_request",
            "openrtb_2_6",
            {"device.geo.country": "country", "device.ua": "user_agent"},
        ),
        (
            "ga4/velir_ga4_event.jsonl",
            None,
            None,
            {"client_id": "user_id", "ga_session_id": "session_id"},
        ),
        (
            "segment/segment_track_airship_test.json",
            None,
            None,
            {"email": "email", "userId": "user_id", "context.device.id": "device_id"},
        ),
    ],
)
def test_drafts_for_real_feeds_have_no_error(
    shared_data: Path,
    tmp_path: Path,
    name: str,
    root: str | None,
    profile: str | None,
    known: dict[str, str],
) -> None:
    text = (shared_data / "events" / name).read_text()
    if name.endswith(".json"):
        text = json.dumps(json.loads(text)) + "\n"
    source = tmp_path / "feed.jsonl"
    source.write_text(text)
    data = drafted(source, root=root)
    assert data["consent"].get("profile") == profile
    for column, kind in known.items():
        assert data["columns"][column]["type"] == kind
        if kind != "country":
            assert data["columns"][column]["action"] == "drop"


def test_names_that_may_be_values_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "odd.jsonl"
    record = {
        **CONSENT,
        "age": 30,
        "by": {"jo@example.org": 1, "4111111111": 2},
        "on": "x",
        "a: b": "y",
    }
    source.write_text("".join(json.dumps(record) + "\n" for _ in range(3)))
    data = drafted(source)
    text = (tmp_path / "draft.yaml").read_text()
    assert "example.org" not in text
    assert "4111111111" not in text
    assert "3 more have names that may be values" in text
    assert "on" in data["columns"]  # read as text, though bare it is a boolean


def test_a_parquet_file_and_a_consent_column_of_ones_own(tmp_path: Path) -> None:
    table = pa.table(
        {"who": ["a", "b"], "ok_for_ml": ["Y", "N"], "age": [30, 40], "size": [1.5, 2]}
    )
    pq.write_table(table, tmp_path / "in.parquet")
    data = drafted(tmp_path / "in.parquet", subject=("who",), consent="ok_for_ml")
    assert data["input"]["format"] == "parquet"
    assert data["input"]["subject"] == ["who"]
    entry = data["consent"]["require"][0]
    expected = {"signal": "training", "field": "ok_for_ml"}
    assert entry == {**expected, "grant": ["Y"], "deny": ["N"]}


def test_what_cannot_be_drafted_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("x,age\n1,30\n")
    target = tmp_path / "p.yaml"
    with pytest.raises(InputError, match="--subject NAME"):
        propose_policy(str(source), target)
    with pytest.raises(InputError, match=r"1 column.s. of --subject are not"):
        propose_policy(str(source), target, subject=("nobody",))
    assert not target.exists()
    target.write_text("mine")
    with pytest.raises(OutputError, match="exists and is left as it is"):
        propose_policy(str(source), target)
    assert target.read_text() == "mine"
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(InputError, match="format cannot be told"):
        propose_policy(str(tmp_path / "a.xyz"), tmp_path / "q.yaml")
    source.write_text("user_id,consent\nu1,true\n")
    with pytest.raises(InputError, match="nothing to generalise"):
        propose_policy(str(source), tmp_path / "q.yaml")


def test_the_command_says_what_is_left_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("user_id,age,sex\nu1,30,F\nu2,40,M\n")
    with pytest.raises(SystemExit) as exit_:
        cli.main(["init", "in.csv"])
    assert exit_.value.code == 0
    out = capsys.readouterr().out
    assert "to do: consent.require" in out
    assert "to do: input.event_time" in out
    assert "3 columns, 2 of them quasi-identifiers" in out
    assert check_policy("policy.yaml")[0] is not None
    with pytest.raises(SystemExit) as exit_:
        cli.main(["init", "in.csv"])
    assert exit_.value.code == 2


@given(st.lists(st.integers(-(10**6), 10**6), min_size=20, unique=True))
def test_proposed_widths_nest(values: list[int]) -> None:
    look = Look("x", len(values), pa.array(map(str, values), pa.string()))
    hierarchy, levels, _ = levels_of_numbers(look)
    if hierarchy is None or "widths" not in hierarchy:
        return
    widths = [Fraction(str(one)) for one in yaml.safe_load(hierarchy)["widths"]]
    assert len(widths) == levels
    for finer, coarser in itertools.pairwise(widths):
        assert coarser > finer
        assert coarser % finer == 0
    span = max(values) - min(values)
    assert span / 100 <= widths[0] or widths[0] <= 5
    assert widths[-1] < span or len(widths) == 1
