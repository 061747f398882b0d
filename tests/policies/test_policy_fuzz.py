"""Whatever the text, a check ends in a policy or in located findings."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUIET = settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_PIECES = st.sampled_from(
    [
        *("a", "b: c", "- ", "-", "? ", ": ", "{", "}", "[", "]", ",", "\n", "\n  "),
        *("&a", "*a", "<<", "!!str ", "'", '"', "|\n", ">\n", "#", "---\n", "...\n"),
        *("yes", "010", "1:30", ".nan", "2026-01-31", "null", "\t", "%YAML 1.2\n"),
        *("version: 1", "columns:", "consent:", "require:", "é", "\u2028", "\x85"),
        *("key: x", "anonymity:", "k: 1", "\ufeff", "\\ud800", '"\\ud800"', "@", "`"),
    ]
)


def _assert_located(text, policy, findings):
    lines = _BREAK.split(text)
    for found in findings:
        assert re.fullmatch(r"[EW]\d{3}", found.code)
        assert 1 <= found.line <= len(lines), found
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1, found
        assert "\n" not in found.message
    assert (policy is None) == any(found.code.startswith("E") for found in findings)


@QUIET
@given(st.lists(_PIECES, max_size=30).map("".join))
def test_check_gives_located_findings_when_the_text_is_yaml_like(check, text):
    _assert_located(text.removeprefix("\ufeff"), *check(text))


@QUIET
@given(st.binary(max_size=60))
def test_check_gives_located_findings_when_the_file_is_any_bytes(check, content):
    policy, findings = check(content)
    assert policy is None
    assert findings


@QUIET
@given(st.data())
def test_check_gives_located_findings_when_a_good_policy_is_damaged(check, good, data):
    text = good
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start, min(start + 12, len(text))))
        text = text[:start] + data.draw(_PIECES) + text[end:]
    _assert_located(text.removeprefix("\ufeff"), *check(text))


_VALUES = st.recursive(
    st.sampled_from(
        ["1", "-1", "0.5", "true", "null", "''", "x", "att", "keep", "1e9", "[]", "{}"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | inner.map(lambda item: f"{{name: {item}}}")
    ),
    max_leaves=4,
)


@QUIET
@given(st.data())
def test_check_gives_located_findings_when_any_value_is_another(check, good, data):
    # Values of flow mappings and of plain lines, as they stand in the good policy.
    spots = [match.span(1) for match in re.finditer(r": ([^\s,{}\[\]]+)", good)]
    start, end = data.draw(st.sampled_from(spots))
    text = good[:start] + data.draw(_VALUES) + good[end:]
    _assert_located(text, *check(text))


@QUIET
@given(st.data())
def test_check_gives_located_findings_when_a_line_is_missing(check, good, data):
    lines = good.splitlines(keepends=True)
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    text = "".join(lines)
    _assert_located(text, *check(text))
