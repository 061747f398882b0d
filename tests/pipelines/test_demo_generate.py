"""The demo's events and their truth, checked against each other."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from optin.pipelines.demo import DemoFiles, generate, generate_demo

EVENTS = 20_000
Records = dict[tuple[str, int], dict[str, Any] | None]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return generate_demo(tmp_path_factory.mktemp("demo"), EVENTS, seed=11)


@pytest.fixture(scope="module")
def truth(demo: DemoFiles) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(demo.truth).to_pylist()
    return rows


@pytest.fixture(scope="module")
def lines(demo: DemoFiles) -> dict[tuple[str, int], bytes]:
    """Lines as they stand on disk, by file and 1-based number."""
    return {
        (path.name, number): line
        for path in sorted(demo.events.iterdir())
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1)
    }


@pytest.fixture(scope="module")
def records(
    lines: dict[tuple[str, int], bytes],
) -> Records:
    """What a plain JSON parser makes of each line; None where it is no object."""
    return {place: parsed(line) for place, line in lines.items()}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def test_bytes_are_the_same_when_the_arguments_are(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate_demo(tmp_path / name, 1_000, seed=3)
    generate_demo(tmp_path / "other", 1_000, seed=4)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "other")


def test_parts_are_whole_when_there_are_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_PART_LINES", 400)
    # 400 + 400 + 200; of 850 the last 50 are too few for a part: 400 + 450.
    for events, sizes in ((1_000, [400, 400, 200]), (850, [400, 450])):
        files = generate_demo(tmp_path, events, seed=1)
        parts = sorted(files.events.iterdir())  # older parts are gone
        assert [part.read_bytes().count(b"\n") for part in parts] == sizes
        rows = pq.read_table(files.truth).to_pylist()
        assert Counter(row["file"] for row in rows) == {
            part.name: size for part, size in zip(parts, sizes, strict=True)
        }
        ids = [row["auction_id"] for row in rows if row["auction_id"]]
        assert len(ids) == len(set(ids))


def test_too_few_events_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 100"):
        generate_demo(tmp_path, 99, seed=1)


def test_every_line_has_one_row_of_truth(
    demo: DemoFiles,
    truth: list[dict[str, Any]],
    lines: dict[tuple[str, int], bytes],
) -> None:
    assert demo.lines == EVENTS == len(truth)
    assert [(row["file"], row["line"]) for row in truth] == list(lines)


def test_outcomes_add_up_to_the_records(truth: list[dict[str, Any]]) -> None:
    blank = [row for row in truth if row["malformed"] == "blank"]
    outcomes = Counter(row["outcome"] for row in truth)
    assert outcomes[None] == len(blank) > 0
    assert outcomes["keep"] + outcomes["drop"] + outcomes["quarantine"] + len(
        blank
    ) == len(truth)
    # A first run should keep a good part and show every kind of reason.
    assert 0.3 < outcomes["keep"] / len(truth) < 0.6
    assert len({row["code"] for row in truth}) == 21  # 19 reasons, KEEP, blank


def test_primary_code_is_the_first_of_all(truth: list[dict[str, Any]]) -> None:
    for row in truth:
        if row["malformed"] == "blank":
            assert (row["code"], row["codes"]) == (None, [])
        else:
            assert row["code"] == (row["codes"] or ["KEEP"])[0]
            assert (row["outcome"] == "keep") == (row["code"] == "KEEP")
            assert row["minor"] == ("MINOR" in row["codes"])


def test_malformed_lines_are_about_one_in_a_hundred(
    truth: list[dict[str, Any]], records: Records
) -> None:
    malformed = [row for row in truth if row["malformed"]]
    assert 0.008 < len(malformed) / len(truth) < 0.015
    unreadable = {"truncated", "not_utf8", "not_object", "blank"}
    for row in truth:
        record = records[row["file"], row["line"]]
        assert (record is None) == (row["malformed"] in unreadable)
        if record is not None:
            assert record["auction_id"] == row["auction_id"]


def test_auction_ids_are_unique(truth: list[dict[str, Any]]) -> None:
    ids = [row["auction_id"] for row in truth if row["auction_id"] is not None]
    assert len(ids) == len(set(ids))


def test_planted_values_stand_in_their_line(
    truth: list[dict[str, Any]],
    lines: dict[tuple[str, int], bytes],
    records: Records,
) -> None:
    kinds: Counter[str] = Counter()
    for row in truth:
        for plant in row["pii"]:
            record = records[row["file"], row["line"]]
            assert record is not None
            assert plant["value"] in record["app"][plant["column"].split(".")[1]]
            assert plant["value"] in lines[row["file"], row["line"]].decode()
            kinds[plant["entity"]] += 1
    assert set(kinds) == {
        *("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"),
        *("IBAN_CODE", "IP_ADDRESS", "PERSON"),
    }


def test_planted_numbers_have_right_check_digits(truth: list[dict[str, Any]]) -> None:
    plants = [plant for row in truth for plant in row["pii"]]
    cards = {p["value"] for p in plants if p["entity"] == "CREDIT_CARD"}
    ibans = {p["value"] for p in plants if p["entity"] == "IBAN_CODE"}
    assert cards
    assert ibans
    for card in cards:
        digits = [int(letter) for letter in card if letter.isdigit()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
        assert len(digits) == 16
        assert (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0  # Luhn
    for iban in ibans:
        plain = iban.replace(" ", "")
        turned = plain[4:] + plain[:4]
        assert int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def test_keys_of_a_subject_are_the_persons_own(
    truth: list[dict[str, Any]], records: Records
) -> None:
    owner: dict[str, str] = {}
    for row in truth:
        record = records[row["file"], row["line"]]
        if record is None or row["code"] == "NO_SUBJECT":
            continue
        # The policy's subject: user.id, else an advertising id that is not all zeros.
        key = record["user"].get("id") or record["device"]["ifa"].lower()
        assert set(key) - set("0-")
        assert owner.setdefault(key, row["subject"]) == row["subject"]
    # One key a person: the true people are those that a gate can count.
    assert len(owner) == len(set(owner.values()))


def test_one_person_talks_most_of_all(truth: list[dict[str, Any]]) -> None:
    people = Counter(row["subject"] for row in truth if row["subject"])
    # 2 % of 20,000 events, ± 4 standard deviations (20).
    assert abs(people["person-0000000"] - 400) < 80


def test_one_person_agrees_on_one_device_and_refuses_on_another(
    truth: list[dict[str, Any]], records: Records
) -> None:
    codes: dict[str, set[str]] = {}
    for row in truth:
        record = records[row["file"], row["line"]]
        if row["subject"] == "person-0000001" and record and not row["malformed"]:
            device = record["device"]["ext"]["ifv"]
            codes.setdefault(device, set()).add(row["code"])
    agreed = [found for found in codes.values() if "KEEP" in found]
    refused = [found for found in codes.values() if "ATT_DENIED" in found]
    assert len(codes) == 2
    assert len(agreed) == len(refused) == 1
    assert agreed != refused


def test_some_people_changed_their_answer(
    truth: list[dict[str, Any]], records: Records
) -> None:
    answers: dict[str, list[str]] = {}
    for row in truth:
        record = records[row["file"], row["line"]]
        status = (record or {}).get("device", {}).get("ext", {}).get("atts")
        if record and status is not None:
            seen = answers.setdefault(record["device"]["ext"]["ifv"], [])
            if not seen or seen[-1] != str(status):
                seen.append(str(status))
    # Lines are in the order of time: nobody goes back and forth.
    changes = Counter(tuple(seen) for seen in answers.values() if len(seen) > 1)
    assert set(changes) == {("0", "3"), ("3", "2")}


def test_rare_people_exist_for_k_anonymity_to_act_on(
    records: Records, truth: list[dict[str, Any]]
) -> None:
    people: dict[str, set[str]] = {}
    for row in truth:
        record = records[row["file"], row["line"]]
        if record and row["subject"]:
            country = record["device"]["geo"]["country"]
            people.setdefault(country, set()).add(row["subject"])
    sizes = sorted(len(found) for found in people.values())
    # Demo k is 10: the rarest country cannot reach it by itself, the largest can.
    assert sizes[0] < 10 < 500 < sizes[-1]
