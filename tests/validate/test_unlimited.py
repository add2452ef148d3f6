"""A target without limits: what it accepts, and what needs a board."""

import numpy as np
import pytest

from lmanet.cost import CandidateCost, Platform
from lmanet.errors import ConfigError
from lmanet.space import CellSpace, architecture_id, estimate_on
from lmanet.validate import MeasuredValidator, Unlimited, Validator
from lmanet.validate.rules import Limit

CELLS = CellSpace()
CELL = CELLS.sample(np.random.default_rng(0))


def test_every_new_cell_is_accepted_with_its_cost():
    validator = Validator(CELLS, Unlimited(), num_classes=100)
    verdict = validator.validate(CELL, set())
    assert verdict.accepted and verdict.feasible and isinstance(verdict.cost, CandidateCost)
    (repeated,) = validator.validate(CELL, {architecture_id(CELL)}).violations
    assert repeated.rule == "duplicate" and "change the operation of an edge" in repeated.hint


def test_networks_of_stages_are_accepted_however_large(space):
    large = space.sample(np.random.default_rng(0))
    assert Validator(space, Unlimited(), num_classes=10).validate(large, set()).accepted
    assert not Validator(space, Unlimited(), num_classes=10).validate(CELL, set()).accepted


def test_a_limit_on_what_is_known_of_a_cell_is_kept(make_target):
    """Such as one on parameters; where the cell spends them is not known."""
    cost = estimate_on(CELL, 100, Platform())
    assert not list(Limit("params", cost.params, make_target()).check(CELL, 100, cost))
    (broken,) = Limit("params", cost.params - 1, make_target()).check(CELL, 100, cost)
    assert (broken.given, broken.limit) == (cost.params, cost.params - 1)
    assert broken.hint == (
        f"params={cost.params} exceeds the limit {cost.params - 1} of target toy; take one that "
        "costs less (conf/target/toy.yaml)"
    )


def test_what_needs_a_board_says_so(make_target):
    with pytest.raises(
        ConfigError, match=r"limits macs, peak_sram_bytes, flash_bytes, .* take target=none"
    ):
        Validator(CELLS, make_target(), num_classes=100)
    with pytest.raises(ConfigError, match="take validate=limits"):
        MeasuredValidator(
            CELLS, Unlimited(), 100, measurer=lambda **_: pytest.fail("no board to measure on")
        )
