"""The consent gate against a plain reading of the decision table, on random records."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.policies import load_policy
from optin.policies.consent import Veto
from optin.policies.model import Policy
from optin.transforms.blocks import ReadSpec
from optin.transforms.blocks.names import RECORD, SPLIT_KEY, SUBJECT, raw_name
from optin.transforms.consent import Gate, GatePlan
from optin.transforms.consent.ledger import (
    Duration,
    LedgerPlan,
    PreparedLedger,
    ledger_hash_keys,
    prepare_ledger,
)
from optin.transforms.consent.ledger.join import JoinLedger
from optin.transforms.consent.ledger_source import BroadcastLedger, ShardedLedger
from optin.transforms.consent.plan import ledger_ages
from optin.transforms.consent.stage import ConsentGate

Row = dict[str, Any]

DAY = 86_400_000_000
AS_OF = 20 * DAY
MAX_AGE_DAYS = 3
PURPOSE = "train_ai_system.ads"
POLICY = f"""\
version: 1
name: oracle
purpose: {PURPOSE}
key: env://OPTIN_TEST_KEY
input:
  format: jsonl
  path: events/
  event_time: {{field: ts, unit: us}}
  subject: [user, device]
consent:
  jurisdiction: {{field: country}}
  signals:
    att: {{field: atts, grant: [3], deny: [0, 1, 2]}}
    lmt: {{field: lmt, deny: [1], neutral: [0]}}
    dnt: {{field: dnt, deny: [1], neutral: [0]}}
    gpc: {{field: gpc, deny: [1], neutral: [0]}}
  require:
    - {{signal: att, when: {{os: iOS}}}}
    - {{signal: ml, field: ml, grant: ["yes"], deny: ["no"]}}
    - {{signal: ledger, max_age: {MAX_AGE_DAYS}d}}
  veto: [lmt]
  minors: {{field: yob, kind: birth_year, min_age: 16}}
  rules:
    - name: eu
      when: {{country: EU}}
      require: [{{signal: eu, field: eu, grant: ["yes"], deny: ["no"]}}]
    - name: us
      when: {{country: US}}
      veto: [gpc, {{signal: dnt, when: {{os: Android}}}}]
  ledger:
    path: ledger.jsonl
    key: {{user: uid, device: ifa}}
    time: {{field: ts, unit: us}}
columns:
  - {{name: user, type: user_id, action: drop}}
  - {{name: os, type: category, action: keep, quasi: true}}
anonymity: {{k: 2, suppress_max: 0.5}}
output: {{path: out/}}
audit: {{path: audit/, drops: per_record}}
"""
RANKS = """
    NO_EVENT_TIME NO_SUBJECT FUTURE_EVENT MINOR AGE_UNKNOWN ERASED WITHDRAWN
    WITHDRAWN_THEN VETO_LMT VETO_GPC VETO_DNT ATT_DENIED ML_DENIED EU_DENIED
    ATT_RESTRICTED ATT_NOT_DETERMINED EXPIRED CONSENT_AFTER_EVENT ATT_MISSING
    ML_MISSING LEDGER_MISSING EU_MISSING LMT_UNKNOWN_VALUE GPC_UNKNOWN_VALUE
    DNT_UNKNOWN_VALUE ATT_UNKNOWN_VALUE ML_UNKNOWN_VALUE EU_UNKNOWN_VALUE
    JURISDICTION_UNKNOWN PURPOSE_NOT_GRANTED
