"""The digest of a policy holds the edition of what comes with the package."""

from __future__ import annotations

import shutil

import pytest

from optin.policies import hierarchy_builtin, policy_digest
from optin.policies.hierarchy_builtin import BUILTINS, builtin_edition

TABLE = "hierarchy: {table: country.csv}"


@pytest.fixture
def own_tables(tmp_path, monkeypatch):
    """Give a copy of the built-in tables that a test may change."""
    folder = tmp_path / "tables"
    shutil.copytree(hierarchy_builtin._DATA, folder)
    monkeypatch.setattr(hierarchy_builtin, "_DATA", folder)
    builtin_edition.cache_clear()
    yield folder
    builtin_edition.cache_clear()


def test_changed_table_changes_the_digest(check, good, own_tables):
    plain, _ = check(good)
    named, findings = check(good.replace(TABLE, "hierarchy: country"))
    assert findings == ()
    before = policy_digest(plain), policy_digest(named)
    assert before == (policy_digest(plain), policy_digest(named))
    table = own_tables / "country.csv"
    table.write_text(table.read_text().replace("Western Europe", "West of Europe"))
    builtin_edition.cache_clear()
    assert policy_digest(plain) == before[0]
    assert policy_digest(named) != before[1]


def test_every_hierarchy_has_an_edition_of_its_own(own_tables, monkeypatch):
    editions = {name: builtin_edition(name) for name in BUILTINS}
    assert len(set(editions.values())) == len(BUILTINS)
    monkeypatch.setattr(hierarchy_builtin, "_TOP_AGE", 85)
    monkeypatch.setattr(hierarchy_builtin, "_DEVICES", hierarchy_builtin._DEVICES[1:])
    builtin_edition.cache_clear()
    changed = [name for name in BUILTINS if builtin_edition(name) != editions[name]]
    assert changed == ["age", "device_model"]


def test_content_of_a_distance_table_counts_and_not_its_place(check, good, folder):
    text = good.replace(
        "quasi: true, hierarchy: {table: country.csv}", "sensitive: true"
    )
    rule = "sensitive: {country: {t: 0.3, distance: hierarchical, table: NAME.csv}}"

    def digest(name: str) -> str:
        asked = rule.replace("NAME", name)
        policy, findings = check(text.replace("{k: 5,", f"{{k: 5, {asked},"))
        assert findings == ()
        return policy_digest(policy)

    shutil.copy(folder / "country.csv", folder / "other.csv")
    assert digest("country") == digest("other")
    (folder / "other.csv").write_text("AT;Europe;*\nDE;Asia;*\nJP;Asia;*\n")
    assert digest("country") != digest("other")
