"""The shipped profiles hold what their feeds document, and can be used as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from optin.policies import Profile, load_profile, profile_names
from optin.policies.entities import KNOWN_ENTITIES, MODEL_ENTITIES
from optin.policies.signals import CATEGORY, SignalSpec, canonical_text
from optin.transforms.blocks.names import raw_name
from optin.transforms.consent.categories import read_categories
from optin.transforms.consent.readings import Reading, read_signal
from optin.transforms.consent.view import BlockView

NAMES = (
    "adjust_raw",
    "amplitude",
    "android_gaid",
    "appsflyer_raw_v5",
    "branch_export",
    "ga4_bigquery",
    "google_consent_mode",
    "http_gpc",
    "mparticle",
    "openrtb_2_6",
    "rudderstack",
    "segment",
    "singular",
    "snowplow",
)
PARTIAL = {"amplitude", "branch_export", "singular"}

# Every word by which a shipped profile lets somebody be an opt-in. A new one is a
# decision: it belongs here and into the document.
OPT_INS = {"3", "authorized", "granted", "true", "Yes", "allow_all", "allow_selected"}

ALL = [(name, word) for name in NAMES for word in sorted(load_profile(name).signals)]
SIGNALS = {(n, w): load_profile(n).signals[w] for n, w in ALL}
BY_VALUES = [key for key, s in SIGNALS.items() if s.kind == "value" and s.values]
IDENTIFIERS = [key for key, s in SIGNALS.items() if s.detect]
TWO_CARRIERS = [key for key in BY_VALUES if len(SIGNALS[key].paths) > 1]
ATT_BY_SYSTEM = [
    (name, word)
    for name, word in BY_VALUES
    if word == "att" and SIGNALS[name, word].applies_when
]
# What these tests give to a path with a category in it.
ASKED = "ads"
ATT_NAMED = {Reading.NOT_DETERMINED, Reading.RESTRICTED}
READINGS = {
    "grant": {Reading.GRANT},
    "deny": {Reading.DENY, *ATT_NAMED},
    "unknown": {Reading.UNDECIDED},
}


def spec_of(name: str, word: str) -> SignalSpec:
    return load_profile(name).signals[word].named(word).filled(ASKED)


def view_of(spec: SignalSpec, rows: list[dict[str, str | None]]) -> BlockView:
    """A block with the columns of a signal: where nothing is said, it applies."""
    says = {column: values[0] for column, values in spec.applies_when.items()}
    says |= dict.fromkeys(spec.applies_when_any, "1")
    arrays = {
        raw_name(column): pa.array(
            [row.get(column, says.get(column)) for row in rows], pa.string()
        )
        for column in spec.columns()
    }
    return BlockView(pa.RecordBatch.from_pydict(arrays))


def read_texts(spec: SignalSpec, texts: list[str | None]) -> list[Reading]:
    """Readings of the texts in the signal's first carrier."""
    view = view_of(spec, [{spec.paths[0]: text} for text in texts])
    return [Reading(value) for value in read_signal(view, spec).readings]


