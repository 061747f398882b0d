"""Values that a hierarchy does not hold: the run stops, or they are `*`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError
from optin.transforms.kanonymity import Ladder, build_ladder, kanonymize


def _ladder(table: Path, **more: str) -> Ladder:
    hierarchy = Hierarchy.model_validate({"table": str(table), **more})
    return build_ladder(
        Column(
            name="city", type="category", action="keep", quasi=True, hierarchy=hierarchy
        )
    )


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    path = tmp_path / "cities.csv"
    path.write_text("Vienna;Austria;*\nGraz;Austria;*\nRome;Italy;*\n")
    return path


def _visits(*more: str | None) -> pa.Table:
    names = ["Vienna", "Graz", "Vienna", "Graz", *more]
    return pa.table({"city": names, "who": list(range(len(names)))})


@pytest.mark.parametrize("local", [False, True])
def test_a_value_outside_the_table_stops_the_choice(cities: Path, local: bool) -> None:
    visits = _visits("Atlantis", "Atlantis", "Utopia", "Rome", None)
    with pytest.raises(GateError) as caught:
        kanonymize(
            visits,
            subject="who",
            quasi_identifiers=[_ladder(cities)],
            k=2,
            suppress_max=0.99,
            recoding="local" if local else "global",
        )
    # Three records of two unknown cities; Rome is a leaf and the null is missing.
    assert "'city': 3 records hold 2 distinct values outside" in str(caught.value)
    assert "Atlantis" not in str(caught.value)
    assert "Utopia" not in str(caught.value)


@pytest.mark.parametrize("local", [False, True])
def test_a_value_outside_the_table_is_a_star_where_declared(
    cities: Path, local: bool
) -> None:
    result, summary = kanonymize(
        _visits("Atlantis", "Utopia"),
        subject="who",
        quasi_identifiers=[_ladder(cities, outside="suppress")],
        k=2,
        suppress_max=0.0,
        recoding="local" if local else "global",
    )
    # The two unknown cities form one class of two people, whatever the level.
    assert result.column("city").to_pylist() == [
        *["Vienna", "Graz", "Vienna", "Graz"],
        *["*", "*"],
    ]
    assert summary.k_reached == 2


def test_a_missing_value_is_never_outside(cities: Path) -> None:
    assert _ladder(cities).refused(["Rome", None, "Oslo"]).tolist() == [
        *[False, False, True]
    ]
