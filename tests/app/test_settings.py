"""Every setting is checked before anything starts: its name, its type, its range, and whether a
stage reads it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from lmanet.app.annotations import annotations_of, fits, words
from lmanet.app.settings import EXAMPLES, refuse_unread
from lmanet.errors import ConfigError
from lmanet.steps import Augmentation

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["budget.trained=two"],
            "budget.trained=two: it takes a whole number at least 1, or null (conf/config.yaml)",
        ),
        (["budget.trained=-1"], "budget.trained=-1: it takes a whole number at least 1, or null"),
        (["budget.proposals=null"], "budget.proposals=null: it takes a whole number at least 1 ("),
        (["budget.seconds=0"], "budget.seconds=0: it takes a number above 0, or null"),
        (["+budget.trainned=1"], "unknown setting budget.trainned; did you mean budget.trained"),
        (["budget.trainned=1"], "unknown setting budget.trainned; did you mean budget.trained"),
        (["seed=-1"], "seed=-1: it takes a whole number at least 0, below 2147483648"),
        (["batch=0"], "batch=0: it takes a whole number at least 1"),
        (["train_best=1.5"], "train_best=1.5: it takes a whole number at least 1"),
        (["stages=[serach]"], "unknown stage serach; did you mean search?"),
        (
            ["train.mini.recipe.epochs=3.5"],
            "train.mini.recipe.epochs=3.5: it takes a whole number (conf/train)",
        ),
        (["train.mini.recipe.epochs=0"], "epochs=0 must be at least 1"),
        (["train.full.recipe.batch_size=1"], "batch_size=1 must be at least 2"),
        (
            ["train.mini.recipe.optimizer.lr=two"],
            "train.mini.recipe.optimizer.lr=two: it takes a number",
        ),
        (
            ["train.mini.recipe.optimizer.lr=-1"],
            "the optimizer does not take its settings: Invalid learning rate: -1",
        ),
        (
            ["train.mini.recipe.max_seconds=0"],
            "max_seconds=0 must be above 0, or null for no limit",
        ),
        (
            ["train.mini.recipe.augment.flip=7"],
            "train.mini.recipe.augment.flip=7: it takes true or false",
        ),
        (
            ["train.mini.recipe.lable_smoothing=1"],
            (
                "unknown setting train.mini.recipe.lable_smoothing; did you mean "
                "train.mini.recipe.label_smoothing"
            ),
        ),
        (
            ["promote=halving", "promote.rungs=[1,3]"],
            "promote.rungs: a candidate cannot pause after 1 epochs",
        ),
        (
            [
                "promote=halving",
                "promote.rungs=[1]",
                "promote.screen=[zen]",
                "train.mini.recipe.epochs=3",
            ],
            "promote.screen names zen, which the trainer does not measure",
        ),
        (["data=image_folder"], "data.root is not set"),
        (
            ["data=image_folder", "data.root=photos", "data.resolution=32.5"],
            "data.resolution=32.5: it takes a whole number",
        ),
        (
            ["data=image_folder", "data.root=photos", "data.resolution=0"],
            "resolution=0 must be a whole number of pixels, at least 1",
        ),
        (
            ["propose=llm"],
            (
                "propose.model is not set, and it has no default; give it on the command line, "
                "for example propose.model=meta-llama"
            ),
        ),
        (["propose=lm"], "propose=lm: there is no such option; did you mean llm? (conf/propose)"),
        (["target=STM32F446"], "target=STM32F446: there is no such option; did you mean stm32f446"),
        (["propos=llm"], "unknown setting propos; did you mean propose"),
        (
            ["execute=workers", "execute.workers=2.5"],
            "execute.workers=2.5: it takes a whole number",
        ),
        (["train=lmanet_mini"], "data.name"),
        (["space.name='a b"], "stands in quotes within quotes"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_one_sentence_and_leaves_nothing(
    typed, tmp_path, arguments: list[str], says: str
):
    ended = typed("+experiment=smoke", *arguments)
    assert ended.code == 1 and says in ended.error
    assert len(ended.error.strip().splitlines()) == 1 and "Traceback" not in ended.error
    assert not list(tmp_path.iterdir()), "no folder is left of a start that was refused"


def test_each_job_of_a_sweep_is_checked_before_the_first_is_started(typed, tmp_path):
    ended = typed("-m", "+experiment=smoke", "seed=0,1", "budget.proposals=3,none")
    assert ended.code == 1 and "budget.proposals=none" in ended.error
    assert not list(tmp_path.iterdir())


def test_the_seed_of_each_job_is_checked_too(typed, tmp_path):
    ended = typed("-m", "+experiment=smoke", "seed=0,x")
    assert ended.code == 1 and "seed=x: it takes a whole number" in ended.error
    assert not list(tmp_path.iterdir())


def test_a_setting_that_conf_does_not_list_needs_no_plus(composed, typed, tmp_path):
    ended = typed(
        "+experiment=bench_lmanet",
        "propose=sampler",
        "budget.proposals=2",
        "train.mini.seed_of_table=0",
        "feedback.form=json",
    )
    assert ended.code == 0, ended.error
    (kept,) = tmp_path.rglob("overrides.yaml")
    assert "train.mini.seed_of_table=0" in kept.read_text()


def test_one_stage_needs_no_brackets(typed):
    ended = typed(
        "+experiment=bench_lmanet", "propose=sampler", "stages=search", "budget.proposals=2"
    )
    assert ended.code == 0 and "2 trained" in ended.output


def test_every_setting_without_a_default_has_an_example():
    missing = set()
    for path in CONF.glob("*/*.yaml"):
        flat = OmegaConf.to_container(OmegaConf.load(path))
        missing |= {f"{path.parent.name}.{key}" for key, value in flat.items() if value == "???"}
    assert missing == set(EXAMPLES)


@pytest.mark.parametrize(
    ("value", "annotation", "legal"),
    [
        (3, int, True),
        (3.5, int, False),
        (True, int, False),
        ("3", int, False),
        (3, float, True),
        (None, int | None, True),
        ([1, 2], tuple[int, ...], True),
        ([1, 2.5], Sequence[int], False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ({"_target_": "lmanet.data.Split"}, int, True),
        ("x", Path, True),
        (None, Augmentation | None, True),
        (5, Augmentation | None, False),
        (5, int | Augmentation, True),
        ({"flip": True}, Augmentation, False),
    ],
)
def test_a_value_fits_as_it_is_or_not_at_all(value: Any, annotation: Any, legal: bool):
    assert fits(value, annotation) is legal


def test_null_is_told_from_what_fits_for_every_argument_of_every_class_of_conf():
    named = {
        target
        for path in CONF.rglob("*.yaml")
        for target in re.findall(r"_target_: (lmanet\.[\w.]+)", path.read_text())
    }
    told = [
        fits(None, annotation)
        for target in sorted(named)
        for annotation in annotations_of(target).values()
    ]
    assert len(named) > 50 and set(told) == {True, False}


def test_a_type_is_told_in_words():
    assert words(int | None) == "a whole number, or null"
    assert words(Literal["a", "b"]) == "one of a, b"
    assert words(Sequence[int]) == "a list, each a whole number"


def test_what_no_stage_reads_is_refused_where_it_is_typed():
    with pytest.raises(
        ConfigError,
        match=re.escape(
            "checkpoint=a.ckpt: only evaluate reads checkpoint, not stages=['deploy']; deploy takes"
        ),
    ):
        refuse_unread(["resume=x", "stages=[deploy]", "checkpoint=a.ckpt"], ["deploy"])
    with pytest.raises(ConfigError, match=r"deploy.network=ab: only deploy"):
        refuse_unread(["deploy.network=ab"], ["train"])
    refuse_unread(["checkpoint=null", "arch=a.json", "seed=1"], ["train"])
