"""A finished run with an examination made by hand, as its report reads it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from plotly.graph_objects import Figure

from lmanet.explain.facts.contents import RunFiles, Setting, read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.importance import Importance
from lmanet.explain.figures import draw_figures
from lmanet.run.folder import RunFolder
from lmanet.run.results import Deletion, Examination, SkippedBlock
from lmanet.space import load_space

CLASSES = ("cat", "dog", "a <b>bold</b> bird")
IMPORTANT = [Importance("stage1.channels", 0.4, 0.05), Importance("stage2.kernel", 0.1, 0.02)]


def examination(
    run: RunFiles, classes=CLASSES, confusion=((8, 2, 0), (1, 9, 0), (0, 3, 7))
) -> Examination:
    """Of the run's best network."""
    best = run.distilled[0]
    return Examination(
        stage=best.stage,
        architecture=best.architecture,
        checkpoint=best.checkpoint,
        images=1000,
        val_accuracy=0.8,
        skipped=(
            SkippedBlock(
                part="stage1.0",
                stand_in="pooled",
                val_accuracy=0.3,
                accuracy_loss=0.5,
                low=0.47,
                high=0.54,
            ),
            SkippedBlock(
                part="stage1.1",
                stand_in="identity",
                val_accuracy=0.81,
                accuracy_loss=-0.01,
                low=-0.02,
                high=0.0,
            ),
        ),
        block_images=1000,
        layer="stage2.0",
        map_size=8,
        saliency=(),
        deletion=Deletion(
            images=256,
            shares=(0, 0.5, 1),
            gradcam=(0.9, 0.3, 0.1),
            random=(0.9, 0.6, 0.1),
            draws=4,
            area_difference=0.15,
            low=0.12,
            high=0.18,
        ),
        classes=classes,
        confusion=confusion,
        seconds=1.0,
    )


@pytest.fixture
def setting(pareto, target) -> Setting:
    return Setting(pareto, target, 10, load_space("mcu"))


@pytest.fixture
def run(make_run) -> RunFiles:
    found = read_run(RunFolder(make_run()))
    return replace(found, examination=examination(found))


@pytest.fixture
def examined() -> Callable[..., Examination]:
    return examination


@pytest.fixture
def draw() -> Callable[..., dict[str, Figure]]:
    """The figures of a run and its setting; importances are given, as forests take seconds."""

    def drawn(run: RunFiles, setting: Setting, known: bool = True) -> dict[str, Figure]:
        facts = Facts(run, setting)
        vars(facts)["importances"] = IMPORTANT if known else []
        return draw_figures(facts)

    return drawn
