"""Minimality: what a missing class says of the people who must have been in it.

R. Wong, A. Fu, K. Wang, J. Pei, "Minimality attack in privacy preserving data publishing"
(VLDB 2007). The choice for k looks at quasi-identifiers alone, so that whoever has a
register of everybody's can repeat it. Classes that break a rule on a sensitive attribute
are then withheld: a class that the attacker finds in his copy and not in the release
breaks the rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa

from ....policies.diversity import Sensitive
from ..counting.codes import Ints
from ..recoding.full_domain import Recoding, same_labels
from ..sensitive.diverse import class_values, judge
from ..sensitive.diversity import ClassValues, Distance
from ..sensitive.recount import VALUE, value_people, value_triples
from .seen import Floats

__all__ = ["Withheld", "chances_if_withheld", "guess_withheld"]

_DRAWS = 4_000


@dataclass(frozen=True)
class Withheld:
    """What gaps say. Shares are of the people of the withheld classes.

    Attributes:
        classes: withheld classes, of all that cover k people.
        people: people of withheld classes, of all in classes that cover k.
        baseline: share of the commonest value in the whole set: how often the best
            guess without the gap is right of anybody.
        attack: people whose value the best guess hits once the gap is seen.
        claimed: the attacker's own chance of being right, on average; it assumes that
            values do not depend on quasi-identifiers.
    """

    classes: float
    people: float
    baseline: float
    attack: float
    claimed: float


def guess_withheld(
    chosen: Recoding,
    released: Recoding,
    triples: pa.Table,
    rule: Sensitive,
    seed: int,
) -> Withheld:
    """Attack the people of the classes that are missing.

    Args:
        chosen: the recoding for k alone: what the attacker computes from a register.
        released: the same after classes were withheld.
        triples: distinct (tuple, value, person) of the sensitive attribute, as
            `CollectTriples` gives them.
        rule: what classes had to meet.
        seed: of the draws that stand for the attacker's reckoning.
    """
    names = list(chosen.quasi_identifiers)
    counted = value_people(value_triples(chosen.apply(triples), names, VALUE))
    kept = value_people(value_triples(released.apply(triples), names, VALUE))
    gone = ~same_labels(counted.select(names), kept, names)
    held, _, first = class_values(counted, VALUE, rule)
    missing = gone[first]
    values = held.of_value.max(initial=-1) + 1
    table = np.zeros((held.classes, values))
    named = held.of_value >= 0
    np.add.at(table, (held.of_class[named], held.of_value[named]), held.people[named])
    prior = table.sum(axis=0) / max(table.sum(), 1)
    size = table.sum(axis=1).astype(int)
    right = claimed = 0.0
    draw = np.random.default_rng(seed)
    for number in np.flatnonzero(missing & (size > 0)):
        chance = chances_if_withheld(prior, int(size[number]), rule, draw)
        best = int(np.argmax(chance))
        right += table[number, best]
        claimed += chance[best] * size[number]
    people = max(float(size[missing].sum()), 1.0)
    return Withheld(
        classes=float(missing.mean()) if len(missing) else 0.0,
        people=float(size[missing].sum() / max(size.sum(), 1)),
        baseline=float(prior.max(initial=0.0)),
        attack=right / people,
        claimed=claimed / people,
    )


def chances_if_withheld(
    prior: Floats, size: int, rule: Sensitive, draw: np.random.Generator
) -> Floats:
    """Give the expected share of each value among people whose class breaks a rule.

    People are drawn from `prior`, and the draw is bound to break the rule: exactly for
    distinct l-diversity alone and for an alpha of a half or more alone, else by drawing;
    where no draw breaks it, `prior`.
    """
    if not len(prior):
        return prior
    if rule.t is None and rule.alpha is None and rule.diversity == "distinct":
        assert rule.l is not None  # noqa: S101 - a rule has one of the three
        return _few_values(prior, size, rule.l - 1)
    if rule.t is None and rule.l is None and (rule.alpha or 0) >= 0.5:
        assert rule.alpha is not None  # noqa: S101
        return _one_crowd(prior, size, math.floor(rule.alpha * size + 1e-9) + 1)
    drawn = draw.multinomial(size, prior, _DRAWS)
    found = judge(_as_classes(drawn), rule, Distance(), np.append(prior, 0.0))
    broken = drawn[~found.meets]
    return broken.mean(axis=0) / size if len(broken) else prior


def _few_values(prior: Floats, size: int, most: int) -> Floats:
    """Bind a draw to at most `most` distinct values, by inclusion and exclusion."""
    count = len(prior)
    if count <= most:
        return prior
    inside = np.zeros(count)
    for number in range(1, most + 1):
        sign = (-1) ** (most - number) * math.comb(count - number - 1, most - number)
        for chosen in combinations(range(count), number):
            values = list(chosen)
            weight = float(prior[values].sum())
            inside[values] += sign * weight ** (size - 1) * prior[values]
    total = inside.sum()
    return inside / total if total > 0 else prior


def _one_crowd(prior: Floats, size: int, least: int) -> Floats:
    """Bind a draw to one value that at least `least` people share; they exclude others."""
    result = np.zeros(len(prior))
    numbers = np.arange(least, size + 1)
    for value, share in enumerate(prior):
        if share >= 1.0:
            return prior
        if share <= 0.0:
            continue
        chance = np.exp([_binomial(size, int(number), share) for number in numbers])
        held = float(chance @ numbers) / size
        left = float(chance @ (size - numbers)) / size
        result += left * prior / (1 - share)
        result[value] += held - left * share / (1 - share)
    total = result.sum()
    return result / total if total > 0 else prior


def _binomial(size: int, number: int, share: float) -> float:
    """Give the logarithm of the chance of so many among `size`."""
    ways = math.lgamma(size + 1) - math.lgamma(number + 1)
    ways -= math.lgamma(size - number + 1)
    return ways + number * math.log(share) + (size - number) * math.log1p(-share)


def _as_classes(drawn: Ints) -> ClassValues:
    of_class, of_value = np.nonzero(drawn)
    return ClassValues(
        classes=len(drawn),
        values=drawn.shape[1],
        of_class=of_class,
        of_value=of_value,
        people=drawn[of_class, of_value],
        population=drawn.sum(axis=1),
    )
