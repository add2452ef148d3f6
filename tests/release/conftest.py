"""A network trained on real digits, deployed, tested and released."""

from functools import partial

import pytest
import torch

import lmanet
from lmanet.board import load_target
from lmanet.data import Augment, Mnist5k, Split
from lmanet.deploy import Deployment, Settings, load_deployed
from lmanet.network import parse_architecture
from lmanet.network.images import fit, normalise
from lmanet.release import Release
from lmanet.run.folder import FULL, RunFolder
from lmanet.run.lines import read_records
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id
from lmanet.train import Evaluation, FullTraining, Recipe, Trainer, WarmupCosine

STAGE = {
    "kernel": 3,
    "expansion": 2,
    "se_ratio": 0.5,
    "skip": True,
    "activation": "hard_swish",
    "layers": 1,
}
STAGES = [
    {**STAGE, "block": "mbconv", "channels": 16, "stride": 2},
    {**STAGE, "block": "depthwise", "channels": 24, "stride": 1},
    {**STAGE, "block": "fused", "channels": 24, "stride": 1},
    {**STAGE, "block": "conv", "channels": 24, "stride": 1},
]
STEM = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
RECIPE = Recipe(
    epochs=2,
    batch_size=32,
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    schedule=WarmupCosine(0.5),
    augment=Augment(crop_padding=2),
    accelerator="cpu",
)


@pytest.fixture(scope="session")
def architecture():
    return parse_architecture({"resolution": 32, "stem": STEM, "stages": STAGES})


@pytest.fixture(scope="session")
def data():
    torch.set_num_threads(1)
    made = Mnist5k(Split(val_fraction=0.1, max_train_images=640))
    made.setup("fit")
    return made


@pytest.fixture(scope="session")
def run(architecture, data, tmp_path_factory):
    """Trained, deployed and tested."""
    folder, trainer = tmp_path_factory.mktemp("run"), Trainer(data, RECIPE)
    FullTraining(trainer, seed=0, architecture=architecture).run(RunFolder(folder))
    Deployment(
        data,
        0,
        load_target("stm32h743"),
        partial(Trainer, recipe=RECIPE),
        Settings(most_loss=1.0),
        packages=("arduino", "cmake"),
    ).run(RunFolder(folder))
    Evaluation(trainer, load_int8=load_deployed).run(RunFolder(folder))
    return folder


@pytest.fixture(scope="session")
def released(architecture, data, run):
    """The folder that leaves the run."""
    Release(data, license="apache-2.0", opset=18).run(RunFolder(run))
    return run / "release" / f"lmanet_{architecture_id(architecture)}"


@pytest.fixture(scope="session")
def pixels(data):
    """Three validation images, uint8."""
    return next(iter(data.val_dataloader(3, torch.device("cpu"))))[0]


@pytest.fixture(scope="session")
def images(data, pixels):
    """The same as the network reads them."""
    return normalise(fit(pixels, 32), data.mean, data.std)


@pytest.fixture(scope="session")
def logits(run, images):
    """What the run's own network says of them."""
    checkpoint = run / read_records(run / FULL, TrainedNetwork)[0].checkpoint
    return lmanet.load_network(checkpoint).network(images).detach()
