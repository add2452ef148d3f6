"""The table of ways to rank: what a way says beside the size, and against the bars."""

import importlib
import math
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("rank_table")


SIZES = [1, 1, 2, 2, 3, 3]
TRUTH = [50, 51, 60, 61, 70, 71]


def test_an_order_by_size_says_nothing_beside_the_size(table: Any) -> None:
    tau, beside, regret = table.judge(SIZES, TRUTH, SIZES)
    assert tau > 0.8 and math.isnan(beside) and regret == 0.5


def test_an_order_among_equals_says_all_that_the_size_leaves(table: Any) -> None:
    assert table.judge([0, 1, 0, 1, 0, 1], TRUTH, SIZES)[1] > 0.5
    assert table.judge([1, 0, 1, 0, 1, 0], TRUTH, SIZES)[1] < -0.5


def test_a_way_that_is_always_better_has_an_effect_of_one(table: Any) -> None:
    orders = {
        "random": [0] * 6,
        "largest first": SIZES,
        "worst first": [-each for each in TRUTH],
        "best first": TRUTH,
    }
    judged = {
        way: [
            table.Judged(seed, 25, *table.judge(order, [t + seed * s for t, s in pairs], SIZES))
            for seed in range(8)
        ]
        for way, order in orders.items()
        if (pairs := list(zip(TRUTH, SIZES, strict=True)))
    }
    head, line, *rows = table.table_of(judged, [25])
    assert {row.count("|") for row in (head, line, *rows)} == {9}
    assert "| 8, 8 | 1.00 |" in rows[3] and rows[3].count("(+1.00)") == 2
    assert rows[2].count("(-1.00)") == 2
