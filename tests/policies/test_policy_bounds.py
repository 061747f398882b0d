"""Which columns may have their labels' bounds published, and what these are called."""

from __future__ import annotations

import pytest

from optin.policies import policy_digest

YOB = "width: 5, quasi: true, hierarchy: {widths: [10, 20]}}"
DAY = "quasi: true, hierarchy: {dates: [month, year]}}"


def test_bounds_stand_behind_their_column_in_the_release(check, good):
    text = good.replace(YOB, YOB[:-1] + ", bounds: true}")
    policy, findings = check(text.replace(DAY, DAY[:-1] + ", bounds: true}"))
    assert findings == ()
    plain, _ = check(good)
    assert policy.bounded_columns == ("user.yob", "day")
    names = list(plain.release_columns)
    for name in ("user.yob", "day"):
        at = names.index(name) + 1
        names[at:at] = [f"{name}_lower", f"{name}_upper"]
    assert list(policy.release_columns) == names
    assert policy.class_columns == (
        *policy.quasi_identifiers,
        "user.yob_lower",
        "user.yob_upper",
        "day_lower",
        "day_upper",
    )
    assert policy_digest(policy) != policy_digest(plain)


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        (
            "action: keep}\npii",
            "action: keep, bounds: true}\npii",
            "E198",
            "quasi: true",
        ),
        ("{prefix: [2, 1]}}", "{prefix: [2, 1]}, bounds: true}", "E198", "numbers"),
        (
            "{table: country.csv}}",
            "{table: country.csv}, bounds: true}",
            "E198",
            "dates",
        ),
        (YOB, YOB[:-1] + ", bounds: 'both'}", "E105", "true or false"),
        (YOB, YOB[:-1] + ", bunds: true}", "E101", "Did you mean 'bounds'?"),
    ],
)
def test_bounds_of_what_has_none_are_refused(check, good, old, new, code, says):
    assert old in good
    policy, findings = check(good.replace(old, new))
    assert policy is None
    assert [found.code for found in findings] == [code]
    assert says in findings[0].message


@pytest.mark.parametrize("action", ["keep", "drop"])
def test_bounds_take_no_name_that_a_column_has(check, good, action):
    text = good.replace(YOB, YOB[:-1] + ", bounds: true}").replace(
        "columns:\n",
        f"columns:\n  - {{name: user.yob_upper, type: integer, action: {action}}}\n",
    )
    policy, findings = check(text)
    assert policy is None
    assert [found.code for found in findings] == ["E199"]
    assert "'user.yob_upper'" in findings[0].message
    assert findings[0].line == text.split("bounds: true")[0].count("\n") + 1
