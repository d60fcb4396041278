"""Intervals, the test and the shares of wins agree with other ways to work them out."""

import itertools

import numpy as np
import pytest
from scipy import stats

from chromahint.report.statistics import bootstrap_weights, interval, p_value, win_rates

RNG = np.random.default_rng(7)
FIRST = RNG.gamma(3, 2, 60)
SECOND = FIRST - 0.3 + RNG.normal(0, 1, 60)


@pytest.mark.parametrize("values", [FIRST, FIRST - SECOND], ids=["a mean", "a difference"])
def test_intervals_are_those_of_a_percentile_bootstrap(values):
    low, high = interval(values, bootstrap_weights(len(values)))
    found = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1))
    width = found.confidence_interval.high - found.confidence_interval.low
    assert low == pytest.approx(found.confidence_interval.low, abs=0.06 * width)
    assert high == pytest.approx(found.confidence_interval.high, abs=0.06 * width)


def test_intervals_of_many_are_those_of_each():
    values = RNG.normal(25, 3, (4, 5, 60))
    low, high = interval(values, bootstrap_weights(60))
    assert low.shape == high.shape == (4, 5)
    assert (low[2, 3], high[2, 3]) == pytest.approx(interval(values[2, 3], bootstrap_weights(60)))
    assert (low < values.mean(-1)).all()
    assert (high > values.mean(-1)).all()


def test_the_bootstrap_is_paired():
    """Photos are far harder or easier than networks differ: only the same resamples tell networks apart."""
    hard = RNG.uniform(10, 40, 60)
    low, high = interval((hard + 0.1) - hard, bootstrap_weights(60))
    assert (low, high) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("count", [6, 9])
def test_few_pictures_are_swapped_in_all_ways(count):
    difference = (FIRST - SECOND)[:count]
    signs = np.array(list(itertools.product([1, -1], repeat=count)))
    expected = (np.abs((signs * difference).mean(1)) >= abs(difference.mean()) - 1e-12).mean()
    assert p_value(FIRST[:count], SECOND[:count]) == pytest.approx(expected)


def test_many_pictures_are_near_the_t_test():
    assert p_value(FIRST, SECOND) == pytest.approx(stats.ttest_rel(FIRST, SECOND).pvalue, abs=0.015)
    assert p_value(SECOND, FIRST) == pytest.approx(p_value(FIRST, SECOND), abs=0.01)


def test_a_clear_lead_is_told_and_none_is_not():
    assert p_value(FIRST + 1, FIRST + RNG.normal(0, 0.1, 60)) < 0.001
    assert p_value(FIRST, FIRST) == 1


def test_shares_are_counted_picture_by_picture():
    values = RNG.integers(0, 4, (3, 25)).astype(float)
    shares = win_rates(values)
    for first, second in itertools.product(range(3), repeat=2):
        wins = sum(1 if a > b else 0.5 if a == b else 0 for a, b in zip(values[first], values[second], strict=True))
        assert shares[first, second] == pytest.approx(wins / 25)
    assert shares + shares.T == pytest.approx(np.ones((3, 3)))
