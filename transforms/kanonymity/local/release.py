"""Local recoding, start to end: plan the nodes, walk them, merge the rest, name all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..counting.codes import Ints
from .classes import ClassLabels, absorb, describe
from .nodes import plan_nodes
from .problem import LocalProblem
from .walk import walk

__all__ = ["DEFAULT_EFFORT", "LocalRelease", "release_locally", "released"]

DEFAULT_EFFORT = 2_000
"""Nodes that a walk visits at most, unless told otherwise."""


@dataclass(frozen=True)
class LocalRelease:
    """The classes that are released.

    Attributes:
        class_of: class of each distinct tuple, -1 if it is suppressed.
        classes: number of classes.
        labels: per column, the label of every class.
        loss: NCP, the mean over columns and records, 0 to 1; a suppressed record
            counts 1. Columns count alike, whatever their weights.
        suppressed_rows: records of suppressed tuples.
        nodes: nodes that were planned.
    """

    class_of: Ints
    classes: int
    labels: tuple[ClassLabels, ...]
    loss: float
    suppressed_rows: int
    nodes: int


def release_locally(
    problem: LocalProblem,
    effort: int = DEFAULT_EFFORT,
    allowed_rows: int = 0,
    guide: LocalProblem | None = None,
) -> LocalRelease:
    """Find classes of at least k distinct subjects that lose little.

    Greedy: nodes of the lattice are visited by increasing expected loss; at each, every
    group of unreleased tuples that reaches k subjects becomes a class, the rest goes on.
    What is left joins the class that loses least by it, or is suppressed.

    Guaranteed: every class covers at least k distinct subjects; all records of a tuple
    share its class; the result depends on neither the order of subjects' numbers nor
    that of pairs, nor, up to the numbering, on that of the tuples' rows.

    Args:
        problem: distinct tuples in ascending order, with k-capped subjects.
        effort: most nodes visited, at least 1.
        allowed_rows: records that may stay suppressed without need; where fewer can be
            reached by merging, no more stay. More may stay where `max_level` forbids it.
        guide: the same tuples with other losses and weights, which the classes are
            chosen by; the loss that is told stays that of `problem`.

    Not covered: the least possible loss; attacks that know the algorithm (minimality).
    """
    by = problem if guide is None else guide
    nodes = plan_nodes(by, effort)
    class_of, count = walk(by, nodes)
    class_of = absorb(by, class_of, count, allowed_rows)
    return released(problem, class_of, count, len(nodes))


def released(
    problem: LocalProblem, class_of: Ints, count: int, nodes: int = 0
) -> LocalRelease:
    """Name the classes that were found, and add up what they lose.

    Args:
        problem: distinct tuples.
        class_of: class of each, -1 if it is suppressed; every class has a member.
        count: number of classes.
        nodes: nodes that were planned.
    """
    labels = describe(problem, class_of, count)
    held = class_of >= 0
    rows = np.bincount(class_of[held], weights=problem.rows[held], minlength=count)
    suppressed = int(problem.rows[~held].sum())
    lost = float(suppressed)
    for label in labels:
        lost += float(label.loss @ rows) / len(labels)
    return LocalRelease(
        class_of=class_of,
        classes=count,
        labels=tuple(labels),
        loss=lost / max(int(problem.rows.sum()), 1),
        suppressed_rows=suppressed,
        nodes=nodes,
    )
