"""Ways around the gate that were tried, and hold no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from optin.policies.countries import country_of
from optin.policies.model import EventTime
from optin.policies.signals import SignalSpec
from optin.transforms.blocks.names import RAW_PREFIX
from optin.transforms.consent.categories import read_categories
from optin.transforms.consent.event_time import event_times
from optin.transforms.consent.gpp_reader import GppConsentReader, GppVetoReader
from optin.transforms.consent.readings import Reading, SignalReading
from optin.transforms.consent.strings import GppQuery, TcfQuery
from optin.transforms.consent.strings_reader import TcfReader
from optin.transforms.consent.view import BlockView

SURVEY = "    - {signal: survey, field: ext.survey, grant: [agree], deny: [refuse]}\n"
# Of 2026-04-01: purposes 1 and 10 for vendor 744.
TC = "CQh-8AAQh-8AAAHABBENBjEAAIBAAAAAAAYgF0QAQF0AAAAA.IF0QAQF0AAAA"


def test_second_question_to_a_signal_hides_a_signal_named_so(
    consent_table: Any,
) -> None:
    text = consent_table.policy.replace(
        SURVEY,
        SURVEY
        + """\
    - {signal: tcf, purposes: [1], vendor: 744}
    - {signal: tcf, purposes: [10], vendor: 744}
    - {signal: tcf_2, field: ext.other, grant: ["yes"], deny: ["no"]}
""",
    )
    base = {"user.consent": TC, "regs.gdpr": 1}
    cases = [
        ({"ext.other": "yes"}, []),
        ({"ext.other": "no"}, ["TCF_2_DENIED"]),
        ({"ext.other": None}, ["TCF_2_MISSING"]),
    ]
    consent_table.check(cases, base, policy=text)


def test_the_same_when_the_signal_stands_first(consent_table: Any) -> None:
    text = consent_table.policy.replace(
        SURVEY,
        SURVEY
        + """\
    - {signal: tcf, purposes: [1], vendor: 744}
    - {signal: tcf_2, field: ext.other, grant: ["yes"], deny: ["no"]}
    - {signal: tcf, purposes: [10], vendor: 744}
