"""An unquoted word has one meaning, or is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optin.policies.yaml_scalars import Trap, read_plain


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("iOS", "iOS"),
        ("1.2.3", "1.2.3"),
        ("2026", 2026),
        ("13mo", "13mo"),
        ("-", "-"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_read_plain_gives_the_value_when_the_word_has_one_meaning(word, value):
    read = read_plain(word)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("E130", "yes Yes YES no No NO on On ON off Off OFF y Y n N True TRUE False"),
        ("E134", "010 -010 00 089 0o17 0x1F 0b11 1_000 1_0.5 12:30 12:30:00 1:2:3.5"),
        ("E135", ".inf -.inf +.Inf .nan .NaN 1e999 9223372036854775808"),
        ("E135", "1" * 5000),
        ("E136", "2026-01-31 2026-1-1 2026-01-31T00:00:00Z"),
    ],
)
def test_read_plain_refuses_a_word_when_it_has_two_meanings(code, words):
    for word in words.split():
        trap = read_plain(word)
        assert isinstance(trap, Trap), word
        assert trap.code == code, word


@given(
    st.from_regex(r"[-+]?[0-9.eE_:xobTZ]{1,12}", fullmatch=True)
    | st.sampled_from(["yes", "Off", "n", "NULL", "True"])
)
def test_read_plain_agrees_with_yaml_1_1_unless_it_refuses(word):
    # PyYAML reads YAML 1.1. Where we take a word as text or null, so must it; as a
    # number it may be text to it (`1e3`), never another number.
    ours = read_plain(word)
    if isinstance(ours, Trap):
        return
    try:
        theirs = yaml.safe_load(word)
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(theirs, dict):  # `a:` is a mapping to the whole parser
        return
    if isinstance(ours, (int, float)) and isinstance(theirs, str):
        return
    assert ours == theirs
    assert type(ours) is type(theirs)
