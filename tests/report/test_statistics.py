"""Intervals, the significance test and win rates agree with independent implementations."""

import itertools

import numpy as np
import pytest
from scipy import stats

from chromahint.report.statistics import bootstrap_interval, bootstrap_weights, p_value, win_rates

RNG = np.random.default_rng(7)
FIRST = RNG.gamma(3, 2, 60)
SECOND = FIRST - 0.3 + RNG.normal(0, 1, 60)


@pytest.mark.parametrize("values", [FIRST, FIRST - SECOND], ids=["a mean", "a difference"])
def test_interval_matches_scipy_percentile_bootstrap(values):
    low, high = bootstrap_interval(values, bootstrap_weights(len(values)))
    found = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1))
    width = found.confidence_interval.high - found.confidence_interval.low
    assert low == pytest.approx(found.confidence_interval.low, abs=0.06 * width)
    assert high == pytest.approx(found.confidence_interval.high, abs=0.06 * width)


def test_intervals_are_batched():
    values = RNG.normal(25, 3, (4, 5, 60))
    low, high = bootstrap_interval(values, bootstrap_weights(60))
    assert low.shape == high.shape == (4, 5)
    assert (low[2, 3], high[2, 3]) == pytest.approx(bootstrap_interval(values[2, 3], bootstrap_weights(60)))
    assert (low < values.mean(-1)).all()
    assert (high > values.mean(-1)).all()


def test_bootstrap_is_paired():
    """Images vary far more than networks do, so that only shared resamples separate networks."""
    hard = RNG.uniform(10, 40, 60)
    low, high = bootstrap_interval((hard + 0.1) - hard, bootstrap_weights(60))
    assert (low, high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("count", [6, 9])
def test_permutation_test_is_exact_for_few_images(count):
    difference = (FIRST - SECOND)[:count]
    signs = np.array(list(itertools.product([1, -1], repeat=count)))
    expected = (np.abs((signs * difference).mean(1)) >= abs(difference.mean()) - 1e-12).mean()
    assert p_value(FIRST[:count], SECOND[:count]) == pytest.approx(expected)


def test_permutation_test_is_close_to_t_test_for_many_images():
    assert p_value(FIRST, SECOND) == pytest.approx(stats.ttest_rel(FIRST, SECOND).pvalue, abs=0.015)
    assert p_value(SECOND, FIRST) == pytest.approx(p_value(FIRST, SECOND), abs=0.01)


def test_clear_and_absent_differences():
    assert p_value(FIRST + 1, FIRST + RNG.normal(0, 0.1, 60)) < 0.001
    assert p_value(FIRST, FIRST) == 1


def test_win_rates_match_a_loop():
    values = RNG.integers(0, 4, (3, 25)).astype(float)
    shares = win_rates(values)
    for first, second in itertools.product(range(3), repeat=2):
        wins = sum(1 if a > b else 0.5 if a == b else 0 for a, b in zip(values[first], values[second], strict=True))
        assert shares[first, second] == pytest.approx(wins / 25)
    assert shares + shares.T == pytest.approx(np.ones((3, 3)))
