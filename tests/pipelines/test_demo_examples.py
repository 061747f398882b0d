"""The examples stay what the demo is, and the oracle stays what it was checked to be."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from optin.pipelines.demo import copy_policy, generate_demo
from optin.policies.hierarchies import load_table_hierarchy
from optin.policies.model import Policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SAMPLE = {"events": 375, "seed": 2}
# Test modules cannot import each other here, so the oracle is run as the script it is.
ORACLE = runpy.run_path(str(Path(__file__).with_name("openrtb_oracle.py")))
codes_of, expected_counts = ORACLE["codes_of"], ORACLE["expected_counts"]


def content(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def test_example_is_the_demo_but_for_key_and_k(tmp_path: Path) -> None:
    demo = content(copy_policy(tmp_path))
    example = content(EXAMPLES / "mobile_ads" / "policy.yaml")
    assert (demo.pop("key"), example.pop("key")) == (
        "file://demo.key",
        "env://OPTIN_KEY",
    )
    assert (demo["anonymity"].pop("k"), example["anonymity"].pop("k")) == (10, 3)
    assert demo == example


@pytest.mark.parametrize(
    "name",
    ["expectations.yaml", "hierarchies/country.csv", "hierarchies/device_model.csv"],
)
def test_files_beside_the_example_are_the_demos(tmp_path: Path, name: str) -> None:
    copy_policy(tmp_path)
    same = (EXAMPLES / "mobile_ads" / name).read_bytes()
    assert (tmp_path / name).read_bytes() == same


def test_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    files = generate_demo(tmp_path, **SAMPLE)
    committed = EXAMPLES / "mobile_ads" / "events"
    assert [path.name for path in committed.iterdir()] == ["part-00000.jsonl"]
    fresh = (files.events / "part-00000.jsonl").read_bytes()
    assert (committed / "part-00000.jsonl").read_bytes() == fresh


@pytest.mark.parametrize("name", ["mobile_ads", "openrtb"])
def test_policies_are_of_the_language(name: str) -> None:
    policy = Policy.model_validate(content(EXAMPLES / name / "policy.yaml"))
    assert policy.purpose == "train_ai_system"
    for column in policy.columns:
        if column.hierarchy and column.hierarchy.table:
            load_table_hierarchy(EXAMPLES / name / column.hierarchy.table)


@pytest.mark.parametrize("name", ["mobile_ads", "openrtb"])
def test_suites_name_published_columns_alone(name: str) -> None:
    policy = Policy.model_validate(content(EXAMPLES / name / "policy.yaml"))
    published = {column.name for column in policy.published_columns}
    suite = content(EXAMPLES / name / "expectations.yaml")
    for expectation in suite["expectations"]:
        kwargs = expectation["kwargs"]
        named = {kwargs["column"]} if "column" in kwargs else set()
        named |= set(kwargs.get("column_list", ())) | set(kwargs.get("column_set", ()))
        assert named <= published


def test_tables_hold_every_value_of_the_demo(tmp_path: Path) -> None:
    policy_folder = copy_policy(tmp_path).parent
    files = generate_demo(tmp_path, 20_000, seed=1)
    seen: dict[str, set[str]] = {"country": set(), "device_model": set()}
    for line in (files.events / "part-00000.jsonl").read_bytes().split(b"\n"):
        try:
            device = json.loads(line)["device"]
        except (ValueError, TypeError):
            continue
        seen["country"].add(device["geo"]["country"])
        seen["device_model"].add(device["model"])
    for name, values in seen.items():
        table = load_table_hierarchy(policy_folder / "hierarchies" / f"{name}.csv")
        assert values <= set(table.leaves)


def test_oracle_ranks_reasons_when_several_apply() -> None:
    child = {"regs": {"coppa": 1}, "device": {"dnt": 1, "ifa": "0000-0000"}}
    asked = ["ATT_MISSING", "TCF_MISSING"]
    assert codes_of(child) == [
        "NO_SUBJECT",
        "MINOR",
        "VETO_DNT",
        "VETO_IFA_ZERO",
        *asked,
    ]
    device = {"os": "iOS", "ifa": "a-1", "ext": {"atts": 3}}
    assert codes_of({"regs": {"gdpr": 0}, "device": device}) == []
    assert codes_of({"device": device}) == ["TCF_MISSING"]
    other = {"regs": {"gdpr": 0}, "device": {"os": "Android", "ifa": "a-1"}}
    assert codes_of(other) == ["PURPOSE_NOT_GRANTED"]
