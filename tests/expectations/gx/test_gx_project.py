"""The expectations in a Great Expectations project as a user has it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from optin.expectations.gx import PRIVACY
from optin.expectations.gx.arguments import measure_of
from optin.expectations.gx.definitions import decide_facts, state_of_block

# Values that must never leave: each is distinctive and stands in one column.
PLANTED = {
    "who": "Zxquorl-Vane",
    "place": "Wlkrithmoor",
    "secret": "Haemophobrosis",
    "note": "reach kwazzled.norp@example.com",
}
FRAME = pd.DataFrame({name: [value, "other"] for name, value in PLANTED.items()})
FRAME["amount"] = [7_391_846_205, 1]

CASES: dict[str, dict[str, Any]] = {
    "expect_table_to_be_k_anonymous": {
        "quasi_identifiers": ["place"],
        "k": 2,
        "subject_column": "who",
    },
    "expect_table_to_be_l_diverse": {
        "quasi_identifiers": ["place"],
        "sensitive_column": "secret",
        "l": 2,
        "subject_column": "who",
    },
    "expect_table_to_be_t_close": {
        "quasi_identifiers": ["place"],
        "sensitive_column": "amount",
        "t": 0.1,
        "distance": "ordered",
        "subject_column": "who",
    },
    "expect_column_values_to_contain_no_pii": {"column": "note"},
    "expect_only_consented_subjects": {
        "subject_column": "who",
        "snapshot": "SNAPSHOT",
    },
    "expect_no_direct_identifiers": {},
    "expect_trajectories_to_be_non_unique": {
        "subject_column": "who",
        "event_columns": ["place"],
        "known_events": 1,
        "max_unique_fraction": 0.1,
    },
    "expect_column_drift_to_be_below": {
        "column": "amount",
        "baseline": {"kind": "number", "edges": [1], "counts": [1, 99]},
        "threshold": 0.1,
    },
}
KINDS = sorted(CASES)


@pytest.fixture
def cases(tmp_path: Any) -> dict[str, dict[str, Any]]:
    path = tmp_path / "consented.csv"
    path.write_text("who\nnobody else\n")
    found = {kind: dict(kwargs) for kind, kwargs in CASES.items()}
    found["expect_only_consented_subjects"]["snapshot"] = str(path)
    return found


def test_every_privacy_expectation_is_tested() -> None:
    assert set(CASES) == set(PRIVACY)


def test_nothing_imports_great_expectations_before_it_is_asked_for(
    cases: Any,
) -> None:
    code = (
        "import json, sys, pyarrow as pa, optin.expectations.gx as privacy\n"
        "from optin.expectations import partial_metrics\n"
        "from optin.expectations.gx.engine import privacy_request\n"
        "cases, columns = json.loads(sys.argv[1]), json.loads(sys.argv[2])\n"
        "asked = [privacy_request(*case) for case in cases.items()]\n"
        "partial = partial_metrics(pa.RecordBatch.from_pydict(columns), asked)\n"
        "assert not any(tally.problem for tally in partial.tallies.values())\n"
        "assert 'great_expectations' not in sys.modules\n"
        "privacy.ExpectNoDirectIdentifiers()\n"
        "assert 'great_expectations' in sys.modules\n"
    )
    given = [json.dumps(cases), json.dumps(FRAME.to_dict(orient="list"))]
    subprocess.run([sys.executable, "-c", code, *given], check=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["COMPLETE", "SUMMARY", "BASIC", "BOOLEAN_ONLY"])
def test_no_value_leaves_in_any_result_format(
    expect: Any, cases: Any, capfd: Any, caplog: Any, kind: str, form: str
) -> None:
    caplog.set_level("DEBUG")
    result = expect(FRAME, kind, form=form, **cases[kind])
    assert result.success is False
    # Columns of two types cannot be measured.
    broken = pd.DataFrame(
        {name: pd.Series([value, 1], dtype=object) for name, value in PLANTED.items()}
    )
    broken["amount"] = pd.Series([7_391_846_205, "x"], dtype=object)
    errors = expect(broken, kind, form=form, **cases[kind])
    assert errors.success is False
    shown = [json.dumps(one.to_json_dict()) + repr(one) for one in (result, errors)]
    shown += [*capfd.readouterr(), caplog.text]
    for words in shown:
        for value in ("Zxquorl", "Wlkrith", "Haemophob", "kwazzled", "7391846205"):
            assert value.lower() not in words.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_missing_columns_and_empty_tables_fail(
    expect: Any, cases: Any, kind: str
) -> None:
    for frame in (FRAME.head(0), pd.DataFrame(), pd.DataFrame({"else": [1, 2]})):
        if kind == "expect_no_direct_identifiers" and len(frame):
            continue
        result = expect(frame, kind, **cases[kind])
        assert result.success is False
        assert result.result["details"]["problem"]
    twice = pd.concat([FRAME, FRAME], axis=1)
    result = expect(twice, kind, **cases[kind])
    assert result.success is False
    assert "twice" in result.result["details"]["problem"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "facts", [None, "x", {}, {"rows": 3}, {"rows": 0}, {"problem": "p", "rows": 1}]
)
def test_malformed_counts_fail(cases: Any, kind: str, facts: Any) -> None:
    outcome = decide_facts(measure_of(PRIVACY[kind], cases[kind]), facts)
    assert outcome.success is False
    assert outcome.detail


@pytest.mark.parametrize("kind", KINDS)
def test_settings_and_states_travel_between_processes(cases: Any, kind: str) -> None:
    measure = measure_of(PRIVACY[kind], cases[kind])
    assert pickle.loads(pickle.dumps(measure)) == measure  # noqa: S301
    block = pa.RecordBatch.from_pandas(FRAME, preserve_index=False)
    state, problem = state_of_block(measure, block)
    assert problem == ""
    again = pickle.loads(pickle.dumps(state))  # noqa: S301
    assert measure.facts(again) == measure.facts(state)


def test_rows_without_a_person_fail(expect: Any, cases: Any) -> None:
    frame = FRAME.assign(who=pd.Series(["ann", None], dtype=object))
    for kind in KINDS:
        if "subject_column" in cases[kind]:
            result = expect(frame, kind, **cases[kind])
            assert result.success is False
            problem = result.result["details"]["problem"]
            assert "no data subject" in problem or "of nobody" in problem


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("k_anonymous", {"k": 1}, "at least 2"),
        ("k_anonymous", {"k": "five"}, "k"),
        ("k_anonymous", {"quasi_identifiers": []}, "quasi_identifiers"),
        ("k_anonymous", {"quasi_identifiers": ["who"]}, "no quasi-identifier"),
        ("k_anonymous", {"subject_column": None}, "rows_are_people"),
        ("k_anonymous", {"rows_are_people": True}, "exclude each other"),
        ("k_anonymous", {"max_violating_fraction": 1.5}, "from 0 to 1"),
        ("k_anonymous", {"row_condition": 'col("a") > 1'}, "row_condition"),
        ("l_diverse", {"l": 1}, "at least 2"),
        ("l_diverse", {"diversity": "loose"}, "must be one of"),
        ("l_diverse", {"diversity": "recursive"}, "recursive"),
        ("l_diverse", {"sensitive_column": "place"}, "cannot vary"),
        ("t_close", {"t": 1}, "below 1"),
        ("t_close", {"distance": "far"}, "must be one of"),
        ("t_close", {"distance": "equal", "order": ["a", "b"]}, "ordered"),
        ("t_close", {"distance": "hierarchical"}, "hierarchy"),
        ("non_unique", {"known_events": 0}, "at least 1"),
        ("non_unique", {"event_columns": ["who"]}, "no event"),
        ("drift", {"method": "ad"}, "psi or ks"),
        ("drift", {"threshold": 0}, "above 0"),
        ("identifiers", {"allowed_columns": ["a", "a"]}, "twice"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    expect: Any, cases: Any, kind: str, change: Any, said: str
) -> None:
    name = next(one for one in KINDS if kind in one)
    with pytest.raises(ValueError, match=said):
        expect(FRAME, name, **{**cases[name], **change})


def test_other_engines_are_refused_clearly(project: Any, cases: Any) -> None:
    from great_expectations.exceptions import InvalidExpectationConfigurationError

    import optin.expectations.gx as privacy

    class SparkDFExecutionEngine:
        """Stands for any engine but that of pandas."""

    for kind in KINDS:
        expectation = getattr(privacy, PRIVACY[kind].title)(**cases[kind])
        with pytest.raises(
            InvalidExpectationConfigurationError,
            match="reads pandas batches; this batch is of SparkDFExecutionEngine",
        ):
            expectation.get_validation_dependencies(SparkDFExecutionEngine())


def test_a_checkpoint_keeps_renders_and_reads_a_suite(project: Any, cases: Any) -> None:
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    import optin.expectations.gx as privacy

    privacy.register()
    listed = [
        ExpectationConfiguration(type=kind, kwargs=cases[kind]).to_domain_obj()
        for kind in KINDS
    ]
    # As a suite names it, and with a parameter that is known when it runs.
    listed.append(
        privacy.ExpectTableToBeKAnonymous(
            quasi_identifiers=["place"], k={"$PARAMETER": "k"}, subject_column="who"
        )
    )
    suite = project.suites.add(gx.ExpectationSuite(name="privacy", expectations=listed))
    definition = (
        project.data_sources.add_pandas("checkpoint")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("whole")
    )
    validation = project.validation_definitions.add(
        gx.ValidationDefinition(name="privacy", data=definition, suite=suite)
    )
    result = validation.run(
        batch_parameters={"dataframe": FRAME},
        expectation_parameters={"k": 2},
        result_format="COMPLETE",
    )
    assert [one.success for one in result.results] == [False] * len(listed)
    assert all("details" in one.result for one in result.results)

    from great_expectations.render.renderer import (
        ExpectationSuitePageRenderer,
        ValidationResultsPageRenderer,
    )
    from great_expectations.render.renderer.inline_renderer import InlineRenderer

    page = json.dumps(ExpectationSuitePageRenderer().render(suite).to_json_dict())
    assert "must cover at least" in page
    shown = ValidationResultsPageRenderer().render(result).to_json_dict()
    found = json.dumps(shown)
    assert "smallest class: " in found.replace("$", "")
    assert "Wlkrithmoor" not in found
    for one in result.results:
        content = InlineRenderer(render_object=one).get_rendered_content()
        parts = json.dumps([part.to_json_dict() for part in content])
        assert "Rendering failed" not in parts
