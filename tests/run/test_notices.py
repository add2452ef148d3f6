"""What is off about a result: said once, kept, and told from records alone."""

import math

import numpy as np
import pytest

from lmanet.base import Notice
from lmanet.run.folder import NOTICES, RunFolder
from lmanet.run.lines import read_records
from lmanet.run.notices import (
    int8_differs,
    least_difference,
    nothing_trained,
    one_arm,
    one_class,
    unclear_difference,
    unclear_front,
)
from lmanet.run.records import Proposal, Score, Status, Trial, Usage, Verdict

ONE = Notice(kind="one_class", text="every prediction is the class 3")
OTHER = Notice(kind="constant_pixels", text="the pixels do not vary")


def trial(
    number: int,
    accuracy: float | None = None,
    images: int | None = 100,
    status: Status = Status.TRAINED,
) -> Trial:
    return Trial(
        number=number,
        status=status,
        proposal=Proposal(proposer="test"),
        verdict=Verdict(accepted=True),
        score=None
        if accuracy is None
        else Score(val_accuracy=accuracy, seconds=1, val_images=images),
        seed=0,
        started_at="",
        seconds=1,
        elapsed_seconds=1,
    )


def test_a_notice_is_said_once_and_kept(tmp_path, caplog):
    RunFolder(tmp_path).say([ONE, ONE])
    RunFolder(tmp_path).say([ONE, OTHER])
    assert read_records(tmp_path / NOTICES, Notice) == [ONE, OTHER]
    assert [record.getMessage() for record in caplog.records] == [ONE.text, OTHER.text]


def test_two_equal_networks_differ_by_more_than_the_unclear_difference_one_time_in_twenty():
    rng, images = np.random.default_rng(0), 200
    first, second = rng.binomial(images, 0.8, (2, 20_000)) / images
    beyond = np.abs(first - second) > unclear_difference(0.8, images)
    assert 0.03 < beyond.mean() < 0.06


def test_a_network_that_is_right_on_all_images_is_not_known_exactly():
    assert unclear_difference(1.0, 20) == pytest.approx(1.96 * math.sqrt(2 * 21 / 22 * 1 / 22 / 22))


def test_a_front_that_its_validation_images_cannot_rank_says_so_with_the_size_of_the_noise():
    (notice,) = unclear_front([trial(0, 0.80), trial(1, 0.77), trial(2, 0.5)])
    assert notice.kind == "unclear_front"
    assert (
        "100 validation images cannot tell the best network of the front from 1 of the 2 others"
        in notice.text
    )
    assert "less than 11.1 points means nothing" in notice.text


def test_folds_that_differ_more_than_chance_of_images_explains_count_as_noise():
    one = Score(val_accuracy=0.7, seconds=1, val_images=1000)
    steady = one.model_copy(update={"fold_accuracies": (0.70, 0.71, 0.69, 0.70, 0.70)})
    shaky = one.model_copy(update={"fold_accuracies": (0.50, 0.90, 0.70, 0.60, 0.80)})
    assert least_difference(steady) == least_difference(one) == unclear_difference(0.7, 1000)
    # 1.96 standard errors of a difference: sqrt(2 / 5) * 0.158
    assert least_difference(shaky) == pytest.approx(1.96 * 0.4**0.5 * 0.1581, abs=1e-4)
    assert least_difference(one.model_copy(update={"val_images": None})) is None
    assert least_difference(one.model_copy(update={"val_images": None}), 40) > 0.15


@pytest.mark.parametrize(
    "front",
    [
        [],
        [trial(0, 0.8)],
        [trial(0, 0.8), trial(1, 0.5)],
        [trial(0, 0.8, None), trial(1, 0.79, None)],
    ],
)
def test_a_front_that_can_be_ranked_or_whose_images_nobody_counted_is_not_doubted(front):
    assert unclear_front(front) == []


def test_a_search_that_only_paused_its_candidates_wants_a_larger_budget():
    sentence = nothing_trained([trial(0, 0.5, status=Status.PAUSED)])
    assert sentence == (
        "nothing was trained to the end: of 1 candidates 1 paused; raise the budget and resume "
        "the run (budget in conf/config.yaml)"
    )
    assert nothing_trained([trial(0, 0.5)]) is None


@pytest.mark.parametrize(
    ("in_float", "in_int8", "unlike", "word"),
    [
        (0.90, 0.85, 60, "take another deploy.settings.calibration"),
        (0.85, 0.90, 60, "trained too little"),
        (0.90, 0.89, 40, None),
        (0.9, 0.9, 0, None),
    ],
)
def test_int8_that_differs_from_float_by_more_than_chance_is_doubted(
    in_float, in_int8, unlike, word
):
    notices = int8_differs(in_float, in_int8, unlike, images=1000)
    assert [notice.kind for notice in notices] == (["int8_differs"] if word else [])
    assert all(word in notice.text for notice in notices)


def test_the_sign_test_is_wrong_one_time_in_twenty_at_most():
    rng = np.random.default_rng(0)
    # of 60 images on which one of the two is right
    more_wrong = 2 * rng.binomial(60, 0.5, 2_000) - 60
    assert (
        np.mean([bool(int8_differs(0.5, 0.5 - extra / 1000, 60, 1000)) for extra in more_wrong])
        <= 0.05
    )


def test_predictions_of_one_class_are_named():
    (notice,) = one_class(["cat"], "56 test images")
    assert notice.kind == "one_class" and notice.text.startswith(
        "every one of the 56 test images is taken for the class cat"
    )
    assert one_class(["cat", "dog"], "56 test images") == []


def steered(arms: str, requests: int = 1) -> list[Trial]:
    """Trials by arms of one letter, each asked for and held for one further proposal."""
    asked = [Usage(requests=requests), Usage()] * len(arms)
    return [
        trial(number).model_copy(
            update={"proposal": Proposal(proposer="m", arm=arms[number // 2], usage=usage)}
        )
        for number, usage in enumerate(asked)
    ]


def test_a_model_that_names_one_arm_always_is_no_better_than_a_setting():
    (notice,) = one_arm([trial(99, 0.5), *steered("AAAAA")])
    assert notice.kind == "one_arm" and 'chose "A" all 5 times' in notice.text


@pytest.mark.parametrize(
    "trials",
    [[], steered("AAAA"), steered("AAAAAAAB"), steered("AAAAAA", requests=0)],
    ids=["none", "too few to tell", "two arms", "a bandit's"],
)
def test_no_word_is_lost_on_choices_that_may_mean_something(trials):
    assert one_arm(trials) == []
