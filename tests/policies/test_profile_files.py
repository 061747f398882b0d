"""A profile of the user's own is read as strictly as a policy, and located as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optin.policies import PolicyError, load_profile
from optin.policies.profile import is_profile_file

GOOD = """\
# Our shop's events.
name: shop
status: partial
sources: ["wiki: events"]
notes: "answer is what the banner wrote"
event_time: {field: ts, unit: ms}
subject: [user]
profile_columns: [city]
signals:
  banner:
    paths: [answer, old.answer]
    lower: true
    values: {"yes": grant, "no": deny, "unset": unknown}
    time_paths: [answered_at]
    time_unit: ms
  gpc:
    paths: [gpc]
    values: {"1": deny, "0": unknown}
    veto_only: true
  map: {kind: category_map, paths: [choices]}
  lists: {kind: id_lists, paths: [ok], denied_paths: [not_ok]}
  scopes:
    kind: scoped
    paths: [what]
    scope_paths: [which]
    values: {some: by_scope, none: deny}
  purpose: {paths: ["c.{category}.ok"], values: {"true": grant, "false": deny}}
  att: {paths: [att], values: {"3": grant, "0": deny}}
  tcf: {paths: [tc], decoder: tcf_v2}
  gpp: {paths: [gpp], decoder: gpp, section_paths: [sid]}
  usp: {paths: [usp], decoder: us_privacy, veto_only: true}
  zero: {paths: [ifa], detect: zero_uuid, veto_only: true}
"""


@pytest.fixture
def faults(tmp_path: Path):
    """Findings of a profile's text, one `line:column: code message` each."""

    def run(text: str | bytes) -> list[str]:
        path = tmp_path / "shop.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            load_profile("shop.yaml", tmp_path)
        except PolicyError as error:
            # `file` is the profile's own, as it was found from the policy's folder.
            return [str(found).removeprefix(f"{path}:") for found in error.findings]
        return []

    return run


def test_own_profile_is_loaded_with_everything_it_says(faults, tmp_path):
    assert faults(GOOD) == []
    profile = load_profile("shop.yaml", tmp_path)
    assert profile.status == "partial"
    assert profile.profile_columns == ("city",)
    assert profile.event_time is not None
    assert profile.event_time.unit == "ms"
    banner = profile.signals["banner"].named("banner")
    assert banner.dated
    assert banner.paths == ("answer", "old.answer")
    assert profile.signals["map"].named("map").by_category
    assert profile.signals["lists"].denied_paths == ("not_ok",)
    assert profile.signals["scopes"].scope_paths == ("which",)


@pytest.mark.parametrize(
    "name", ["./shop.yml", "feeds/shop", "feeds/../shop.yml", "/shop.yml"]
)
def test_own_profile_is_found_from_the_policys_folder(tmp_path, name):
    (tmp_path / "feeds").mkdir()
    for file in ("shop.yml", "feeds/shop"):
        (tmp_path / file).write_text(GOOD)
    absolute = f"{tmp_path}{name}" if name.startswith("/") else name
    assert is_profile_file(absolute)
    assert load_profile(absolute, tmp_path).name == "shop"


@pytest.mark.parametrize(
    "name", ["none.yaml", "feeds/none", "segment.yaml", "shop.yaml/x", "a\0b.yaml"]
)
def test_own_profile_is_not_found_when_there_is_no_such_file(tmp_path, name):
    (tmp_path / "shop.yaml").write_text(GOOD)
    with pytest.raises(FileNotFoundError):
        load_profile(name, tmp_path)


def test_own_profile_is_a_finding_when_it_is_a_folder(tmp_path):
    (tmp_path / "feeds").mkdir()
    with pytest.raises(PolicyError) as caught:
        load_profile("feeds/", tmp_path)
    assert [found.code for found in caught.value.findings] == ["E001"]


def test_shipped_profile_is_a_key_error_when_the_name_is_none(tmp_path):
    for name in ("segmnt", "", "Segment", "openrtb_2_6 "):
        assert not is_profile_file(name)
        with pytest.raises(KeyError):
            load_profile(name, tmp_path)


def test_shipped_profile_is_not_shadowed_by_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segment").write_text(GOOD)
    assert load_profile("segment", tmp_path).name == "segment"


