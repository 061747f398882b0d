"""A plain Great Expectations project on pandas, and the same measured block by block."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from optin.expectations.gx import PRIVACY
from optin.expectations.gx.arguments import measure_of
from optin.expectations.gx.definitions import (
    decide_facts,
    facts_of,
    merged_states,
    state_of_block,
)
from optin.expectations.gx.measure import Outcome

Expect = Callable[..., Any]
Measured = Callable[..., Outcome]


@pytest.fixture(scope="session")
def project() -> Any:
    """A data context as a user makes one, without progress bars."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    return context


@pytest.fixture(scope="session")
def expect(project: Any) -> Expect:
    """Validate one expectation on a data frame in the project."""
    import optin.expectations.gx as privacy

    definition = (
        project.data_sources.add_pandas("privacy")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("whole")
    )

    def validate(
        frame: pd.DataFrame, kind: str, *, form: str = "COMPLETE", **kwargs: Any
    ) -> Any:
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        expectation = getattr(privacy, PRIVACY[kind].title)(**kwargs)
        return batch.validate(expectation, result_format=form)

    return validate


@pytest.fixture(scope="session")
def measured() -> Measured:
    """Measure one expectation on a table that is cut into blocks, in some order."""

    def measure(
        table: pa.Table, cuts: Sequence[int], kind: str, **kwargs: Any
    ) -> Outcome:
        what = measure_of(PRIVACY[kind], kwargs)
        edges = sorted({0, table.num_rows, *(c for c in cuts if c < table.num_rows)})
        states = []
        for start, stop in zip(edges, [*edges[1:], table.num_rows], strict=True):
            part = table.slice(start, stop - start).combine_chunks()
            arrays = [
                column.combine_chunks() if column.num_chunks else column.chunk(0)
                for column in part.columns
            ]
            block = pa.record_batch(arrays, names=part.column_names)
            state, problem = state_of_block(what, block)
            if problem:
                return decide_facts(what, {"problem": problem})
            states.append(state)
        states.reverse()
        left = merged_states(states[:2])  # in two steps, as workers would
        return decide_facts(what, facts_of(what, merged_states([left, *states[2:]])))

    return measure
