"""conf/distill: each option gives the stage that it names."""

from functools import partial
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.app.compose import plain
from lmanet.app.settings import check_groups
from lmanet.distill import Dist, Distillation, Dkd, Kd, OnlineLogits, StoredLogits, TeacherSource
from lmanet.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


def option(*overrides: str) -> partial[Distillation]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        made: partial[Distillation] = instantiate(
            compose(overrides=list(overrides)).distill, _partial_=True
        )
    return made


@pytest.mark.parametrize(
    ("name", "divergence"),
    [
        ("vit_b16", Kd(10.0)),
        ("quick", Kd(10.0)),
        ("ensemble", Kd(10.0)),
        ("dkd", Dkd(4.0, 1.0, 8.0)),
        ("dist", Dist(4.0, 2.0, 2.0)),
    ],
)
def test_options_name_their_divergence_and_store_the_logits(
    name: str, divergence: Kd | Dkd | Dist
) -> None:
    made = option(f"+distill={name}").keywords
    assert made["loss"].keywords["divergence"] == divergence
    assert isinstance(made["teacher"].keywords["logits"], StoredLogits)
    recipe = made["trainer"].keywords["recipe"]
    assert 1 <= recipe.views < recipe.epochs


def test_several_teachers_are_a_list_of_paths_and_sources() -> None:
    lite = (
        "{_target_: lmanet.distill.TeacherSource, name: tf_efficientnet_lite0, checkpoint: "
        "lite0.pth, resolution: 128}"
    )
    made = option(
        "+distill=ensemble",
        f"distill.teacher.sources=[multirun/a/2026-01-31_12-00-00, other/student.ckpt, {lite}]",
    )
    assert made.keywords["teacher"].keywords["sources"] == [
        "multirun/a/2026-01-31_12-00-00",
        "other/student.ckpt",
        TeacherSource("tf_efficientnet_lite0", checkpoint="lite0.pth", resolution=128),
    ]


def test_the_published_networks_lie_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LMANET_DATA", "/somewhere")
    sources = option("+distill=published").keywords["teacher"].keywords["sources"]
    assert [source.name for source in sources] == [
        "vit_LMaNet_elite",
        "vit_LMaNet-Core",
        "vit_QwNet-Core",
    ]
    assert [source.arch for source in sources] == ["lmanet_elite", "lmanet_core", "qwnet_core"]
    assert all(source.path.startswith("/somewhere/") for source in sources)


def test_standardised_logits_are_an_option_of_kd_and_dkd() -> None:
    made = option(
        "+distill=ensemble",
        "distill.loss.divergence.standardise=true",
        "distill.loss.divergence.kd_temperature=2",
    )
    assert made.keywords["loss"].keywords["divergence"] == Kd(2.0, standardise=True)
    made = option("+distill=dkd", "+distill.loss.divergence.standardise=true")
    assert made.keywords["loss"].keywords["divergence"] == Dkd(4.0, 1.0, 8.0, standardise=True)


def test_the_teacher_can_be_computed_online() -> None:
    online = option(
        "+distill=vit_b16",
        "~distill.teacher.logits.top_k",
        "distill.teacher.logits._target_=lmanet.distill.OnlineLogits",
    )
    assert online.keywords["teacher"].keywords["logits"] == OnlineLogits()


def test_labels_alone_train_by_the_recipe_of_the_teachers_students() -> None:
    alone, taught = option("+distill=no_teacher").keywords, option("+distill=vit_b16").keywords
    assert alone["teacher"] is alone["loss"] is None
    assert alone["trainer"].keywords["recipe"].views == taught["trainer"].keywords["recipe"].views


@pytest.mark.parametrize(
    "sources",
    [
        "[multirun/a/2026-01-31_12-00-00]",
        "[a.ckpt, {_target_: lmanet.distill.NetworkSource, path: b.ckpt, resolution: 64}]",
        "[]",
    ],
)
def test_sources_are_legal_settings(sources: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "config",
            overrides=[
                "distill=ensemble",
                f"distill.teacher.sources={sources}",
                "data=mnist5k",
                "folder=x",
            ],
        )
    check_groups(plain(config), optional=["propose"])


def test_a_source_that_is_neither_a_path_nor_a_class_is_refused() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "config",
            overrides=[
                "distill=ensemble",
                "distill.teacher.sources=[3]",
                "data=mnist5k",
                "folder=x",
            ],
        )
    with pytest.raises(
        ConfigError,
        match=r"distill\.teacher\.sources=.*: it takes a list, each a Source, or a text",
    ):
        check_groups(plain(config), optional=["propose"])
