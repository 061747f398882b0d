"""Adult, as the benchmarks of k-anonymity read it: rows, quasi-identifiers, levels."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv

from optin.policies.columns import Column, Hierarchy
from optin.transforms.kanonymity import Ladder, build_ladder

__all__ = ["QUASI", "ladders_of", "read_adult"]

QUASI: Final = (
    "age",
    "sex",
    "race",
    "marital-status",
    "education",
    "native-country",
    "workclass",
    "occupation",
)
"""The eight quasi-identifiers of the literature."""


def read_adult(folder: Path) -> pa.Table:
    """Read all columns of all rows."""
    return pacsv.read_csv(
        folder / "adult.csv", parse_options=pacsv.ParseOptions(delimiter=";")
    )


def ladders_of(folder: Path) -> list[Ladder]:
    """Give the levels of `QUASI`: the tables in the folder, and widths for the age."""
    return [_ladder(folder, name) for name in QUASI]


def _ladder(folder: Path, name: str) -> Ladder:
    if name == "age":
        kind, levels = "age_years", Hierarchy(widths=(5, 10, 20))
    else:
        table = str(folder / f"adult_hierarchy_{name}.csv")
        kind, levels = "string", Hierarchy(table=table)
    return build_ladder(
        Column(name=name, type=kind, action="keep", quasi=True, hierarchy=levels)
    )
