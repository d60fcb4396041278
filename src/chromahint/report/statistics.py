"""How sure a difference is: intervals and a test over pictures, paired because all networks color the same ones.

Shape suffixes: N networks, P pictures, T resamples; `...` stands for any further axes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES = 2_000
PERMUTATIONS = 9_999
LEVEL = 0.95


def bootstrap_weights(pictures: int, seed: int = 0) -> Array:
    """Draw pictures with replacement, again and again: the share that each has in every resample, TxP.

    The same resamples serve all networks; that is what makes the bootstrap paired.
    """
    counts = np.random.default_rng(seed).multinomial(pictures, np.full(pictures, 1 / pictures), RESAMPLES)
    return counts / pictures


def interval(values: Array, draws_TP: Array) -> tuple[Array, Array]:
    """The 95 % percentile interval of means over pictures.

    Args:
        values: ...xP figures, or differences of figures.
        draws_TP: from `draws`.

    Returns:
        The lower and the upper ends, of shape `...`.
    """
    low, high = np.quantile(values @ draws_TP.T, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=-1)
    return low, high


def p_value(first_P: Array, second_P: Array) -> float:
    """How often chance alone would set two means as far apart: a paired permutation test, two-sided.

    If there were no difference, each picture's two figures could as well be swapped. All swaps are tried where they are
    fewer than `PERMUTATIONS`, else so many at random.
    """
    from scipy.stats import permutation_test

    difference_P = first_P - second_P
    if not difference_P.any():
        return 1.0
    # with one sample, swapping is a change of sign
    found = permutation_test(
        (difference_P,), np.mean, permutation_type="samples", vectorized=True, n_resamples=PERMUTATIONS,
        batch=1_000, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(found.pvalue)


def win_rates(values_NP: Array) -> Array:
    """For each pair of networks, the share of pictures on which the first is ahead, NxN; a tie is half won."""
    ahead = values_NP[:, None] > values_NP[None]
    tied = values_NP[:, None] == values_NP[None]
    shares: Array = (ahead + tied / 2).mean(axis=-1)
    return shares