""",
    )
    consent_table.check(
        [({"ext.other": "no"}, ["TCF_2_DENIED"])],
        {"user.consent": TC, "regs.gdpr": 1},
        policy=text,
    )


def test_no_event_time_says_nothing_of_before_and_after(consent_table: Any) -> None:
    consent_table.check([({"ts": None}, ["NO_EVENT_TIME"])])


def test_condition_that_reads_a_flag_otherwise_does_not_excuse(
    consent_table: Any,
) -> None:
    text = consent_table.policy.replace("device.geo.country: EEA_UK", "regs.gdpr: 1")
    consent_table.check(
        [({"regs.gdpr": value}, ["TCF_MISSING"]) for value in (1, True, "true")],
        policy=text,
    )


def test_known_child_of_gpp_is_a_minor_where_gpp_is_required_alone(
    consent_table: Any,
) -> None:
    text = consent_table.policy.replace(
        SURVEY, SURVEY + "    - {signal: gpp, purposes: [1, 10], vendor: 744}\n"
    )
    text = text.replace("      veto_gpp: [SaleOptOut]\n", "")
    child = "DBACNMAA~" + TC + "~BVYAAARA"  # section 8: sold, known child
    consent_table.check(
        [({"regs.gpp": child, "regs.gpp_sid": [2, 8]}, ["MINOR"])], policy=text
    )


@pytest.mark.parametrize("text", ["ß", "SS\x00", "D E", "276", "EU"])
def test_country_is_not_guessed(text: str) -> None:
    assert country_of(text) is None


@pytest.mark.parametrize(
    "text", ["2026-05-01T00:00:00+12:60", "2026-05-01T00:00:00Z\x00", "1777593600\x00"]
)
def test_time_with_something_odd_in_it_is_none(text: str) -> None:
    array = pa.array([text], pa.string())
    view = BlockView(pa.RecordBatch.from_pydict({RAW_PREFIX + "ts": array}))
    for unit in ("iso8601", "s"):
        spec = EventTime(field="ts", unit=unit)
        assert event_times(view, spec)[1].tolist() == [False]


@pytest.mark.parametrize("denied", ['["ml"]', "ml", "a,ml", "a;ml", "a|ml", "a ml"])
def test_denied_id_counts_however_the_list_is_written(denied: str) -> None:
    spec = SignalSpec(
        name="c", kind="id_lists", paths=("allowed",), denied_paths=("denied",)
    )
    columns = {
        RAW_PREFIX + "allowed": pa.array(['["ml", "ads"]']),
        RAW_PREFIX + "denied": pa.array([denied]),
    }
    view = BlockView(pa.RecordBatch.from_pydict(columns))
    found = read_categories(view, spec, ("ml",))
    assert found.readings.tolist() == [Reading.DENY]


def readings_of(spec: SignalSpec, **columns: str | None) -> SignalReading:
    arrays = {
        RAW_PREFIX + name: pa.array([text], pa.string())
        for name, text in columns.items()
    }
    view = BlockView(pa.RecordBatch.from_pydict(arrays))
    return read_categories(view, spec, ("ml",))


@pytest.mark.parametrize("one", ['{"other":true}', "{}", '{"ml":null}'])
def test_carrier_that_does_not_name_the_category_differs(one: str) -> None:
    spec = SignalSpec(name="c", kind="category_map", paths=("a", "b"))
    assert readings_of(spec, a=one, b='{"ml":true}').conflict.tolist() == [True]
    assert readings_of(spec, a=None, b='{"ml":true}').conflict.tolist() == [False]


@pytest.mark.parametrize("denied", ['"ml"', "true", '{"ml":1}'])
def test_denied_list_of_another_form_is_no_grant(denied: str) -> None:
    spec = SignalSpec(name="c", kind="id_lists", paths=("a",), denied_paths=("b",))
    found = readings_of(spec, a='["ml"]', b=denied)
    assert Reading.GRANT not in found.readings.tolist()


@pytest.mark.parametrize(
    "value", [["iOS"], {"name": "iOS"}, [1], None, "null-but-text"]
)
def test_condition_on_a_list_asks(consent_table: Any, value: Any) -> None:
    text = consent_table.policy.replace(
        SURVEY,
        SURVEY
        + "    - {signal: lab, field: ext.lab, grant: [1], when: {ext.os: iOS}}\n",
    )
    known = isinstance(value, str)
    consent_table.check(
        [({"ext.os": value}, [] if known else ["LAB_MISSING"])], policy=text
    )


def test_sections_that_apply_without_a_string_are_no_clearance() -> None:
    spec = SignalSpec(name="gpp", paths=("gpp",), section_paths=("sid",), decoder="gpp")
    reader = GppVetoReader(GppQuery())
    for sections, expected in (
        ("[7]", Reading.UNLISTED),
        ("[-1]", Reading.ABSENT),
        (None, Reading.ABSENT),
    ):
        columns = {
            RAW_PREFIX + "gpp": pa.array([None], pa.string()),
            RAW_PREFIX + "sid": pa.array([sections], pa.string()),
        }
        view = BlockView(pa.RecordBatch.from_pydict(columns))
        assert reader.read(view, spec).readings.tolist() == [expected]


def test_invalid_strings_of_the_vectors_deny_in_the_gate(shared_data: Path) -> None:
    vectors = json.loads(
        (shared_data / "consent" / "consent_strings.json").read_text(encoding="utf-8")
    )
    for name, reader in (
        ("tcf", TcfReader(TcfQuery(purposes=(1,), vendor=2))),
        ("gpp", GppVetoReader(GppQuery())),
        ("gpp", GppConsentReader(TcfQuery(purposes=(1,), vendor=2))),
    ):
        decoder = {"tcf": "tcf_v2", "gpp": "gpp"}[name]
        spec = SignalSpec.model_validate(
            {"name": name, "paths": ("s",), "decoder": decoder}
        )
        texts = [
            entry["string"] if isinstance(entry, dict) else entry
            for entry in vectors[f"{name}_invalid"]
        ]
        wanted = [
            Reading.MALFORMED if text.strip() else Reading.ABSENT for text in texts
        ]
        view = BlockView(
            pa.RecordBatch.from_pydict({RAW_PREFIX + "s": pa.array(texts)})
        )
        assert reader.read(view, spec).readings.tolist() == wanted
