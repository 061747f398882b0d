"""Tables of labels: read as written, refused when levels do not nest."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optin.policies import PolicyError
from optin.policies.hierarchies import TableHierarchy, load_table_hierarchy


def _load(folder, text):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_table_hierarchy(path)


def test_table_gives_the_labels_of_each_leaf_by_level(tmp_path):
    table = _load(tmp_path, "AT;Europe;*\nDE;Europe;*\nJP;Asia;*\n")
    assert table == TableHierarchy(
        leaves=("AT", "DE", "JP"),
        levels=(("Europe", "Europe", "Asia"), ("*", "*", "*")),
    )


def test_table_may_have_a_mark_quotes_blank_lines_and_spaces(tmp_path):
    table = _load(tmp_path, '\ufeff"a;1" ; x;*\r\n\r\nb;x;*\r\n'.replace('" ;', '";'))
    assert table.leaves == ("a;1", "b")
    assert table.levels[0] == ("x", "x")


def test_table_may_keep_a_label_on_several_levels(tmp_path):
    # Austria is its own group; Europe stands on two levels: not a circle.
    table = _load(tmp_path, "AT;AT;Europe;*\nDE;Europe;Europe;*\n")
    assert table.levels[1] == ("Europe", "Europe")


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("", 1, 1, "empty"),
        ("\n \n", 1, 1, "empty"),
        ("a\n", 1, 1, "2 to 32 cells"),
        ("a,x,*\nb,x,*\n", 1, 1, "separated by ';', and here by ','"),
        ("a\tx\t*\n", 1, 1, "here by a tab"),
        ("a;*\nb;x;*\n", 2, 5, "3 cells where the first row has 2"),
        ("a;x;*\nb;*\n", 2, 3, "2 cells where the first row has 3"),
        ("a;x;*;\nb;x;*;\n", 1, 7, "take the ';' at the end"),
        ("a;x;*\nb;x;*;\n", 2, 7, "take the ';' at the end"),
        ("a;;*\n", 1, 3, "empty cell"),
        ("a;x;*\nb; ;*\n", 2, 3, "empty cell"),
        (";x;*\n", 1, 1, "empty cell"),
        ("a;x\n", 1, 3, "last cell"),
        ("a;x;*\na;y;*\n", 2, 1, "already on line 1"),
        ("\ufeffa;x;*\r\n a ;x;*\r\n", 2, 1, "already on line 1"),
        ("a;x;E;*\nb;x;F;*\n", 2, 5, "another parent than on line 1"),
        ('"a;1";x;E;*\n"b;2";x;F;*\n', 2, 9, "another parent than on line 1"),
        ("a;b;*\nb;a;*\n", 1, 1, "circle"),
        ("a;b;c;*\nx;c;b;*\n", 1, 1, "circle"),
        ('a;"x;*\n', 1, 1, "quote"),
        (b"caf\xe9;*\n", 1, 4, "UTF-8"),
        (b"a;*\ncaf\xe9;*\n", 2, 4, "UTF-8"),
        ("a;*\n".encode("utf-16"), 1, 1, "UTF-8"),
    ],
)
def test_table_is_refused_when_it_does_not_nest(tmp_path, text, line, column, word):
    with pytest.raises(PolicyError) as caught:
        _load(tmp_path, text)
    found = caught.value.findings[0]
    assert (found.code, found.line, found.column) == ("E158", line, column)
    assert word in found.message


def test_table_is_refused_with_all_its_faults(tmp_path):
    with pytest.raises(PolicyError) as caught:
        _load(tmp_path, "a;x;*\na;x;*\na;x;*\n")
    assert [found.line for found in caught.value.findings] == [2, 3]


@pytest.mark.parametrize("name", ["absent.csv", ".", "a\0b"])
def test_table_is_refused_when_there_is_no_file(tmp_path, name):
    with pytest.raises(PolicyError, match="cannot read the table"):
        load_table_hierarchy(f"{tmp_path}/{name}")


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from("abcdxyz"), min_size=1, max_size=7, unique=True))
def test_table_gives_back_what_was_written_when_labels_nest(tmp_path, leaves):
    groups = ["low" if leaf < "m" else "high" for leaf in leaves]
    rows = "".join(
        f"{leaf};{group};*\n" for leaf, group in zip(leaves, groups, strict=True)
    )
    table = _load(tmp_path, rows)
    assert list(table.leaves) == leaves
    assert list(table.levels[0]) == groups