def test_profile_names_lists_the_shipped_profiles_sorted():
    assert profile_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_profile_is_named_as_its_file_and_cites_sources(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.sources
    assert profile.status == ("partial" if name in PARTIAL else "doc")


@pytest.mark.parametrize("name", NAMES)
def test_profile_lists_no_column_twice(name):
    profile = load_profile(name)
    for columns in (profile.subject, profile.profile_columns):
        assert len(set(columns)) == len(columns)
    # What answers for consent is nothing that a policy would publish as a feature.
    carriers = {path for signal in profile.signals.values() for path in signal.paths}
    assert not carriers & set(profile.profile_columns)


@pytest.mark.parametrize(("name", "word"), ALL)
def test_profile_signal_has_one_way_to_be_read_and_can_decide(name, word):
    signal = load_profile(name).signals[word]
    ways = bool(signal.values) + bool(signal.detect) + bool(signal.decoder)
    assert ways == (signal.kind in ("value", "scoped"))
    assert list(signal.values) == [canonical_text(value) for value in signal.values]
    if signal.lower:
        assert list(signal.values) == [value.lower() for value in signal.values]
    if signal.values:
        assert signal.veto_only != bool(
            {"grant", "by_scope"} & set(signal.values.values())
        )
        assert "deny" in signal.values.values()


@pytest.mark.parametrize(("name", "word"), ALL)
def test_profile_grants_on_nothing_but_a_known_opt_in(name, word):
    values = load_profile(name).signals[word].values
    grants = {value for value, v in values.items() if v in ("grant", "by_scope")}
    assert grants <= OPT_INS
    if word == "att":
        assert grants in ({"3"}, {"authorized"})


@pytest.mark.parametrize(("name", "word"), BY_VALUES)
def test_profile_value_gives_the_verdict_listed(name, word):
    spec = spec_of(name, word)
    found = read_texts(spec, list(spec.values))
    for reading, (value, verdict) in zip(found, spec.values.items(), strict=True):
        assert reading in READINGS[verdict], value


@pytest.mark.parametrize(("name", "word"), BY_VALUES)
def test_profile_near_miss_of_a_grant_does_not_grant(name, word):
    spec = spec_of(name, word)
    misses: list[str | None] = [None, "", " ", "null", "1", "y", "on", "2.9", "ok"]
    for value in spec.values:
        misses += [f"{value}x", f"{value}{value}", f"not_{value}", f'"{value}"']
        misses += [f"[{value}]", f"{value},{value}", f"{value}\u200b"]
        if not spec.lower:
            misses += [value.upper(), value.title(), value.lower()]
    misses = [m for m in misses if m not in spec.values]
    assert Reading.GRANT not in read_texts(spec, misses)


@pytest.mark.parametrize(("name", "word"), IDENTIFIERS)
def test_profile_all_zero_identifier_denies_and_another_does_not_grant(name, word):
    spec = spec_of(name, word)
    texts = [
        "00000000-0000-0000-0000-000000000000",
        "00000000000000000000000000000000",
        "00000000-0000-0000-0000-000000000001",
        None,
    ]
    assert read_texts(spec, texts) == [
        Reading.DENY,
        Reading.DENY,
        Reading.UNDECIDED,
        Reading.ABSENT,
    ]


@pytest.mark.parametrize(("name", "word"), ATT_BY_SYSTEM)
def test_profile_att_of_another_system_is_absent(name, word):
    spec = spec_of(name, word)
    (column,) = spec.applies_when
    # Some pipelines write "authorized" for Android, where nobody is asked.
    grant = next(value for value, v in spec.values.items() if v == "grant")
    systems = ["Android", "IOS", None]
    view = view_of(spec, [{spec.paths[0]: grant, column: s} for s in systems])
    found = read_signal(view, spec).readings.tolist()
    assert found == [Reading.ABSENT, Reading.GRANT, Reading.GRANT]


@pytest.mark.parametrize(("name", "word"), TWO_CARRIERS)
def test_profile_carriers_that_differ_conflict_and_the_stricter_counts(name, word):
    spec = spec_of(name, word)
    other = next(value for value, v in spec.values.items() if v != "deny")
    deny = next(value for value, v in spec.values.items() if v == "deny")
    view = view_of(spec, [{spec.paths[0]: other, spec.paths[1]: deny}])
    found = read_signal(view, spec)
    assert found.conflict.tolist() == [True]
    assert found.readings.tolist() == [Reading.DENY]


def test_profile_reads_openrtb_fields_where_2_5_and_2_6_have_them():
    signals = load_profile("openrtb_2_6").signals
    assert signals["tcf"].paths == ("user.consent", "user.ext.consent")
    assert signals["gpp"].paths == ("regs.gpp", "regs.ext.gpp")
    assert signals["gpp"].section_paths == ("regs.gpp_sid", "regs.ext.gpp_sid")
    assert signals["usp"].paths == ("regs.us_privacy", "regs.ext.us_privacy")
    assert signals["gpc"].paths == ("regs.gpc", "regs.ext.gpc")
    assert signals["tcf"].applies_when_any == ("regs.gdpr", "regs.ext.gdpr")


def test_profile_asks_mparticle_for_one_column_per_purpose():
    spec = load_profile("mparticle").signals["purpose"].named("purpose")
    assert spec.by_category
    assert spec.dated
    assert spec.carriers(("ads", "ai_training")) == (
        "consent_state.gdpr.ads.consented",
        "consent_state.gdpr.ai_training.consented",
    )
    assert "consent_state.gdpr.ads.timestamp_unixtime_ms" in spec.columns(("ads",))


@pytest.mark.parametrize("word", ["prefs", "prefs_as_sent"])
def test_profile_knows_every_event_type_of_snowplows_schema(word):
    # iglu:com.snowplowanalytics.snowplow/consent_preferences/jsonschema/1-0-0
    types = "deny_all allow_all allow_selected pending implicit_consent withdrawn"
    prefs = SIGNALS["snowplow", word]
    assert set(prefs.values) == {*types.split(), "expired"}
    # A banner's "allow all" allows what it listed: the category must be listed there.
    assert "grant" not in prefs.values.values()


# Real events ---------------------------------------------------------------------


def texts_at(records: list[dict[str, Any]], path: str) -> list[str | None]:
    """The values at a dotted path as the readers give them: text, objects as JSON."""
    found: list[str | None] = []
    for record in records:
        value: Any = record
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, (dict, list)):
            found.append(json.dumps(value, separators=(",", ":")))
        else:
            found.append(canonical_text(value))
    return found


