"""The main job end to end on demo data, judged by DuckDB against the planted truth.

Nothing of optin's own code decides here but the run itself: counts, people per class and
leftover identifiers come from the generator's truth and plain SQL.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from optin.pipelines.demo import AS_OF, run_demo
from optin.pipelines.result import RunResult
from optin.pipelines.training_set import RunOptions, run_policy
from optin.transforms.deidentify import derive_key, key_id

EVENTS, SEED = 6_000, 11
K = 10  # of the demo policy
QUASI = ("user.yob", "user.gender", "device.geo.country", "device.model")
SCANNED = ("app.search_query", "app.support_message")


def rows(query: str) -> list[tuple[Any, ...]]:
    """Give the rows of a query."""
    return duckdb.execute(query).fetchall()


class Demo:
    """One run of the demo and where its files are."""

    def __init__(self, folder: Path, result: RunResult) -> None:
        self.folder = folder
        self.result = result
        self.release = Path(result.release or "")
        self.truth = str(folder / "truth" / "truth.parquet")
        self.published = str(self.release / "*.parquet")
        self.audit = folder / "audit" / result.run_id

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        query = query.replace("TRUTH", f"read_parquet('{self.truth}')")
        query = query.replace("PUBLISHED", f"read_parquet('{self.published}')")
        return rows(query)

    def token_of(self, auction_id: str) -> str:
        """The pseudonym of an auction, by the textbook: HMAC = H(k^o, H(k^i, m))."""
        master = (self.folder / "demo.key").read_bytes()
        key = derive_key(
            master, "train_ai_system", "mobile_ad_events", "auction_id"
        ).ljust(64, b"\0")
        inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + auction_id.encode())
        outer = bytes(b ^ 0x5C for b in key) + inner.digest()
        return hashlib.sha256(outer).hexdigest()[:32]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    result = run_demo(folder, events=EVENTS, seed=SEED, progress=lambda _: None)
    assert result.refused is None
    return Demo(folder, result)


def test_demo_names_its_keys_in_the_manifest_and_shows_none(demo: Demo) -> None:
    master = (demo.folder / "demo.key").read_bytes()
    text = (demo.release / "release.json").read_text(encoding="utf-8")
    keys = json.loads(text)["keys"]
    assert keys["policy"] == {"id": key_id(master), "epoch": None}
    assert keys["columns"]["auction_id"] == {**keys["policy"], "join_group": None}
    assert master.hex() not in text


def test_demo_counts_every_code_as_the_truth_says(demo: Demo) -> None:
    expected = Counter(
        dict(
            demo.sql("SELECT code, count(*) FROM TRUTH WHERE code NOT NULL GROUP BY 1")
        )
    )
    result = demo.result
    counted = result.dropped + result.quarantined + Counter({"KEEP": result.kept})
    assert counted == expected
    assert result.read == expected.total()


def test_demo_publishes_only_records_that_opted_in(demo: Demo) -> None:
    kept = {
        demo.token_of(auction_id)
        for (auction_id,) in demo.sql(
            "SELECT auction_id FROM TRUTH WHERE code = 'KEEP'"
        )
    }
    published = [token for (token,) in demo.sql("SELECT auction_id FROM PUBLISHED")]
    assert len(published) == demo.result.published > 0
    assert len(set(published)) == len(published)
    assert set(published) <= kept
    assert len(kept) - len(published) == demo.result.suppressed


def test_demo_audits_every_dropped_record_with_its_codes(demo: Demo) -> None:
    drops = str(demo.audit / "drops" / "*.parquet")
    audited = rows(
        f"SELECT code, codes, count(*) FROM read_parquet('{drops}') GROUP BY ALL"
    )
    planted = demo.sql(
        "SELECT code, codes, count(*) FROM TRUTH WHERE outcome = 'drop' GROUP BY ALL"
    )
    assert sorted(map(str, audited)) == sorted(map(str, planted))


def test_demo_locates_every_ill_formed_line(demo: Demo) -> None:
    text = (demo.audit / "quarantine.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    located = {
        (Path(entry["file"]).name, entry["line"], entry["code"])
        for entry in entries
        if entry["code"].startswith("BAD_")
    }
    planted = demo.sql(
        "SELECT parse_filename(file), line, code FROM TRUTH WHERE code LIKE 'BAD_%'"
    )
    assert located == set(planted)
    assert len(entries) == demo.result.quarantined.total()


def test_demo_covers_k_people_in_every_published_class(demo: Demo) -> None:
    people = {
        demo.token_of(auction_id): subject
        for auction_id, subject in demo.sql(
            "SELECT auction_id, subject FROM TRUTH WHERE code = 'KEEP'"
        )
    }
    columns = ", ".join(f'"{name}"' for name in ("auction_id", *QUASI))
    classes: dict[tuple[Any, ...], set[str]] = {}
    for token, *values in demo.sql(f"SELECT {columns} FROM PUBLISHED"):
        classes.setdefault(tuple(values), set()).add(people[token])
    smallest = min(len(subjects) for subjects in classes.values())
    assert smallest >= K
    assert demo.result.anonymity["classes"] == len(classes)
    assert demo.result.anonymity["k_reached"] == smallest


def test_demo_leaves_no_planted_personal_data(demo: Demo) -> None:
    planted = {
        value
        for (value,) in demo.sql(
            "SELECT DISTINCT p.value FROM (SELECT unnest(pii) AS p FROM TRUTH) "
            "WHERE p.entity <> 'PERSON'"  # the demo's rules do not look for names
        )
    }
    columns = ", ".join(f'"{name}"' for name in SCANNED)
    texts = "\n".join(
        str(text)
        for row in demo.sql(f"SELECT {columns} FROM PUBLISHED")
        for text in row
    )
    assert planted
    assert [value for value in planted if value in texts] == []
    assert "<EMAIL_ADDRESS>" in texts


def test_demo_publishes_no_direct_identifier(demo: Demo) -> None:
    identifiers: set[str] = set()
    for path in sorted((demo.folder / "events").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            try:
                event = json.loads(line)
                device, user = event["device"], event["user"]
            except (ValueError, KeyError, TypeError):
                continue  # ill-formed on purpose
            for value in (
                event.get("auction_id"),
                device.get("ifa"),
                device.get("ip"),
                (device.get("ext") or {}).get("ifv"),
                user.get("id"),
            ):
                if isinstance(value, str) and len(value) > 6:
                    identifiers.add(value.lower())
    published = "\n".join(str(row) for row in demo.sql("SELECT * FROM PUBLISHED"))
    published = published.lower()
    assert len(identifiers) > 1_000
    assert [value for value in identifiers if value in published] == []


def test_demo_leaves_nothing_but_the_release(demo: Demo) -> None:
    root = demo.folder / "release"
    assert [path.name for path in root.iterdir()] == ["mobile_ad_events"]
    assert [path.name for path in demo.release.parent.iterdir()] == ["v0001"]
    manifest = json.loads((demo.release / "release.json").read_text(encoding="utf-8"))
    assert [(manifest["rows"],)] == demo.sql("SELECT count(*) FROM PUBLISHED")
    for entry in manifest["files"]:
        digest = hashlib.sha256((demo.release / entry["name"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"]


def test_release_is_the_same_to_the_byte_when_input_is_shuffled_and_cut(
    demo: Demo, tmp_path: Path
) -> None:
    # The same lines, in another order and in seven files instead of one.
    copy = tmp_path / "again"
    shutil.copytree(
        demo.folder, copy, ignore=shutil.ignore_patterns("release", "audit")
    )
    lines: list[bytes] = []
    for path in sorted((copy / "events").glob("*.jsonl")):
        lines += [line for line in path.read_bytes().split(b"\n") if line.strip()]
        path.unlink()
    random.Random(5).shuffle(lines)  # noqa: S311  # a seeded shuffle, no secret
    for number in range(7):
        part = b"\n".join(lines[number::7]) + b"\n"
        (copy / "events" / f"other-{number}.jsonl").write_bytes(part)
    result = run_policy(copy / "policy.yaml", RunOptions(as_of=AS_OF.isoformat()))
    assert result.release is not None
    ours, theirs = (
        {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        for folder in (demo.release, Path(result.release))
    )
    assert ours == theirs
