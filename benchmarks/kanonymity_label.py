"""What a model learns from Adult at k, with and without `target: salary-class`.

    pip install scikit-learn
    python benchmarks/kanonymity_label.py [--data ../shared/data/adult] [--splits 3]

Of 30,162 people 10,000 are set aside; the others are generalised, and a model is trained
on their published labels to predict the salary class. It is tested on the raw rows of
those set aside, as a model in use meets them. A label is given to the model as what it
says: equal shares of the values under it, or the middle of its range. Models: logistic
regression, and gradient boosting of trees. Figures are means over splits of accuracy,
area under the ROC curve, and log loss. The baseline of each line is the same recoding
without a target; `raw` is trained on raw rows.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from adult import QUASI, ladders_of, read_adult
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from optin.transforms.blocks.names import SUBJECT
from optin.transforms.kanonymity import kanonymize

Floats = npt.NDArray[np.float64]

TARGET = "salary-class"
TEST_ROWS = 10_000
MIDDLE_AGE = 38.5
RECODINGS: dict[str, dict[str, Any]] = {
    "global": {"recoding": "global"},
    "local, hierarchy": {"recoding": "local"},
    "local, ranges": {"recoding": "local", "labels": "ranges"},
}


def main() -> None:
    """Print one line per k and recoding, plain and with the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/adult"))
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--k", type=int, nargs="*", default=[5, 10, 50, 100])
    given = parser.parse_args()
    table = read_adult(given.data)
    people = pa.array(np.arange(table.num_rows, dtype=np.uint64))
    table = table.append_column(SUBJECT, people)
    encoder = Encoder(given.data)
    halves = []
    for seed in range(1, given.splits + 1):
        order = np.random.default_rng(seed).permutation(table.num_rows)
        test, train = np.sort(order[:TEST_ROWS]), np.sort(order[TEST_ROWS:])
        halves.append((table.take(pa.array(train)), table.take(pa.array(test))))
    print(
        "| k | recoding | target | NCP | logistic: accuracy, AUC, log loss | boosting |"
    )
    print("|---|---|---|---|---|---|")
    raw = [encoder.quality(train, test) for train, test in halves]
    line(0, "raw", "", 0.0, raw)
    for k in given.k:
        for name, settings in RECODINGS.items():
            for target in (None, TARGET):
                found, lost = [], []
                for train, test in halves:
                    published, summary = kanonymize(
                        train,
                        subject=SUBJECT,
                        quasi_identifiers=ladders_of(given.data),
                        k=k,
                        target=target,
                        **settings,
                    )
                    lost.append(summary.ncp)
                    found.append(encoder.quality(published, test))
                line(k, name, target or "-", float(np.mean(lost)), found)


class Encoder:
    """Gives labels to models, and asks what they learnt."""

    def __init__(self, folder: Path) -> None:
        self._leaves: dict[str, list[list[str]]] = {}
        for name in QUASI:
            if name != "age":
                path = folder / f"adult_hierarchy_{name}.csv"
                with path.open(newline="") as file:
                    self._leaves[name] = list(csv.reader(file, delimiter=";"))

    def quality(self, train: pa.Table, test: pa.Table) -> list[float]:
        """Train both models on labels, test them on raw rows."""
        seen, asked = self._numbers(train), self._numbers(test)
        truth = _positive(test)
        figures: list[float] = []
        for model in (
            LogisticRegression(max_iter=200),
            HistGradientBoostingClassifier(max_iter=80, random_state=0),
        ):
            model.fit(seen, _positive(train))
            chance = model.predict_proba(asked)[:, 1]
            figures += [
                accuracy_score(truth, chance > 0.5),
                roc_auc_score(truth, chance),
                log_loss(truth, chance),
            ]
        return figures

    def _numbers(self, table: pa.Table) -> Floats:
        columns = []
        for name in QUASI:
            coded = table.column(name).combine_chunks().cast(pa.string())
            coded = coded.dictionary_encode()
            labels = coded.dictionary.to_pylist()
            rows = np.stack([self._label(name, label) for label in labels])
            columns.append(rows[coded.indices.to_numpy()])
        return np.hstack(columns)

    def _label(self, name: str, label: str) -> Floats:
        if name == "age":
            age = (_middle(label) - MIDDLE_AGE) / 13
            return np.array([age, age**2, age**3])
        under = np.array([float(label in leaf) for leaf in self._leaves[name]])
        return np.asarray(under / under.sum())


def _middle(label: str) -> float:
    if label == "*":
        return MIDDLE_AGE
    if "," not in label:
        return float(label)
    low, high = (float(part.strip("[])")) for part in label.split(","))
    return (low + high - (0 if label.endswith("]") else 1)) / 2


def _positive(table: pa.Table) -> npt.NDArray[np.bool_]:
    return np.array(table.column(TARGET).to_pylist()) == ">50K"


def line(k: int, name: str, target: str, ncp: float, found: list[list[float]]) -> None:
    """Print one line of the table."""
    mean = np.mean(found, axis=0)
    models = [", ".join(f"{x:.4f}" for x in mean[at : at + 3]) for at in (0, 3)]
    print(f"| {k} | {name} | {target} | {ncp:.3f} | {' | '.join(models)} |", flush=True)


if __name__ == "__main__":
    main()
