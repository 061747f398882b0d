"""What bounds on counts say of the people of a class: exact products of series."""

from __future__ import annotations

import numpy as np

from ..counting.codes import Ints
from .seen import Floats

__all__ = ["guess_counts", "guess_sets"]


def guess_counts(
    share: Floats, low: Ints, high: Ints, size: int
) -> tuple[Floats, float] | None:
    """Put bounds on the counts to a draw of `size` people from groups.

    Args:
        share: each group's share of the population under the label; sums to 1.
        low: fewest people of each group.
        high: most people of each group.
        size: people of the class.

    Returns:
        Each group's expected share of the class under the bounds, and the chance that
        the draw meets them; None where no counts do.
    """
    steps = np.arange(size + 1)
    series = [
        np.where((steps >= least) & (steps <= most), _poisson(one, size), 0.0)
        for one, least, most in zip(share, low, high, strict=True)
    ]
    before = [np.eye(1, size + 1)[0]]
    for terms in series:
        before.append(np.convolve(before[-1], terms)[: size + 1])
    whole = float(before[-1][size])
    if whole <= 0.0:
        return None
    expected = np.zeros(len(series))
    after = np.eye(1, size + 1)[0]
    for number in range(len(series) - 1, -1, -1):
        others = np.convolve(before[number], after)[: size + 1]
        expected[number] = others[::-1] @ (series[number] * steps) / whole / size
        after = np.convolve(series[number], after)[: size + 1]
    return expected, min(whole / float(_poisson(1.0, size)[size]), 1.0)


def guess_sets(
    share: Floats, group: Ints, most: int, size: int
) -> tuple[Floats, float] | None:
    """Put a set of values to a draw: each is there, and groups of them are bounded.

    Args:
        share: each value's share of the population under the label; sums to 1.
        group: group of each value, from 0.
        most: most people of each group.
        size: people of the class.

    Returns:
        Each value's expected share of the class, and the chance that the draw meets the
        bounds; None where no counts do.
    """
    steps = np.arange(size + 1)
    series = [np.where(steps >= 1, _poisson(one, size), 0.0) for one in share]
    count = int(group.max(initial=-1)) + 1
    members = [np.flatnonzero(group == number) for number in range(count)]
    fits = steps <= most
    sums = [
        np.where(fits, _product([series[one] for one in held], size), 0.0)
        for held in members
    ]
    whole = float(_product(sums, size)[size])
    if whole <= 0.0:
        return None
    expected = np.zeros(len(series))
    for held, outside in zip(members, _others(sums, size), strict=True):
        for one, inside in zip(
            held, _others([series[m] for m in held], size), strict=True
        ):
            counted = np.convolve(series[one] * steps, inside)[: size + 1]
            expected[one] = outside[::-1] @ np.where(fits, counted, 0.0)
    free = float(_poisson(1.0, size)[size])
    return expected / whole / size, min(whole / free, 1.0)


def _poisson(share: float, size: int) -> Floats:
    """Give the chances of 0, 1, … `size` people of a group with a share of the class."""
    steps = np.arange(size + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    rate = max(float(share) * size, 1e-300)
    return np.asarray(np.exp(steps * np.log(rate) - rate - logs), dtype=np.float64)


def _product(series: list[Floats], size: int) -> Floats:
    result: Floats = np.eye(1, size + 1)[0]
    for one in series:
        result = np.convolve(result, one)[: size + 1]
    return result


def _others(series: list[Floats], size: int) -> list[Floats]:
    """Give, for each of the series, the product of all others."""
    before: list[Floats] = [np.eye(1, size + 1)[0]]
    for one in series[:-1]:
        before.append(np.convolve(before[-1], one)[: size + 1])
    after: Floats = np.eye(1, size + 1)[0]
    result = []
    for one, front in zip(series[::-1], before[::-1], strict=True):
        result.append(np.convolve(front, after)[: size + 1])
        after = np.convolve(one, after)[: size + 1]
    return result[::-1]
