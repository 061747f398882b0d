"""Labels of other tools are taken back to the values that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Peers = Callable[[str], Any]

AGES = (17, 20, 24, 25, 40)


@pytest.mark.parametrize(
    ("reader", "label", "values"),
    [
        ("read_dashes_and_lists", "17-24", {17, 20, 24}),
        ("read_dashes_and_lists", "17.0-24.5", {17, 20, 24}),
        ("read_dashes_and_lists", "25", {25}),
        ("read_brackets_and_levels", "[17, 25]", {17, 20, 24, 25}),
        ("read_brackets_and_levels", "[17, 25)", {17, 20, 24}),
        ("read_brackets_and_levels", "40", {40}),
        ("read_brackets_and_levels", "*", set(AGES)),
    ],
)
def test_label_of_a_number_stands_for_the_values_within(
    peers: Peers, reader: str, label: str, values: set[float]
) -> None:
    labels = peers("labels")
    domain = labels.number_domain("age", AGES)
    assert getattr(labels, reader)(label, domain) == values


def test_level_of_a_number_is_what_its_table_says(peers: Peers, tmp_path: Path) -> None:
    table = tmp_path / "age.csv"
    # As the table of Adult does: the label of 20 says that it ends at 19.
    lines = ["17;0-19;*", "19;0-19;*", "20;0-19;*", "24;20-39;*", "25;20-39;*"]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    labels = peers("labels")
    domain = labels.number_domain("age", (17, 20, 24, 25), table)
    assert labels.read_levels("0-19", domain) == {17, 20}
    assert labels.read_levels("24", domain) == {24}
    assert labels.read_levels("*", domain) == {17, 20, 24, 25}


def test_ends_below_zero_keep_their_sign(peers: Peers) -> None:
    labels = peers("labels")
    domain = labels.number_domain("balance", (-5, -3, 0, 5))
    assert labels.read_dashes_and_lists("-3-5", domain) == {-3, 0, 5}
    assert labels.read_dashes_and_lists("-5--3", domain) == {-5, -3}


@pytest.mark.parametrize(
    ("reader", "label", "values", "loss"),
    [
        # (values - 1) / (6 leaves - 1)
        ("read_dashes_and_lists", "AT", {"AT"}, 0.0),
        ("read_dashes_and_lists", "JP,AT,US-Guam", {"AT", "JP", "US-Guam"}, 0.4),
        ("read_levels", "Europe", {"AT", "FR", "PL"}, 0.4),
        ("read_brackets_and_levels", "Asia", {"JP", "IN"}, 0.2),
        ("read_brackets_and_levels", "{AT, IN, JP}", {"AT", "JP", "IN"}, 0.4),
        ("read_brackets_and_levels", "*", {"AT", "FR", "PL", "JP", "IN", "US-Guam"}, 1),
    ],
)
def test_label_of_a_category_stands_for_leaves(
    peers: Peers,
    hierarchy: Path,
    reader: str,
    label: str,
    values: set[str],
    loss: float,
) -> None:
    labels = peers("labels")
    domain = labels.text_domain("land", hierarchy)
    read = getattr(labels, reader)(label, domain)
    assert read == values
    assert labels.loss_of(read, domain) == pytest.approx(loss)


def test_loss_of_a_number_is_the_span_of_the_data(peers: Peers) -> None:
    labels = peers("labels")
    domain = labels.number_domain("age", AGES)
    # 18 to 39 holds 20, 24, 25: a span of 5 of 23, not the 21 of the label's ends.
    read = labels.read_dashes_and_lists("18-39", domain)
    assert labels.loss_of(read, domain) == pytest.approx(5 / 23)


@pytest.mark.parametrize(
    ("label", "leaves"),
    [("AT,FR", 3), ("AT,PL,FR", 3), ("AT", 1), ("AT,JP", 6), ("IN,JP", 2)],
)
def test_list_is_widened_to_the_least_level_that_holds_it(
    peers: Peers, hierarchy: Path, label: str, leaves: int
) -> None:
    labels = peers("labels")
    domain = labels.text_domain("land", hierarchy)
    values = labels.read_dashes_and_lists(label, domain)
    assert len(labels.widen(values, domain)) == leaves


@pytest.mark.parametrize(
    ("reader", "label"),
    [
        ("read_dashes_and_lists", "AT,Europe"),  # a level is no value of a list
        ("read_levels", "AT,FR"),
        ("read_brackets_and_levels", "Africa"),
        ("read_brackets_and_levels", "{AT, Africa}"),
    ],
)
def test_label_that_nobody_knows_is_refused_without_its_text(
    peers: Peers, hierarchy: Path, reader: str, label: str
) -> None:
    labels = peers("labels")
    domain = labels.text_domain("land", hierarchy)
    with pytest.raises(ValueError, match="stands for no value") as caught:
        getattr(labels, reader)(label, domain)
    assert label not in str(caught.value)


@pytest.mark.parametrize("label", ["[24, 24)", "41-50", "[1, 2]"])
def test_range_without_a_value_is_refused(peers: Peers, label: str) -> None:
    labels = peers("labels")
    domain = labels.number_domain("age", AGES)
    with pytest.raises(ValueError, match="stands for no value"):
        labels.read_brackets_and_levels(label, domain)
