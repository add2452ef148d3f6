"""Rank aggregation, against sums by hand."""

from math import log

import pytest

from lmanet.promote.order import aggregate


def test_the_sum_of_log_ranks():
    values = [{"a": 10.0, "b": -1.0}, {"a": 1e9, "b": -3.0}, {"a": -5.0, "b": -2.0}]
    assert aggregate(values) == pytest.approx(
        [log(2 / 3) + log(3 / 3), log(3 / 3) + log(1 / 3), log(1 / 3) + log(2 / 3)]
    )


def test_one_bad_rank_is_worse_than_two_middling_ones():
    one_bad, middling = {"a": 4.0, "b": 1.0}, {"a": 2.0, "b": 3.0}
    totals = aggregate([one_bad, middling, {"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}])
    assert totals[0] < totals[1], "4 + 1 = 2 + 3, but not their logarithms"


def test_equal_values_share_a_rank():
    assert aggregate([{"a": 1.0}, {"a": 1.0}, {"a": 2.0}]) == pytest.approx(
        [log(1.5 / 3), log(1.5 / 3), 0]
    )
    assert aggregate([{"a": 7.0}] * 3) == pytest.approx([log(2 / 3)] * 3)


def test_the_order_of_networks_and_of_proxies_does_not_matter():
    values = [{"a": 1.0, "b": 5.0}, {"b": 2.0, "a": 3.0}, {"a": 2.0, "b": 9.0}]
    assert aggregate(values[::-1]) == pytest.approx(aggregate(values)[::-1])


def test_few_networks():
    assert aggregate([]) == []
    assert aggregate([{"a": 3.0, "b": 1.0}]) == [0.0]
