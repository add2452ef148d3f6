"""Stages that are made here, of steps: the search, and the comparison of searches; and what goes
with all stages.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from lmanet.app.needs import STAGES_THAT_TRAIN
from lmanet.errors import ConfigError
from lmanet.network import Architecture, load_architecture
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.notices import one_arm
from lmanet.run.quantities import ON_BOARD
from lmanet.run.shared_settings import other_images, remember_settings
from lmanet.search import Search, Steps
from lmanet.space import staged
from lmanet.steps import Checked, ImageData, Pareto, StageListener, Validator

if TYPE_CHECKING:
    from lmanet.explain.compare import SearchRun

log = logging.getLogger(__name__)


@dataclass
class SearchStage:
    """The loop as a stage.

    Attributes:
        search: history -> the search that goes on with it.
        shared: what all trials of a history share, but for the data's checksum.
        folder: of the run; where its search is over, nothing is required.
        inherit: keep weights for the trainings of edits.
    """

    steps: Steps
    search: Callable[[History], Search]
    data: ImageData
    shared: Mapping[str, object]
    folder: RunFolder
    inherit: bool = False

    def require(self) -> None:
        if self.search(History(self.folder)).is_over:
            return
        for step in self.steps:
            if isinstance(step, Checked):
                step.require()

    def run(self, folder: RunFolder) -> None:
        self.data.setup("fit")  # data that are missing or broken are named now, not in every trial
        folder.say(self.data.notices)
        remember_settings(folder, {**self.shared, "data_checksum": self.data.checksum()})
        search = self.search(History(folder, self.inherit))
        search.run()
        # not kept, as the choices of a search that goes on may differ; the report asks again
        for notice in one_arm(search.history.trials):
            log.warning("%s", notice.text)


class CompareStage:
    """The comparison of searches, which reads their folders and nothing else of the run."""

    def __init__(self, runs: "Sequence[SearchRun]", pareto: Pareto) -> None:
        self.runs, self.pareto = runs, pareto

    def run(self, folder: RunFolder) -> None:
        from lmanet.explain.compare import Comparison

        comparison = Comparison(self.runs, self.pareto)
        comparison.run(folder)
        Console().print(
            *comparison.sentences, sep="\n", markup=False, highlight=False, soft_wrap=True
        )


def architecture(name: str, folder: RunFolder) -> Architecture:
    """A shipped name, a file, or the ID of a network of the run's own history."""
    found = {trial.id: trial.architecture for trial in folder.trials()}.get(name)
    return staged(found) if found else load_architecture(name)


def look_at_images(stages: Sequence[str], data: ImageData, folder: RunFolder) -> None:
    """Say what is off about the images before a training; a search says it itself."""
    if "search" in stages or not {*STAGES_THAT_TRAIN} & {*stages}:
        return
    if "train" in stages:
        data.setup("fit")
        folder.say(data.notices)
    folder.say(other_images(folder, data.checksum))


@contextmanager
def shown(listeners: Iterable[Any], turns: Sequence[Sequence[str]]) -> Iterator[Callable[[], None]]:
    """Let those listeners that hear of stages show a run, and end their views with it; what is
    given tells them that the next turn begins.
    """
    hearing = [each for each in listeners if isinstance(each, StageListener)]

    def begin() -> None:
        for listener in hearing:
            listener.on_stages_start()

    with ExitStack() as ending:
        for listener in hearing:
            ending.enter_context(listener.showing(turns))
        yield begin


def check_board(validator: Validator, objectives: Collection[str]) -> None:
    """Say now where an objective is measured on a board, and no board is in the loop.

    Raises:
        ConfigError: it would otherwise be missed after the first training.
    """
    if ON_BOARD.name in objectives and not getattr(validator, "measures_on_a_board", False):
        raise ConfigError(
            f"objective {ON_BOARD.name} is known with a board in the loop alone; take "
            f"validate=board, or objectives without it (conf/pareto)"
        )


def check_promotion(promotion: Any, trainer: Any) -> None:
    """Say now where candidates would pause after their training's end, or be ranked by what the
    trainer does not measure.

    Raises:
        ConfigError: either would otherwise be said by the first training.
    """
    from lmanet.train.checks import require_a_stop_before_the_end

    recipe, proxies = (
        getattr(trainer, "recipe", None),
        getattr(getattr(trainer, "zero_cost", None), "proxies", ()),
    )
    if recipe is not None:
        for rung in getattr(promotion, "rungs", ()):
            require_a_stop_before_the_end(rung, recipe.epochs)
    if missing := [name for name in getattr(promotion, "screen", ()) if name not in proxies]:
        raise ConfigError(
            f"promote.screen names {', '.join(missing)}, which the trainer does not measure (it "
            f"has {', '.join(proxies) or 'none'}); correct conf/promote/halving.yaml or "
            "train.mini.zero_cost.proxies"
        )
