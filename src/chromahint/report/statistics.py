"""Confidence intervals and a significance test over images, paired because all networks colorize the same ones.

Shape suffixes: N networks, P images, T resamples; `...` stands for any further axes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NUM_RESAMPLES = 2_000
NUM_PERMUTATIONS = 9_999
CONFIDENCE_LEVEL = 0.95


def bootstrap_weights(num_images: int, seed: int = 0) -> Array:
    """Draw resamples of the images with replacement; returns the weight of each image in each resample, TxP.

    All networks share the same resamples, which makes the bootstrap paired.
    """
    weights = np.full(num_images, 1 / num_images)
    counts = np.random.default_rng(seed).multinomial(num_images, weights, NUM_RESAMPLES)
    return counts / num_images


def bootstrap_interval(values: Array, weights_TP: Array) -> tuple[Array, Array]:
    """Compute the 95 % percentile interval of means over images.

    Args:
        values: ...xP scores, or differences of scores.
        weights_TP: from `bootstrap_weights`.

    Returns:
        The lower and upper bounds, of shape `...`.
    """
    low, high = np.quantile(values @ weights_TP.T, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2], axis=-1)
    return low, high


def p_value(first_P: Array, second_P: Array) -> float:
    """Compute the p-value of a two-sided paired permutation test on the difference of two means.

    Under the null hypothesis, the two scores of each image are exchangeable. The test is exact if there are at most
    `NUM_PERMUTATIONS` permutations, and samples that many otherwise.
    """
    from scipy.stats import permutation_test

    difference_P = first_P - second_P
    if not difference_P.any():
        return 1.0
    # with one sample, a permutation is a change of signs
    result = permutation_test(
        (difference_P,), np.mean, permutation_type="samples", vectorized=True, n_resamples=NUM_PERMUTATIONS,
        batch=1_000, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(result.pvalue)


def win_rates(values_NP: Array) -> Array:
    """Return, for each pair of networks, the share of images on which the first scores higher, NxN; ties count half."""
    wins = values_NP[:, None] > values_NP[None]
    ties = values_NP[:, None] == values_NP[None]
    rates: Array = (wins + ties / 2).mean(axis=-1)
    return rates
