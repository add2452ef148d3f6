"""What a stage needs of the stages before it and of the images, said before the first one runs."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lmanet.cost import Cost
from lmanet.errors import ConfigError
from lmanet.run.folder import DEPLOY, DISTILL, FRONT, FULL
from lmanet.space import SearchSpace
from lmanet.steps import CheckedData

WITHOUT_NETWORKS = ("search", "rules", "export", "mend", "compare")  # the others need a network
# These read training and validation images.
STAGES_THAT_TRAIN = ("search", "train", "teacher", "distill", "deploy", "measure", "explain")
# Stage -> the stage that makes what it needs, where that stands, and what it is.
TRAINED = ("train", (FULL, DISTILL), "trained network")
NEEDS = {
    "train": ("search", (FRONT,), "front"),
    "measure": ("deploy", (DEPLOY,), "network in int8"),
    **dict.fromkeys(("distill", "deploy", "explain", "evaluate", "release"), TRAINED),
}


def check_order(names: Sequence[str], given: Mapping[str, bool], folder: Path) -> None:
    """Say where a stage needs what no stage before it makes and the folder does not hold.

    Args:
        given: stage -> whether a setting gives it what it needs.

    Raises:
        ConfigError: there is such a stage.
    """
    for place, name in enumerate(names):
        maker, files, what = NEEDS.get(name, ("", (), ""))
        there = any((folder / file).exists() for file in files)
        if maker and not (there or given.get(name) or maker in names[:place]):
            raise ConfigError(
                f"stages={list(names)}: there is no {what} ({', '.join(files)}) to {name} yet; "
                f"run the stage {maker} first, in this run or with resume= of one that has it"
            )


def check_images(names: Sequence[str], data: object) -> None:
    """Say which images are not there that a stage will read; none is opened.

    Raises:
        DataError: some are not there.
    """
    wanted = {"fit": {*STAGES_THAT_TRAIN} & {*names}, "test": {"evaluate"} & {*names}}
    for part, stages in wanted.items():
        if stages and isinstance(data, CheckedData):
            data.require_part(part)


def check_space(names: Sequence[str], space: SearchSpace, objectives: Collection[str]) -> None:
    """Say where a stage or an objective asks for what the candidates of a space do not have.

    Raises:
        ConfigError: there is such a stage, or such an objective.
    """
    kind = space.candidate_type  # loaded first: histories may hold such candidates
    if list(names) == ["compare"]:
        return
    real = [name for name in names if name not in WITHOUT_NETWORKS]
    if real and not space.has_networks:
        raise ConfigError(
            f"stages={list(names)}: {', '.join(real)} need networks, and the space "
            f"{space.name} has none: {kind.kind} {kind.instead}; keep "
            f"{', '.join(WITHOUT_NETWORKS)} (conf/config.yaml)"
        )
    if unknown := sorted({*Cost.names()} & {*objectives} - {*space.quantities}):
        raise ConfigError(
            f"objective {', '.join(unknown)} is not known of {kind.kind}; take pareto=accuracy "
            "or pareto=accuracy_params"
        )