# What replaces a part of GOOD → the fault, with its place.
FAULTS = [
    # Keys and words.
    ("name: shop", "name: shop\nnmae: x", "3:1 E101", "Did you mean 'name'?"),
    ("name: shop", "name: shop\nversion: 1", "3:1 E101", "in the profile"),
    ("    lower: true", "    lowr: true", "12:5 E101", "Did you mean 'lower'?"),
    ("kind: category_map", "kind: categry_map", "20:15 E104", "'category_map'"),
    ('"no": deny', '"no": denny', "13:34 E104", "Did you mean 'deny'?"),
    ("status: partial", "status: draft", "3:9 E104", "'partial'"),
    ("unit: ms}", "unit: min}", "6:31 E104", "must be"),
    ("decoder: tcf_v2", "decoder: tcf", "29:31 E104", "'tcf_v2'"),
    ("paths: [gpc]", "paths: []", "17:12 E107", "empty"),
    ("paths: [gpc]", "paths: gpc", "17:12 E105", "a list"),
    ("    paths: [gpc]\n", "", "16:3 E103", "'paths' is missing"),
    ("sources: [", "# [", "2:1 E103", "'sources' is missing"),
    ("name: shop", "name: shop\nname: shop", "3:1 E102", "given twice"),
    ('"1": deny', '"0": deny', "18:25 E102", "given twice"),
    # YAML's traps.
    ('"yes": grant', "yes: grant", "13:14 E130", "in quotes"),
    ('"1": deny', "1: deny", "18:14 E108", "in quotes"),
    # Names.
    ("  banner:", "  Banner:", "10:3 E119", "lower-case"),
    ("  banner:", "  ledger:", "10:3 E119", "the ledger's own"),
    ("[gpc]", '[" "]', "17:13 E111", "empty"),
    ("old.answer]", "answer]", "11:21 E118", "twice"),
    # One way to read a signal.
    ('    values: {"1": deny, "0": unknown}\n', "", "16:3 E103", "cannot be read"),
    ("[tc], decoder", "[tc], values: {x: grant}, decoder", "29:42 E128", "no effect"),
    ("paths: [choices]", "paths: [x], values: {a: grant}", "20:41 E128", "kind"),
    ("    scope_paths: [which]\n", "", "22:3 E103", "needs 'scope_paths:'"),
    ("[gpc]", "[gpc]\n    scope_paths: [x]", "18:5 E128", "kind: scoped"),
    ("[gpc]", "[gpc]\n    denied_paths: [x]", "18:5 E128", "kind: id_lists"),
    ("decoder: gpp,", "decoder: tcf_v2,", "30:40 E128", "decoder: gpp"),
    ("[choices]", "[choices], lower: true", "20:47 E128", "'lower'"),
    ("    time_paths: [answered_at]\n", "", "14:5 E128", "'time_paths:'"),
    ("[which]", '["{category}"]', "25:19 E128", "{category}"),
    ("[answered_at]", '["{category}.at"]', "14:18 E128", "{category}"),
    ("[ok]", '["{category}"]', "21:35 E128", "{category}"),
    # Values as they are compared.
    ('"no": deny', '"NO": deny', "13:28 E104", "'no'"),
    ('"1": deny', '"1.0": deny', "18:14 E104", "'1'"),
    ('"1": deny', '" ": deny', "18:14 E105", "absence"),
    # Verdicts.
    ('"3": grant, "0": deny', '"3": grant, "2": grant', "28:49 E138", "'authorized'"),
    ('"yes": grant', '"yes": by_scope', "13:21 E128", "scoped"),
    ('"0": unknown', '"0": grant', "18:30 E124", "veto_only"),
    ('"yes": grant', '"yes": deny', "10:3 E124", "no value that grants"),
    ('"1": deny', '"1": unknown', "16:3 E126", "no value that denies"),
    (", veto_only: true}\n  zero", "}\n  zero", "31:32 E124", "us_privacy"),
    ("zero_uuid, veto_only: true", "zero_uuid", "32:32 E124", "zero_uuid"),
    ("[choices]", "[choices], veto_only: true", "20:58 E126", "by category"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_own_profile_fault_is_located(faults, old, new, place, words):
    assert GOOD.count(old) >= 1
    found = faults(GOOD.replace(old, new, 1))
    hits = [
        fault for fault in found if fault.startswith(place.replace(" ", ": ") + " ")
    ]
    assert len(hits) == 1, found
    assert words in hits[0]


def test_own_profile_reports_all_faults_at_once(faults):
    text = GOOD.replace("status: partial", "status: draft")
    text = text.replace('"no": deny', '"no": denny').replace("kind: scoped", "kind: x")
    assert [fault.split(": ")[0] for fault in faults(text)] == ["3:9", "13:34", "23:11"]


def test_policy_uses_an_own_profile_and_shows_its_faults(check, good, folder):
    text = good.replace("profile: openrtb_2_6", "profile: feeds/shop.yaml")
    text = text.replace("[coppa, lmt, ifa_zero]", "[gpc, zero]")
    (folder / "feeds").mkdir()
    path = folder / "feeds" / "shop.yaml"
    path.write_text(GOOD)
    policy, findings = check(text)
    assert policy is not None, findings
    assert policy.consent.resolved["gpc"].paths == ("gpc",)
    path.write_text(GOOD.replace('"no": deny', '"no": denny'))
    policy, findings = check(text)
    assert policy is None
    assert {(Path(found.file).name, found.code) for found in findings} == {
        ("policy.yaml", "E120"),
        ("shop.yaml", "E104"),
    }


@pytest.mark.parametrize("text", ["", "[]", "a: [", b"\xff\xfe", "a: &x 1", "--- 1"])
def test_own_profile_is_refused_when_it_is_no_mapping(faults, text):
    assert faults(text)


def test_own_profile_messages_do_not_speak_of_a_policy(faults):
    texts = ["", "- x", GOOD + "veto: [gpc]\n", GOOD + "---\na: 1\n"]
    for fault in (fault for text in texts for fault in faults(text)):
        assert "policy" not in fault.replace("consent_policy", "")
        assert "version" not in fault


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(at=st.integers(0, len(GOOD)), cut=st.integers(0, 12), put=st.text(max_size=6))
def test_own_profile_never_raises_anything_else(faults, at, cut, put):
    text = GOOD[:at] + put + GOOD[at + cut :]
    faults(text.encode("utf-8", "replace"))
