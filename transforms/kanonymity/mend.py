"""Mends classes that would give a sensitive value away: unites them with their like.

A class that breaks a rule takes in, or is taken in by, the class that loses least and
with which the rule is met. What the union holds is counted anew by person, so nothing is
estimated. What would lose more than it is worth is left to be suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...policies.diversity import Sensitive
from ..blocks.names import SUBJECT
from .counting.codes import Ints
from .local.choose import LocalRecoding, local_problem, recode
from .local.unions import Unions
from .plan import AnonymityPlan
from .recoding.choose import allowed_rows
from .recoding.coded import code_histogram
from .sensitive.diverse import Judgement, ValueScale, judge
from .sensitive.diversity import ClassValues, Floats
from .sensitive.recount import VALUE, numbered

__all__ = ["mend_classes"]

_AT_ONCE = 16
"""Unions that are judged together, cheapest first."""

_MOST_JUDGED = 512


def mend_classes(
    recoding: LocalRecoding,
    plan: AnonymityPlan,
    histogram: pa.Table,
    triples: Mapping[str, pa.Table],
    rules: Mapping[str, Sensitive],
) -> LocalRecoding:
    """Unite classes until they meet all rules, where that loses less than suppression.

    Args:
        recoding: chosen for k by `plan`.
        plan: its settings.
        histogram: what it was chosen on.
        triples: sensitive attribute → distinct (tuple, value, person).
        rules: sensitive attribute → what every class must meet.

    Returns:
        A recoding whose classes are unions of the given ones: all keep their k people.
        Some may still break a rule: those that cost more to mend than to suppress, while
        `suppress_max` allows it, and those that no union mends. The same input gives the
        same classes.

    Not covered: the least possible loss; classes are mended one after the other.
    """
    coded = code_histogram(histogram, plan.ladders, plan.k)
    problem = local_problem(coded, plan.k, ranges=plan.ranges, sets=plan.sets)
    class_of = np.full(len(coded.rows), -1, dtype=np.int64)
    class_of[coded.pair_tuple] = recoding.classes_of(histogram)
    before = np.append(numbered(recoding.labels)[0], -1)[class_of]
    budget = float(allowed_rows(plan.suppress_max, coded.total))
    while True:
        class_of, number_of = _by_labels(recoding, class_of)
        count = int(class_of.max(initial=-1)) + 1
        if not count:
            return recoding
        state = _Mending(
            Unions(problem, class_of, count),
            [
                _held(name, rule, recoding, number_of, triples[name])
                for name, rule in rules.items()
            ],
        )
        left = state.run(budget - float(coded.rows[class_of < 0].sum()))
        if left is None:
            return recoding
        # Those that stay are everybody now, so t-closeness has to be asked again.
        class_of = _dense(np.where(np.isin(class_of, left), -1, state.unions.class_of))
        recoding = replace(
            recode(coded, problem, class_of, ranges=plan.ranges, sets=plan.sets),
            united_share=_united(before, class_of, coded.rows),
        )


def _united(before: Ints, after: Ints, rows: Ints) -> float:
    """Give the share of the records in classes that hold several of those before."""
    pairs = np.unique(np.stack([after, before]), axis=1)
    several = np.bincount(pairs[0][pairs[0] >= 0]) > 1
    held = after >= 0
    return float(rows[held][several[after[held]]].sum() / max(rows.sum(), 1))


def _by_labels(recoding: LocalRecoding, class_of: Ints) -> tuple[Ints, Ints]:
    """Number the classes by their labels: those that share all are one.

    Returns:
        The class of each tuple, and per class of the recoding its new number; -1 for
        none, and at the end for -1 itself.
    """
    label, _ = numbered(recoding.labels)
    label = np.append(label, -1)
    live = np.unique(label[class_of])
    live = live[live >= 0]
    dense = np.full(int(label.max(initial=-1)) + 2, -1, dtype=np.int64)
    dense[live] = np.arange(len(live))
    number_of = np.where(label >= 0, dense[label], -1)
    return number_of[class_of], number_of


def _dense(class_of: Ints) -> Ints:
    """Number classes without gaps, in the order of their numbers."""
    live, dense = np.unique(class_of, return_inverse=True)
    return dense.reshape(-1).astype(np.int64) - int(len(live) > 0 and live[0] < 0)


@dataclass
class _Held:
    """What the classes hold of one sensitive attribute.

    Attributes:
        rule: what every class must meet.
        scale: of the values.
        people: number of distinct people.
        codes: per class, its distinct (value, person) pairs, `value * people + person`,
            ascending; a missing value is the last.
    """

    rule: Sensitive
    scale: ValueScale
    people: int
    codes: list[Ints]

    def overall(self, alive: Ints) -> Floats:
        """Give people by value, summed over classes; the missing value last."""
        total = np.zeros(len(self.scale.values) + 1)
        for one in alive.tolist():
            total += np.bincount(self.codes[one] // self.people, minlength=len(total))
        return total

    def judge(self, sets: Sequence[tuple[int, ...]], overall: Floats) -> Judgement:
        """Hold unions of classes against the rule, each by its distinct people."""
        values = len(self.scale.values)
        span = np.int64((values + 1) * self.people)
        parts = [self.codes[one] + n * span for n, s in enumerate(sets) for one in s]
        pairs = np.unique(np.concatenate(parts))
        pair, counts = np.unique(pairs // self.people, return_counts=True)
        of_class, of_value = np.divmod(pair, values + 1)
        person = np.unique(pairs // span * self.people + pairs % self.people)
        counted = ClassValues(
            classes=len(sets),
            values=values,
            of_class=of_class,
            of_value=np.where(of_value == values, -1, of_value),
            people=counts.astype(np.int64),
            population=np.bincount(person // self.people, minlength=len(sets)),
        )
        return judge(counted, self.rule, self.scale.distance, overall)

    def unite(self, one: int, into: int) -> None:
        """Let one class take another in."""
        self.codes[into] = np.union1d(self.codes[into], self.codes[one])


def _held(
    name: str,
    rule: Sensitive,
    recoding: LocalRecoding,
    number_of: Ints,
    triples: pa.Table,
) -> _Held:
    class_of = number_of[recoding.classes_of(triples)]
    inside = np.flatnonzero(class_of >= 0)
    held = triples.take(pa.array(inside))
    values = held.column(VALUE).combine_chunks()
    scale = ValueScale.of(name, rule, values)
    number = scale.numbers(values)
    number = np.where(number < 0, len(scale.values), number)
    subject = pc.rank(held.column(SUBJECT), tiebreaker="dense").to_numpy()
    people = int(subject.max(initial=0)) + 1
    code = number * people + subject.astype(np.int64)
    class_of = class_of[inside]
    order = np.lexsort((code, class_of))
    code, class_of = code[order], class_of[order]
    new = np.ones(len(code), dtype=np.bool_)
    new[1:] = (code[1:] != code[:-1]) | (class_of[1:] != class_of[:-1])
    code, class_of = code[new], class_of[new]
    count = int(number_of.max(initial=-1)) + 1
    edges = np.searchsorted(class_of, np.arange(count + 1))
    codes = [code[edges[n] : edges[n + 1]] for n in range(count)]
    return _Held(rule, scale, people, codes)


class _Mending:
    """One pass over the classes that break a rule."""

    def __init__(self, unions: Unions, held: list[_Held]) -> None:
        self.unions = unions
        self.held = held
        live = np.flatnonzero(unions.alive)
        self.overall = [one.overall(live) for one in held]
        self.short = self._short([(n,) for n in range(len(unions.alive))])

    def run(self, spare: float) -> Ints | None:
        """Unite what can be.

        Args:
            spare: records that may still be suppressed.

        Returns:
            The classes that are to be suppressed; null if nothing was changed.
        """
        unions = self.unions
        broken = np.flatnonzero(self.short > 0)
        dear: list[tuple[float, int]] = []
        for one in broken[np.lexsort((broken, unions.rows[broken]))].tolist():
            excess = self._mend(one, free=False)
            if excess is not None:
                dear.append((excess, one))
        for _, one in sorted(dear):
            if float(unions.rows[self._left()].sum()) <= spare:
                break
            self._mend(one, free=True)
        left = self._left()
        if float(unions.rows[left].sum()) > spare:
            left = left[:0]  # in vain: the rest will be refused
        return left if len(left) or not unions.alive.all() else None

    def _left(self) -> Ints:
        return np.flatnonzero(self.unions.alive & (self.short > 0))

    def _mend(self, one: int, *, free: bool) -> float | None:
        """Unite a class until it meets the rules, whatever the price or while it pays.

        Returns:
            None if it meets them now; else what the next union would have cost beyond
            suppression.
        """
        unions = self.unions
        while unions.alive[one] and self.short[one] > 0:
            found = self._partner(one)
            if found is None:
                return np.inf
            cost, other, short = found
            worth = unions.rows[one] * (1 - unions.loss[one])
            if self.short[other] > 0:
                worth += unions.rows[other] * (1 - unions.loss[other])
            if cost >= worth and not free:
                return cost - float(worth)
            unions.unite(other, one)
            for held in self.held:
                held.unite(other, one)
            self.short[one], self.short[other] = short, 0.0
        return None

    def _partner(self, one: int) -> tuple[float, int, float] | None:
        """Choose whom to unite a class with: cost, class, what it falls short then.

        The cheapest that mends it; where none does, the one that mends most for its
        cost.
        """
        others = self.unions.partners(one)
        cost = self.unions.costs(one, others)
        open_ = np.isfinite(cost)
        others, cost = others[open_], cost[open_]
        order = np.lexsort((others, cost.round(9)))[:_MOST_JUDGED]
        best: tuple[float, int, float] | None = None
        best_rate = 0.0
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            pairs = [(one, other) for other in others[chosen].tolist()]
            short = self._short(pairs)
            meets = np.flatnonzero(short <= 0)
            if len(meets):
                at = chosen[meets[0]]
                return float(cost[at]), int(others[at]), 0.0
            gain = self.short[one] - short
            rate = gain / np.maximum(cost[chosen], 1e-9)
            at = int(np.argmax(rate.round(12)))
            if gain[at] > 0 and rate[at] > best_rate:
                best_rate = float(rate[at])
                place = chosen[at]
                best = float(cost[place]), int(others[place]), float(short[at])
        return best

    def _short(self, sets: Sequence[tuple[int, ...]]) -> Floats:
        """Give how far each union falls short of the rules; 0 where it meets them all."""
        short = np.zeros(len(sets))
        for held, overall in zip(self.held, self.overall, strict=True):
            rule, found = held.rule, held.judge(sets, overall)
            part = np.zeros(len(sets))
            if rule.l is not None and found.diversity is not None:
                part += np.maximum(rule.l - found.diversity, 0) / rule.l
            if rule.t is not None and found.closeness is not None:
                part += np.maximum(found.closeness - rule.t, 0)
            if rule.alpha is not None and found.share is not None:
                part += np.maximum(found.share - rule.alpha, 0)
            short += np.where(found.meets, 0.0, np.maximum(part, 1e-9))
        return short
