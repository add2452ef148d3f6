"""Which networks of a run are released, and what its records say of them."""

import hashlib
from typing import NamedTuple

from lmanet.base import Notice
from lmanet.release.timm_models import model_name
from lmanet.run.folder import RunFolder
from lmanet.run.measurement import BoardMeasurement
from lmanet.run.provenance import Provenance
from lmanet.run.results import Deployment, Evaluation, TrainedNetwork
from lmanet.space import architecture_id


class Run(NamedTuple):
    """What holds for all networks of a run.

    Attributes:
        proposers: id of an architecture -> who proposed it first, and its number in the history.
        proposals: of the search.
        val_images: in number; None where the stage explain, which counts them, was not run.
        checksum: of training and validation images; None where there was no search.
        overrides: of the command line.
        start: the first of the run; None where it was not recorded.
    """

    proposers: dict[str, tuple[str, int]]
    proposals: int
    val_images: int | None
    checksum: str | None
    overrides: tuple[str, ...]
    start: Provenance | None


class Released(NamedTuple):
    """A network that leaves its run.

    Attributes:
        taught: the network without a teacher that its distillation began with, if it was distilled.
        checkpoint_sha256: of its weights as the run keeps them.
        deployment: of these weights, where there is one.
        float_test, int8_test: on the test images, where they were opened.
        notices: what is off about this network, or about the data of the run.
        boards: the deployed network on boards, the last figures of each.
    """

    name: str
    trained: TrainedNetwork
    checkpoint_sha256: str
    deployment: Deployment | None
    float_test: Evaluation | None
    int8_test: Evaluation | None
    notices: tuple[Notice, ...] = ()
    boards: tuple[BoardMeasurement, ...] = ()
    taught: TrainedNetwork | None = None


def read_released(folder: RunFolder) -> list[Released]:
    """The network of ``student.ckpt`` and every deployed one; of several trainings of one
    architecture the best by validation.

    Raises:
        ConfigError: no network was trained to the end.
    """
    best, *others = folder.require_trained("release")
    deployments = {line.checkpoint: line for line in folder.deployments.read()}
    tests = {line.checkpoint: line for line in folder.tests.read()}
    chosen = {model_name(best.architecture): best}
    for network in others:
        if network.checkpoint in deployments:
            chosen.setdefault(model_name(network.architecture), network)
    found = [
        _released(name, network, folder, deployments.get(network.checkpoint), tests)
        for name, network in chosen.items()
    ]
    said, of_networks = folder.notices.read(), _of_networks(folder)
    of_all = [notice for notice in said if notice not in of_networks]
    return [released._replace(notices=(*_own(released), *of_all)) for released in found]


def read_run(folder: RunFolder) -> Run:
    """What the run's files say of it, whatever stages it had."""
    proposers: dict[str, tuple[str, int]] = {}
    trials = folder.trials()
    for trial in sorted(trials, key=lambda each: each.number):
        if trial.architecture:
            proposers.setdefault(
                architecture_id(trial.architecture), (trial.proposal.proposer, trial.number)
            )
    examination = folder.examination.read()
    return Run(
        proposers=proposers,
        proposals=len(trials),
        val_images=examination.images if examination else None,
        checksum=folder.settings().get("data_checksum"),
        overrides=folder.overrides(),
        start=next(iter(folder.provenance.read()), None),
    )


def _released(
    name: str,
    network: TrainedNetwork,
    folder: RunFolder,
    deployment: Deployment | None,
    tests: dict[str, Evaluation],
) -> Released:
    return Released(
        name=name,
        trained=network,
        checkpoint_sha256=hashlib.sha256(
            (folder.path / network.checkpoint).read_bytes()
        ).hexdigest(),
        deployment=deployment,
        float_test=tests.get(network.checkpoint),
        int8_test=tests.get(deployment.deployed.folder) if deployment else None,
        boards=_on_boards(folder, deployment) if deployment else (),
        taught=next(
            (line for line in folder.full.read() if line.checkpoint == network.began_as), None
        ),
    )


def _on_boards(folder: RunFolder, deployment: Deployment) -> tuple[BoardMeasurement, ...]:
    figures = [
        line.figures
        for line in folder.boards.read()
        if line.figures and line.deployed == deployment.deployed.folder
    ]
    return tuple({each.board: each for each in figures}.values())


def _own(released: Released) -> list[Notice]:
    """What was said of this network, each once."""
    records = (released.trained.score, released.deployment, released.float_test, released.int8_test)
    return list(dict.fromkeys(notice for record in records if record for notice in record.notices))


def _of_networks(folder: RunFolder) -> set[Notice]:
    """What was said of any one network: of candidates, too, and of the teacher."""
    scores = [trial.score for trial in folder.trials() if trial.score]
    scores += [network.score for network in folder.trained()]
    if teacher := folder.teacher.read():
        scores.append(teacher.score)
    said = [score.notices for score in scores]
    said += [deployment.notices for deployment in folder.deployments.read()]
    said += [test.notices for test in folder.tests.read()]
    return {notice for notices in said for notice in notices}