def read_events(
    profile: Profile, word: str, records: list[dict[str, Any]]
) -> list[Reading]:
    spec = profile.signals[word].named(word)
    arrays = {
        raw_name(column): pa.array(texts_at(records, column), pa.string())
        for column in spec.columns()
    }
    view = BlockView(pa.RecordBatch.from_pydict(arrays))
    return [Reading(value) for value in read_signal(view, spec).readings]


def test_ga4_event_is_read_at_the_documented_paths(shared_data: Path):
    path = shared_data / "events" / "ga4" / "velir_ga4_event.jsonl"
    records = [json.loads(path.read_text())]
    profile = load_profile("ga4_bigquery")
    assert profile.event_time is not None
    assert texts_at(records, profile.event_time.field) == ["1617691790431476"]
    # The site has no consent mode: privacy_info is null, and nothing grants.
    for word in ("ads", "analytics", "transient"):
        assert read_events(profile, word, records) == [Reading.ABSENT]
    assert read_events(profile, "lat", records) == [Reading.UNDECIDED]  # "No"


def test_segment_event_without_consent_object_does_not_grant(shared_data: Path):
    path = shared_data / "events" / "segment" / "segment_track_airship_test.json"
    records = [json.loads(path.read_text())]
    profile = load_profile("segment")
    assert profile.event_time is not None
    assert texts_at(records, profile.event_time.field) == ["2023-08-07T16:34:24.112Z"]
    for column in profile.subject:
        assert texts_at(records, column) != [None]
    (carrier,) = profile.signals["category"].paths
    assert texts_at(records, carrier) == [None]
    spec = profile.signals["category"].named("category")
    cells = {raw_name(carrier): pa.array([None], pa.string())}
    view = BlockView(pa.RecordBatch.from_pydict(cells))
    found = read_categories(view, spec, ("Advertising",))
    assert found.readings.tolist() == [Reading.ABSENT]
    # adTrackingEnabled is true there, which is no answer of the user.
    assert read_events(profile, "ad_tracking", records) == [Reading.UNDECIDED]
    assert read_events(profile, "att", records) == [Reading.ABSENT]


def test_openrtb_requests_are_read_at_the_documented_paths(shared_data: Path):
    path = shared_data / "events" / "openrtb" / "prebid_server_privacy_requests.jsonl"
    records = [
        json.loads(line)["bid_request"] for line in path.read_text().splitlines()
    ]
    profile = load_profile("openrtb_2_6")
    for word in ("lmt", "dnt", "coppa", "gpc", "ifa_zero", "att"):
        signal = profile.signals[word]
        carried = [texts_at(records, column) for column in signal.paths]
        found = read_events(profile, word, records)
        for row, reading in enumerate(found):
            texts = {column[row] for column in carried} - {None, ""}
            if not texts:
                assert reading == Reading.ABSENT
            elif "1" in texts and word != "ifa_zero":
                assert reading in READINGS["deny"]
            else:
                assert reading != Reading.GRANT
    for word in ("lmt", "dnt", "coppa", "gpc", "ifa_zero", "tcf", "gpp", "usp"):
        columns = profile.signals[word].paths
        assert any(any(texts_at(records, column)) for column in columns), word


def test_category_stands_in_paths_of_two_feeds_alone():
    # These two name one column per category; a third would need a word in the guide.
    filled = {
        name
        for name, word in ALL
        if any(CATEGORY in path for path in load_profile(name).signals[word].paths)
    }
    assert filled == {"amplitude", "mparticle"}


def test_guide_has_a_row_for_every_profile():
    guide = Path(__file__).parents[2] / "docs" / "profiles.md"
    rows = {}
    for line in guide.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            rows[cells[0].strip("`")] = cells
    assert tuple(sorted(rows)) == NAMES
    for name, cells in rows.items():
        assert cells[1] == load_profile(name).status
        told = {}
        for entry in cells[2].split(","):
            before, word, marks = entry.split("`")
            letters = set(marks.strip(" *").split())
            told[word] = ("*" in before, "c" in letters, "t" in letters)
        for word, signal in load_profile(name).signals.items():
            spec = signal.named(word)
            assert told.pop(word) == (spec.veto_only, spec.by_category, spec.dated)
        assert not told


def test_known_entities_are_those_that_the_scanner_knows():
    recognizers = pytest.importorskip("optin.transforms.deidentify.recognizers")
    assert set(recognizers.known_entities()) == KNOWN_ENTITIES
    # DATE_TIME is found by rules too, by the model better.
    assert set(recognizers.MODEL_ENTITIES) - {"DATE_TIME"} == MODEL_ENTITIES