"""
ORDER = RANKS.split()


# --- The oracle ---------------------------------------------------------------


def identity(value: str | None) -> str:
    """Give who a key names: nobody where it is blank or all zeros."""
    word = (value or "").strip().lower()
    return word if word.strip("0-: ") else ""


def said_by_ledger(event: Row, ledger: list[Row], e: int) -> tuple[set[str], set[str]]:
    """Give what the ledger forbids, and how each key stands for a grant at `e`."""
    no: set[str] = set()
    states: set[str] = set()
    for column, key in (("user", "uid"), ("device", "ifa")):
        who = identity(event[column])
        mine = [r for r in ledger if who and identity(r[key]) == who]
        mine = [r for r in mine if r["ts"] <= AS_OF]
        if any(r["decision"] == "erase" for r in mine):
            no.add("ERASED")
        near = ("", "*", "train_ai_system", PURPOSE, PURPOSE + ".x")
        gone = [
            r["ts"]
            for r in mine
            if r["decision"] == "withdraw" and (r["purpose"] or "") in near
        ]
        given_ = [r for r in mine if r["decision"] == "grant"]
        mine = [r for r in given_ if r["purpose"] in ("*", "train_ai_system", PURPOSE)]
        valid = [r for r in mine if not gone or r["ts"] > max(gone)]
        now = [r for r in valid if r["ts"] <= e]
        if now:
            last = max(r["ts"] for r in now)
            ends = [r["expires"] or AS_OF * 9 for r in now if r["ts"] == last]
            over = min(ends) <= e
            states.add(
                "EXPIRED" if over or e > last + MAX_AGE_DAYS * DAY else "GRANTED"
            )
            no |= {"WITHDRAWN"} if gone and over else set()
        elif valid:
            states.add("CONSENT_AFTER_EVENT")
            no |= {"WITHDRAWN_THEN"} if gone else set()
        else:
            no |= {"WITHDRAWN"} if gone else set()
            states |= {"PURPOSE_NOT_GRANTED"} if len(given_) > len(mine) else set()
    return no, states


def oracle(event: Row, ledger: list[Row]) -> list[str]:
    """Give every reason against a record, strongest first; none: it is kept."""
    codes, asked = set(), set()
    timed = (event["ts"] or "").isdigit()
    e = int(event["ts"]) if timed else 0
    if not timed:
        codes.add("NO_EVENT_TIME")
    if e > AS_OF + 300_000_000:
        codes.add("FUTURE_EVENT")
    if not identity(event["user"]) and not identity(event["device"]):
        codes.add("NO_SUBJECT")
    # The events are of January 1970: who was born in y is 1970 - y - 1 at the youngest,
    # nobody is older than 125, and who is born later is no person yet.
    born = int(event["yob"]) if event["yob"] and timed else 0
    codes |= set() if 1844 <= born <= 1970 else {"AGE_UNKNOWN"}
    codes |= {"MINOR"} if 1954 <= born <= 1970 else set()
    no, states = said_by_ledger(event, ledger, e)
    for state in ("EXPIRED", "CONSENT_AFTER_EVENT"):
        asked |= {state} & states
    if not states & {"EXPIRED", "CONSENT_AFTER_EVENT", "GRANTED"}:
        asked |= states or {"LEDGER_MISSING"}
    nowhere = event["country"] in (None, "Nowhere")
    in_eu, in_us = (
        nowhere or event["country"] == "DE",
        nowhere or event["country"] == "US",
    )
    on_ios, on_android = event["os"] in (None, "iOS"), event["os"] in (None, "Android")
    for name, applies in (("lmt", True), ("gpc", in_us), ("dnt", in_us and on_android)):
        verdict = {None: "", "0": "", "1": "VETO_{}"}.get(
            event[name], "{}_UNKNOWN_VALUE"
        )
        asked |= {verdict.format(name.upper())} if applies and verdict else set()
    words = {None: "MISSING", "yes": "", "no": "DENIED", "3": "", "2": "DENIED"}
    words |= {"0": "NOT_DETERMINED", "1": "RESTRICTED"}
    for name, column, applies in (
        ("ML", "ml", True),
        ("EU", "eu", in_eu),
        ("ATT", "atts", on_ios),
    ):
        word = words.get(event[column], "UNKNOWN_VALUE")
        asked |= {f"{name}_{word}"} if applies and word else set()
    asked |= {"JURISDICTION_UNKNOWN"} if nowhere and asked else set()
    return sorted(codes | no | asked, key=ORDER.index)


# --- Records and decisions ------------------------------------------------------

# The last two are at the end of the skew and a microsecond after it.
SKEWED = AS_OF + 300_000_000
TIMES = [str(n * DAY) for n in (1, 2, 3, 4, 5, 6, 9)]
WHO = ["a", " A", "b", "c", "0-0", "", None]
VALUES: dict[str, list[Any]] = {
    "ts": [*TIMES, str(SKEWED), str(SKEWED + 1), None, "noon"],
    "user": WHO,
    "device": WHO,
    "os": ["iOS", "Android", None],
    "atts": ["3", "2", "1", "0", "9", None],
    "ml": ["yes", "no", "YES", None],
    "eu": ["yes", "no", "x", None],
    "lmt": ["0", "1", "true", None],
    "dnt": ["0", "1", "?", None],
    "gpc": ["0", "1", "?", None],
    "yob": ["1953", "1954", "1970", "1971", "1843", None],
    "country": ["DE", "US", "JP", "Nowhere", None],
}
FINE = {"atts": "3", "ml": "yes", "eu": "yes", "yob": "1940"}


@st.composite
def events(draw: st.DrawFn) -> Row:
    """Give a record that is fine but for its ledger, or for up to four columns too."""
    event = {**dict.fromkeys(VALUES), **FINE}
    event["ts"] = draw(st.sampled_from(TIMES))
    event["user"], event["device"] = draw(st.sampled_from("abc")), None
    event["country"] = draw(st.sampled_from(["DE", "US", "JP"]))
    event["os"] = draw(st.sampled_from(["iOS", "Android"]))
    event["dnt"] = draw(st.sampled_from([None, "1"]))
    changed = draw(st.lists(st.sampled_from([*VALUES]), max_size=4))
    return event | {name: draw(st.sampled_from(VALUES[name])) for name in changed}


@st.composite
def decisions(draw: st.DrawFn, words: str = "grant grant grant withdraw erase") -> Row:
    word = draw(st.sampled_from(words.split()))
    purposes = ["*", PURPOSE, PURPOSE, "train_ai_system", PURPOSE + ".x", "other"]
    every = [] if word == "grant" else ["", None]
    time = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 20, 21])) * DAY
    one, other = draw(st.sampled_from("aabbc")), draw(st.sampled_from(WHO))
    uid, ifa = (one, other) if draw(st.booleans()) else (None, one)
    return {
        "decision": word,
        "purpose": draw(st.sampled_from([*purposes, *every])),
        "ts": time,
        "expires": draw(st.sampled_from([None, None, 1, 2, 4]).map(later(time))),
        "uid": uid,
        "ifa": ifa,
    }


def later(time: int) -> Callable[[int | None], int | None]:
    return lambda days: None if days is None else time + days * DAY


def granted(who: str) -> Row:
    row = {"decision": "grant", "purpose": PURPOSE, "ts": 0, "expires": None}
    return {**row, "uid": who, "ifa": None}


RECORDS = st.lists(events(), min_size=5, max_size=25)
LEDGERS = st.builds(
    lambda fine, others: [*map(granted, fine), *others],
    st.sets(st.sampled_from("abc")).map(sorted),
    st.lists(decisions(), max_size=8),
)


# --- Running the gate -----------------------------------------------------------


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return load_policy(path)


def block_of(policy: Policy, events: list[Row], first: int, split: str) -> Any:
    columns = {
        raw_name(name): pa.array([event[name] for event in events], pa.string())
        for name in ReadSpec.from_policy(policy).raw
    }
    columns[RECORD] = pa.array(range(first, first + len(events)), pa.int64())
    batch = pa.RecordBatch.from_pydict(columns)
    return batch.replace_schema_metadata({SPLIT_KEY: split.encode()})


def prepared_in(folder: str, ledger: list[Row], shard_bits: int = 0) -> PreparedLedger:
    path = Path(folder) / "ledger.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ledger))
    plan = LedgerPlan(
        format="jsonl",
        path=str(path),
        keys=(("user", "uid"), ("device", "ifa")),
        purpose=PURPOSE,
        hash_keys=ledger_hash_keys(b"a master key of the tests", "oracle"),
        time_field="ts",
        time_unit="us",
        required=False,
    )
    return prepare_ledger(plan, folder, AS_OF, shard_bits=shard_bits)


def plan_of(policy: Policy, prepared: PreparedLedger) -> GatePlan:
    secrets = {"subject_key": b"s" * 32, "record_key": b"r" * 32}
    plan = GatePlan.from_policy(policy, as_of_micros=AS_OF, **secrets)
    ages = ledger_ages(policy.consent)
    return replace(plan, ledger={a: BroadcastLedger(prepared, a) for a in ages})


def codes_of(plan: GatePlan, blocks: Iterable[Any]) -> list[list[str]]:
    """Decide blocks by one gate; give all codes of every record."""
    gate, found = Gate(plan), []
    for block in blocks:
        result = gate.evaluate(block)
        masks = result.masks.tolist()
        codes = [
            [r.code for n, r in enumerate(plan.reasons) if mask >> n & 1]
            for mask in masks
        ]
        primary = [plan.reasons[n].code if n >= 0 else None for n in result.primary]
        assert primary == [each[0] if each else None for each in codes]
        whole = block.column(RECORD).to_pylist()
        kept = [n for n, each in zip(whole, codes, strict=True) if not each]
        assert result.kept.column(RECORD).to_pylist() == kept
        assert sum(result.counts(plan).values()) == len(codes)
        found += codes
    return found


def decide(policy: Policy, events: list[Row], ledger: list[Row]) -> list[list[str]]:
    with TemporaryDirectory() as folder:
        plan = plan_of(policy, prepared_in(folder, ledger))
        return codes_of(plan, [block_of(policy, events, 0, "00000")])


# Without an event time these say nothing; the record is quarantined in any case.
NEED_A_TIME = {
    "EXPIRED",
    "CONSENT_AFTER_EVENT",
    "WITHDRAWN_THEN",
    "JURISDICTION_UNKNOWN",
}


def meant(codes: list[str]) -> list[str]:
    if "NO_EVENT_TIME" not in codes:
        return codes
    return [code for code in codes if code not in NEED_A_TIME]


# --- Laws -------------------------------------------------------------------------


@settings(max_examples=200)
@given(RECORDS, LEDGERS, st.sampled_from([0, 2]))
def test_every_code_of_every_record_is_the_oracles(
    policy: Policy, events: list[Row], ledger: list[Row], shard_bits: int
) -> None:
    with TemporaryDirectory() as folder:
        plan = plan_of(policy, prepared_in(folder, ledger, shard_bits))
        found = codes_of(plan, [block_of(policy, events, 0, "00000")])
    for event, codes in zip(events, found, strict=True):
        assert meant(codes) == meant(oracle(event, ledger)), event


@settings(max_examples=60)
@given(st.data(), RECORDS, LEDGERS)
def test_a_further_no_never_adds_to_what_is_kept(
    policy: Policy, data: st.DataObject, events: list[Row], ledger: list[Row]
) -> None:
    before = decide(policy, events, ledger)
    no = data.draw(decisions(words="withdraw erase"))
    place = data.draw(st.integers(0, len(ledger)))
    later = decide(policy, events, [*ledger[:place], no, *ledger[place:]])
    vetoes = (*policy.consent.veto, Veto(signal="gpc"), "dnt")
    consent = policy.consent.model_copy(update={"veto": vetoes})
    vetoed = decide(policy.model_copy(update={"consent": consent}), events, ledger)
    opted_out = decide(policy, [{**event, "lmt": "1"} for event in events], ledger)
    assert all(opted_out)
    for old, new, stricter in zip(before, later, vetoed, strict=True):
        assert new or not old
        assert stricter or not old
        assert {*old} <= {*stricter}


@settings(max_examples=60)
@given(st.data(), RECORDS, LEDGERS)
def test_order_and_cuts_of_blocks_and_ledger_change_nothing(
    policy: Policy, data: st.DataObject, events: list[Row], ledger: list[Row]
) -> None:
    whole = decide(policy, events, ledger)
    order = data.draw(st.permutations(range(len(events))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=3)))
    bounds = [0, *cuts, len(events)]
    block = block_of(policy, [events[n] for n in order], 0, "00000")
    blocks = [block.slice(i, k - i) for i, k in itertools.pairwise(bounds)]
    with TemporaryDirectory() as folder:
        rows = data.draw(st.permutations(ledger))
        plan = plan_of(policy, prepared_in(folder, rows, shard_bits=3))
        found = codes_of(plan, blocks)
    assert found == [whole[n] for n in order]


def test_first_key_that_names_somebody_is_the_subject(policy: Policy) -> None:
    keys = [("a", "b"), ("a", None), (" A", "c"), ("0-0", "b"), ("", "c"), ("c", "a")]
    fine = {**dict.fromkeys(VALUES), **FINE, "ts": TIMES[0], "country": "JP"}
    events = [{**fine, "user": user, "device": device} for user, device in keys]
    ledger = [granted(who) for who in "abc"]
    ledger += [{**row, "uid": None, "ifa": row["uid"]} for row in ledger]
    with TemporaryDirectory() as folder:
        plan = plan_of(policy, prepared_in(folder, ledger))
        kept = Gate(plan).evaluate(block_of(policy, events, 0, "00000")).kept
    people = kept.column(SUBJECT).to_pylist()
    assert len(people) == len(keys)
    alike = [[n for n, one in enumerate(people) if one == person] for person in people]
    assert alike == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [3], [4, 5], [4, 5]]


def named_lines(lines: pa.RecordBatch) -> Iterator[tuple[str, int, str, str]]:
    """Give split, record, primary code and all codes of audit lines."""
    columns = [lines.column(name) for name in ("split", "record", "code", "codes")]
    for split, record, code, codes in zip(*columns, strict=True):
        yield split.as_py(), record.as_py(), code.as_py(), " ".join(codes.as_py())


def named_records(block: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    split = block.schema.metadata[SPLIT_KEY].decode()
    for record in block.column(RECORD).to_pylist():
        yield split, record


@settings(max_examples=6)
@given(
    st.lists(events(), min_size=60, max_size=120),
    LEDGERS,
    st.booleans(),
)
def test_pipeline_counts_and_accounts_as_the_oracle_does(
    policy: Policy, events: list[Row], ledger: list[Row], sharded: bool
) -> None:
    third = len(events) // 3
    blocks = [
        block_of(policy, events[:third], 0, "00000"),
        block_of(policy, events[third : 2 * third], third, "00000"),
        block_of(policy, events[2 * third :], 0, "00001"),
    ]
    with TemporaryDirectory() as folder:
        prepared = prepared_in(folder, ledger, shard_bits=2 if sharded else 0)
        plan = plan_of(policy, prepared)
        if sharded:
            plan = joined(plan, prepared, blocks, Path(folder))
        expected = [oracle(event, ledger) for event in events]
        places = [("00000", n) for n in range(2 * third)]
        places += [("00001", n) for n in range(len(events) - 2 * third)]
        kept = [p for p, codes in zip(places, expected, strict=True) if not codes]
        lines = [
            (*place, codes[0])
            for place, codes in zip(places, expected, strict=True)
            if codes
        ]
        counts = Counter(codes[0] if codes else "KEEP" for codes in expected)
        assert len(kept) + len(lines) == counts.total() == len(events)
        with beam.Pipeline("FnApiRunner") as pipeline:
            decided = (
                pipeline | beam.Create(blocks, reshuffle=False) | ConsentGate(plan)
            )
            counted = (
                decided.counts
                | beam.FlatMap(lambda one: one.items())
                | beam.CombinePerKey(sum)
            )
            assert_that(counted, equal_to([*counts.items()]), label="counts")
            named = decided.kept | "kept" >> beam.FlatMap(named_records)
            assert_that(named, equal_to(kept), label="records")
            account = (
                decided.audit
                | beam.FlatMap(named_lines)
                | beam.Map(lambda line: line[:3])
            )
            assert_that(account, equal_to(lines), label="lines")


def joined(
    plan: GatePlan, prepared: PreparedLedger, blocks: list[Any], folder: Path
) -> GatePlan:
    """Give the gate the answers of the sharded join in place of the look-up."""
    sources = {}
    with beam.Pipeline("FnApiRunner") as pipeline:
        created = pipeline | beam.Create(blocks, reshuffle=False)
        for number, age in enumerate(plan.ledger):
            place = folder / f"verdicts-{number}"
            place.mkdir()
            limit = None if age is None else Duration.parse(age)
            join = JoinLedger(prepared, plan.event_time, str(place), limit)
            _ = created | f"join {number}" >> join
            sources[age] = ShardedLedger(str(place))
    return replace(plan, ledger={**sources})
