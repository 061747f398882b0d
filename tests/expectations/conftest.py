"""Great Expectations on pandas as an independent oracle, imported once a session."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from optin.expectations import Suite, load_suite

Validate = Callable[[pa.Table, str, dict[str, Any]], Any]


@pytest.fixture(scope="session")
def plain_gx() -> Validate:
    """Validate one expectation on a table with GX and pandas, as its manual says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    definition = (
        context.data_sources.add_pandas("pandas")
        .add_dataframe_asset("table")
        .add_batch_definition_whole_dataframe("whole")
    )

    def validate(table: pa.Table, kind: str, kwargs: dict[str, Any]) -> Any:
        frame = table.to_pandas()
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        configuration = ExpectationConfiguration(type=kind, kwargs=kwargs)
        return batch.validate(
            configuration.to_domain_obj(),
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        )

    return validate


@pytest.fixture
def make_suite(tmp_path: Path) -> Callable[..., Suite]:
    """Write expectations, given as (type, kwargs) pairs, to a file and load it."""

    def make(*expectations: tuple[str, dict[str, Any]]) -> Suite:
        path = tmp_path / "suite.json"
        listed = [{"type": kind, "kwargs": kwargs} for kind, kwargs in expectations]
        path.write_text(json.dumps({"name": "suite", "expectations": listed}))
        return load_suite(path)

    return make
