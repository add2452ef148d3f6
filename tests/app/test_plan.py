"""Settings chosen by the pictures: the table of rules by itself, and the command that uses it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmanet.app.plan.choices import FOLDS, Facts, choose, full, mini, student
from lmanet.app.plan.clock import Forecast
from lmanet.app.plan.telling import told
from lmanet.data import Photos
from lmanet.data.survey import survey

FEW = Facts(train=200, smallest=50, largest=52, side=40)
MANY = Facts(train=40_000, smallest=400, largest=420, side=300)


def values(facts: Facts) -> dict[str, str]:
    return {choice.setting: choice.value for choice in choose(facts)}


def pictures(root: Path, counts: dict[str, int], side: int = 24) -> Path:
    rng = np.random.default_rng(0)
    for place, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 128, (side, side + number % 5, 3), dtype=np.uint8) + 60 * (
                place % 3
            )
            Image.fromarray(pixels).save(root / name / f"{number:03}.png")
    return root


def test_few_pictures_are_passed_over_more_often_and_not_validated_more_often() -> None:
    assert mini(FEW).all > 5 * mini(MANY).all
    assert mini(FEW).epochs <= 6 and full(FEW).epochs <= 15
    for facts in (FEW, MANY):
        steps = mini(facts).all * (facts.in_search // facts.batch)
        assert 100 <= steps <= 400


def test_few_pictures_get_strong_augmentation_folds_and_an_early_end() -> None:
    few, many = values(FEW), values(MANY)
    assert few["train.full.recipe.augment.auto_augment"] == "trivial_wide"
    assert few["train.mini.recipe.folds"] == str(FOLDS)
    assert "train.full.recipe.patience" in few
    settings = ("augment.auto_augment", "folds", "patience")
    assert not [name for name in many if name.endswith(settings)]


@pytest.mark.parametrize(
    ("smallest", "given_val", "folds"),
    [(15, False, 5), (4, False, 4), (1, False, 1), (129, False, 5), (133, False, 1), (15, True, 1)],
)
def test_folds_are_for_splits_that_leave_fewer_than_20_in_a_class(
    smallest: int, given_val: bool, folds: int
) -> None:
    facts = FEW._replace(smallest=smallest, given_val=given_val)
    assert facts.folds == folds


@pytest.mark.parametrize(
    ("side", "gpu", "resolution"),
    [(20, False, 32), (50, False, 48), (500, False, 64), (500, True, 160), (100, True, 96)],
)
def test_the_resolution_is_that_of_the_pictures_as_far_as_the_machine_allows(
    side: int, gpu: bool, resolution: int
) -> None:
    assert values(FEW._replace(side=side, gpu=gpu))["data.resolution"] == str(resolution)


def test_unequal_classes_count_alike() -> None:
    unequal = values(FEW._replace(largest=160))
    assert unequal["pareto"] == "balanced_accuracy_macs_sram"
    assert unequal["train.mini.recipe.balance"] == unequal["train.full.recipe.balance"] == "1.0"
    assert "pareto" not in values(FEW._replace(largest=140))


def test_without_a_teacher_nothing_is_distilled() -> None:
    alone = values(FEW._replace(teacher=False))
    assert "distill" not in alone["stages"]
    assert not [name for name in alone if name.startswith("distill.")]
    assert "stages" not in values(FEW)


def test_without_a_search_nothing_is_chosen_or_counted_for_one(tmp_path: Path) -> None:
    facts = FEW._replace(search=False, seconds=30.0)
    names = list(values(facts))
    assert not [name for name in names if name.startswith(("train.mini.recipe", "budget"))]
    assert "train.full.recipe.epochs" in names
    found = survey(Photos(str(pictures(tmp_path, {"crack": 12, "dent": 12})), 16))
    text = told(found, choose(facts), facts, Forecast(30, 0, 2, 1, 60, 0), "")
    assert "training of the best 1 min" in " ".join(text.split())
    assert "search" not in text and "-fold" not in text


def test_the_number_of_networks_follows_from_the_time_of_one() -> None:
    assert "budget.trained" not in values(FEW)
    timed = FEW._replace(minutes=10, workers=2)
    assert values(timed._replace(seconds=60.0))["budget.trained"] == "20"
    assert values(timed._replace(seconds=5000.0))["budget.trained"] == "6"
    assert values(timed._replace(seconds=0.1))["budget.trained"] == "100"


def test_a_shipped_network_is_the_donor_where_there_is_one() -> None:
    assert values(FEW._replace(donor="cifar100_record"))["train.mini.donor"] == "cifar100_record"
    assert "train.mini.donor" not in values(FEW)


def test_every_setting_is_known_and_every_reason_a_line(composed) -> None:
    most = FEW._replace(largest=500, gpu=True, donor="x", seconds=30.0)
    for facts in (most, most._replace(teacher=False, gpu=False), MANY):
        chosen = choose(facts)
        config = composed(
            "+experiment=photos", *(f"{each.setting}={each.value}" for each in chosen)
        )
        assert config.plan_minutes > 0
        assert all(each.why and "\n" not in each.why for each in chosen)


def test_the_text_names_what_was_found_and_fits_80_columns(tmp_path: Path) -> None:
    root = pictures(tmp_path, {"crack": 12, "dent": 40})
    found = survey(Photos(str(root), 16))
    facts = FEW._replace(smallest=10, largest=34, seconds=30.0, teacher=False)
    text = told(found, choose(facts), facts, Forecast(30, 12, 2, 5, 60, 0), "no hub")
    each = "crack 10, dent 34; the largest class has 3.4 times the smallest"
    for words in ("52 of 2 classes", each, "5-fold", "none: no hub"):
        assert words in " ".join(text.split()), words
    assert "min in all" in text
    assert max(map(len, text.splitlines())) <= 80


def test_grey_pictures_may_be_read_in_grey(tmp_path: Path) -> None:
    for name in ("crack", "dent"):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.new("L", (24, 24), 20 * number).save(tmp_path / name / f"{number}.png")
    found = survey(Photos(str(tmp_path), 16))
    for channels, hinted in ((3, True), (1, False)):
        facts = FEW._replace(channels=channels)
        text = " ".join(told(found, choose(facts), facts, None, "").split())
        assert "all are grey" in text and ("data.channels=1 makes" in text) is hinted


def test_of_many_classes_the_smallest_and_the_largest_are_told(tmp_path: Path) -> None:
    counts = {f"class {number:03}": 3 + number % 4 for number in range(200)}
    root = pictures(tmp_path, counts, side=4)
    found = survey(Photos(str(root), 16))
    facts = Facts(train=found.parts["train"], smallest=2, largest=5, side=4)
    text = " ".join(told(found, choose(facts), facts, None, "").split())
    assert f"{sum(counts.values()):,} of 200 classes" in text
    assert "2 (class 000) to 5 (class 003) each (class 000, class 001," in text


def test_pictures_without_labels_are_counted_and_the_student_passes_over_them_less_often(
    tmp_path: Path,
) -> None:
    root = pictures(tmp_path / "labelled", {"crack": 12, "dent": 12})
    more = pictures(tmp_path / "more", {"any": 30})
    (more / "any" / "bad.png").write_bytes(b"no picture")
    found = survey(Photos(str(root), 16, unlabelled=str(more)))
    assert found.unlabelled == 31 and [path.name for path in found.broken] == ["bad.png"]
    facts = FEW._replace(unlabelled=2000)
    for lacking, use in (("", "for teacher and student"), ("no hub", "not used, as there is no")):
        text = " ".join(told(found, choose(facts), facts, None, lacking).split())
        assert f"no label 31 more, {use}" in text
    assert full(facts) == full(FEW) and student(facts).all < full(facts).all / 5
    assert student(FEW) == full(FEW)


@pytest.mark.parametrize("classes", [2, 200])
@pytest.mark.parametrize("count", [30, 300, 50_000])
@pytest.mark.parametrize("gpu", [False, True])
def test_from_thirty_to_fifty_thousand_pictures_a_training_has_hundreds_of_steps(
    classes: int, count: int, gpu: bool
) -> None:
    each = max(3, count // classes)
    facts = Facts(train=7 * classes * each // 10, smallest=each, largest=each, side=64, gpu=gpu)
    for training, pictures_of_one in ((mini, facts.in_search), (full, facts.train)):
        steps = training(facts).all * max(1, pictures_of_one // facts.batch)
        assert 100 <= steps <= 20_000
    assert facts.in_search <= facts.train and facts.folds <= max(1, each)


def test_what_is_typed_holds_and_a_broken_file_is_named_before_the_run(
    tmp_path: Path, typed
) -> None:
    root = pictures(tmp_path / "pictures", {"crack": 12, "dent": 12})
    (root / "dent" / "bad.png").write_bytes(b"no picture")
    ended = typed("+experiment=photos", f"data.root={root}", "distill=no_teacher")
    assert ended.code == 1 and "bad.png cannot be read as an image" in ended.error
    assert not (tmp_path / "multirun").exists()


def test_a_plan_for_one_network_is_that_of_its_stages(tmp_path: Path, typed) -> None:
    root = pictures(tmp_path / "pictures", {"crack": 12, "dent": 12})
    ended = typed(
        *("+experiment=photos", f"data.root={root}", "arch=cifar100_record"),
        *("target=stm32f746", "stages=[train]", "train.full.recipe.epochs=1"),
        *("train.full.recipe.repeats=1", f"hydra.run.dir={tmp_path / 'run'}"),
    )
    assert ended.code == 0, ended.error
    plan = " ".join((tmp_path / "run" / "plan.txt").read_text().split())
    assert "none: stages= names no distill" in plan and "search of" not in plan
    assert "in all: training of the best 1 min by" in plan
    assert "100 % of the weights begin as the donor's" in (tmp_path / "run" / "run.log").read_text()


def test_data_without_files_are_refused(typed) -> None:
    ended = typed("+experiment=photos", "data=mnist5k", "distill=no_teacher")
    assert ended.code == 1 and "MNIST-5k is none; take data=photos" in ended.error
