"""Laws of every kind of hierarchy: levels nest, losses rise from 0 to 1, `*` on top."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.columns import Column, Hierarchy
from optin.policies.errors import GateError, InputError
from optin.transforms.kanonymity import Ladder, build_ladder, kanonymize


def _ladder(kind: str, hierarchy: object) -> Ladder:
    return build_ladder(
        Column(
            name="x",
            type=kind,
            action="keep",
            quasi=True,
            hierarchy=Hierarchy.model_validate(hierarchy),
        )
    )


_ZIPS = st.from_regex(r"[0-9]{5}(-[0-9]{4})?", fullmatch=True)
_COUNTRIES = st.sampled_from(["DE", "DEU", "Germany", "FR", "KE", "us", "AQ", "Oz"])
_DEVICES = st.sampled_from(
    ["iPhone14,2", "iPad8,9", "SM-S911B", "SM-T500", "Pixel 8", "Watch6,1", "FP5"]
)
_KINDS: dict[str, tuple[Ladder, st.SearchStrategy[Any]]] = {
    "widths": (
        _ladder("number", {"widths": (0.5, 2, 10)}),
        st.floats(-1e6, 1e6).map(lambda number: number + 0.0),
    ),
    "anchored": (
        _ladder("integer", {"widths": (5, 10, 40), "anchor": 3}),
        st.integers(-1000, 1000),
    ),
    "logarithmic": (
        _ladder("number", {"logarithmic": (2, 8, 64)}),
        st.floats(-1e12, 1e12, allow_subnormal=False).map(lambda number: number + 0.0),
    ),
    "ip": (
        _ladder("string", {"ip": (24, 16, 8)}),
        st.sampled_from(
            [
                *["203.0.113.9", "203.0.113.0/24", "203.0.0.0/12", "2001:db8::1"],
                *["2001:db8::/48", "198.51.100.7", "host", "2001:db8:0:1::/64"],
            ]
        ),
    ),
    "dates": (
        _ladder("date", {"dates": ("day", "month", "quarter", "year")}),
        st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    ),
    "prefix": (
        _ladder("postal_code", {"prefix": (4, 2, 1)}),
        st.text("019A*", max_size=6),
    ),
    "age": (_ladder("age_years", "age"), st.integers(-5, 140)),
    "country": (_ladder("country", "country"), _COUNTRIES),
    "us_zip": (_ladder("postal_code", "us_zip"), _ZIPS),
    "device_model": (_ladder("category", {"builtin": "device_model"}), _DEVICES),
}


@pytest.mark.parametrize("kind", _KINDS)
@given(data=st.data())
def test_levels_nest_and_losses_rise(kind: str, data: st.DataObject) -> None:
    ladder, values = _KINDS[kind]
    distinct = data.draw(st.lists(values | st.none(), min_size=1, unique=True))
    rungs = ladder.on(distinct)
    assert len(rungs.labels) == len(rungs.losses) == len(ladder.names)
    for below, above in zip(rungs.labels, rungs.labels[1:], strict=False):
        parents: dict[str, set[str]] = {}
        for label, parent in zip(below, above, strict=True):
            parents.setdefault(label, set()).add(parent)
        assert all(len(found) == 1 for found in parents.values())
    losses = np.stack(rungs.losses)
    assert losses.min() >= 0
    assert losses.max() <= 1
    assert (np.diff(losses, axis=0) >= -1e-12).all()
    assert set(rungs.labels[-1]) == {"*"}
    assert (losses[-1] == 1).all()


def test_builtin_losses_count_the_leaves_of_the_data() -> None:
    ladder = _ladder("country", {"builtin": "country", "outside": "suppress"})
    rungs = ladder.on(["DE", "Germany", "FR", "KE", "Oz", None])
    assert rungs.labels[0] == ("DE", "DE", "FR", "KE", "*", "null")
    # Three leaves: DE (spelled in two ways) and FR share a region, KE is alone.
    assert rungs.losses[0].tolist() == [0, 0, 0, 0, 1, 0]
    assert rungs.losses[1].tolist() == [1 / 2, 1 / 2, 1 / 2, 0, 1, 0]
    assert rungs.losses[3].tolist() == [1] * 6


@pytest.mark.parametrize("local", [False, True])
def test_ages_above_the_top_are_never_published(local: bool) -> None:
    ages = [91, 97, 104, 88, 86, 87]
    result, summary = kanonymize(
        pa.table({"x": ages, "who": list(range(6))}),
        subject="who",
        quasi_identifiers={"x": "age"},
        k=3,
        suppress_max=0.0,
        recoding="local" if local else "global",
    )
    # The three from 90 are one class without generalisation.
    assert result.column("x").to_pylist() == [*["90+"] * 3, *["[85, 90)"] * 3]
    assert summary.k_reached == 3


def test_a_value_outside_a_builtin_stops_the_choice() -> None:
    with pytest.raises(
        GateError, match="'x': 1 records hold 1 distinct values outside"
    ):
        kanonymize(
            pa.table({"x": ["DE", "DE", "Oz"], "who": [1, 2, 3]}),
            subject="who",
            quasi_identifiers=[_ladder("country", "country")],
            k=2,
        )


def test_powers_when_values_lie_on_an_edge_or_below_one() -> None:
    rungs = _ladder("number", {"logarithmic": (10, 1000)}).on(
        [1000.0, 999.0, 0.5, 0.0, -30.0, None]
    )
    # log(1000) / log(10) is 2.9999999999999996 in binary.
    assert rungs.labels[1] == (
        *["[1000, 10000)", "[100, 1000)", "[0.1, 1)", "0", "(-100, -10]", "null"],
    )
    assert rungs.labels[2] == (
        *["[1000, 1000000)", "[1, 1000)", "[0.001, 1)", "0", "(-1000, -1]", "null"],
    )


def test_intervals_start_at_the_anchor() -> None:
    rungs = _ladder("integer", {"widths": (7, 14), "anchor": 3}).on([2, 3, 9, 10])
    assert rungs.labels[1] == ("[-4, 3)", "[3, 10)", "[3, 10)", "[10, 17)")
    assert rungs.labels[2] == ("[-11, 3)", "[3, 17)", "[3, 17)", "[3, 17)")


@given(
    st.integers(-4000, 4000),
    st.sampled_from([0, 1, -1, 3, -3, 50, -50]),
    st.sampled_from(["0", "0.05", "-1.7"]),
)
def test_decimal_widths_are_cut_exactly_as_they_are_written(
    tenths: int, off: int, anchor: str
) -> None:
    # Values on an edge, and some 10^-11 beside it: an error of 10^-9 would not do.
    exact = Decimal(anchor) + Decimal(tenths) / 10 + Decimal(off) / 10**11
    rungs = _ladder("number", {"widths": (0.1, 0.3, 1.2), "anchor": float(anchor)}).on(
        [float(exact)]
    )
    for level, width in enumerate(("0.1", "0.3", "1.2"), 1):
        low, high = rungs.labels[level][0][1:-1].split(", ")
        number = ((exact - Decimal(anchor)) / Decimal(width)).to_integral_value(
            ROUND_FLOOR
        )
        assert Decimal(low) == Decimal(anchor) + number * Decimal(width)
        assert Decimal(high) == Decimal(anchor) + (number + 1) * Decimal(width)


def test_buckets_of_decimal_width_stay_in_their_interval() -> None:
    values = [np.floor(x / 0.7) * 0.7 for x in (0.1, 0.8, 1.5, 2.2)]  # as they arrive
    column = Column(
        name="x",
        type="number",
        action="bucket",
        width=0.7,
        quasi=True,
        hierarchy=Hierarchy(widths=(1.4, 2.8)),
    )
    rungs = build_ladder(column).on([float(value) for value in values])
    assert 3 * 0.7 < 2.1  # in binary, and yet on the edge
    assert rungs.labels[0][3] == "[2.1, 2.8)"
    assert rungs.labels[1][3] == "[1.4, 2.8)"


def test_large_whole_numbers_lose_no_digit() -> None:
    rungs = _ladder("integer", {"widths": (10, 20)}).on([2**62 + 5, 2**62 + 6])
    # 2^62 is 4611686018427387904; as a double, neighbours are 1,024 apart.
    assert rungs.labels[1] == (
        "[4611686018427387900, 4611686018427387910)",
        "[4611686018427387910, 4611686018427387920)",
    )


@pytest.mark.parametrize(
    "hierarchy",
    [
        *[{"widths": (0.1, 0.3, 0.7)}, {"widths": (0.3, 0.1)}, {"widths": (0.0,)}],
        *[{"logarithmic": (2, 6)}, {"logarithmic": (1,)}, {"quantiles": (8, 3)}],
        *[{"quantiles": (4, 8)}, {"quantiles": (1,)}, {"prefix": (2, 3)}],
        *[{"prefix": (0,)}, {"ip": (16, 24)}, {"dates": ("year", "month")}],
    ],
)
def test_levels_that_do_not_nest_make_no_ladder(hierarchy: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"column 'x': levels of '.*' do not nest"):
        _ladder("string", hierarchy)


@pytest.mark.parametrize("local", [False, True])
def test_geohash_cells_are_cut_to_coarser_cells(local: bool) -> None:
    # Two places in Vienna share four characters of their cells, Graz shares two.
    cells = ["u2edk", "u2edk", "u2edt", "u2edt", "u25k9", "u25k9"]
    result, _ = kanonymize(
        pa.table({"x": cells, "who": list(range(6))}),
        subject="who",
        quasi_identifiers=[_ladder("string", {"prefix": (4, 3, 2)})],
        k=4 if not local else 2,
        suppress_max=0.34,
        recoding="local" if local else "global",
    )
    expected = cells if local else ["u2ed*"] * 4
    assert result.column("x").to_pylist() == expected


@pytest.mark.parametrize("local", [False, True])
def test_addresses_of_both_versions_are_counted_by_network(local: bool) -> None:
    addresses = [f"203.0.113.{n}" for n in range(3)] + [
        f"2001:db8:1:{n}::1" for n in range(3)
    ]
    result, summary = kanonymize(
        pa.table({"x": addresses, "who": list(range(6))}),
        subject="who",
        quasi_identifiers=[_ladder("string", {"ip": (24, 16)})],
        k=3,
        suppress_max=0.0,
        recoding="local" if local else "global",
    )
    assert result.column("x").to_pylist() == [
        *["203.0.113.0/24"] * 3,
        *["2001:db8:1::/48"] * 3,
    ]
    assert summary.k_reached == 3
    # Each network holds three of the six addresses of the data.
    assert summary.ncp == pytest.approx(2 / 5)


def test_networks_when_some_are_coarser_or_of_version_six() -> None:
    ladder = _ladder("string", {"ip": (24, 16)})
    rungs = ladder.on(["203.0.113.9", "203.0.0.0/20", "2001:db8:1:2::1", "host", None])
    assert rungs.labels[1] == (
        *["203.0.113.0/24", "203.0.0.0/20", "2001:db8:1::/48", "*", "null"],
    )
    assert rungs.labels[2] == (
        *["203.0.0.0/16", "203.0.0.0/16", "2001:db8::/32", "*", "null"],
    )
    assert ladder.refused(["203.0.113.9", "host", None]).tolist() == [
        False,
        True,
        False,
    ]
