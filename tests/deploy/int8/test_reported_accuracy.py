"""The accuracy that a report calls int8, against the same pictures as frames of a camera, through
the firmware's own C.
"""

import ctypes
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from lmanet.board import load_target
from lmanet.data import ImageFolder, Loading, Split
from lmanet.data.decode import read_image
from lmanet.deploy import Deployment, Settings, load_deployed
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.network import parse_architecture
from lmanet.run.folder import DEPLOY, TEST, RunFolder
from lmanet.run.lines import read_records
from lmanet.run.results import Deployment as DeploymentRecord
from lmanet.run.results import Evaluation as EvaluationRecord
from lmanet.train import Evaluation, FullTraining, Recipe, Trainer, WarmupCosine

pytestmark = pytest.mark.slow  # compiles and emulates

LAYER = {
    "kernel": 3,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": False,
    "activation": "relu6",
    "layers": 1,
}
ARCHITECTURE = parse_architecture(
    {
        "resolution": 24,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [{**LAYER, "block": "depthwise", "channels": 16, "stride": 2}],
    }
)
RECIPE = Recipe(
    epochs=12,
    batch_size=16,
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    schedule=WarmupCosine(0.5),
    accelerator="cpu",
)
WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Frames in which grain hides a brighter or darker middle: only a mean
    over an area shows it.
    """
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    for part, count in (("train", 60), ("val", 20), ("test", 20)):
        for name, light in (("bright", 20), ("dark", -20)):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                picture = rng.normal(128, 60, (HEIGHT, WIDTH, 3))
                picture[30:90, 50:110] += light
                Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(
                    root / part / name / f"{number}.png"
                )
    torch.set_num_threads(1)
    # more pixels than the network reads
    return ImageFolder(str(root), 32, split=Split(), loading=Loading(num_workers=0))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """A network that was trained, deployed and tested, with its records."""
    folder, trainer = tmp_path_factory.mktemp("run"), Trainer(data, RECIPE)
    FullTraining(trainer, seed=0, architecture=ARCHITECTURE).run(RunFolder(folder))
    Deployment(
        data, 0, load_target("stm32h743"), partial(Trainer, recipe=RECIPE), Settings(most_loss=1.0)
    ).run(RunFolder(folder))
    Evaluation(trainer, load_int8=load_deployed).run(RunFolder(folder))
    (deployment,), (*_, test) = (
        read_records(folder / DEPLOY, DeploymentRecord),
        read_records(folder / TEST, EvaluationRecord),
    )
    return folder / deployment.deployed.folder / deployment.deployed.firmware, deployment, test


@pytest.fixture(scope="module")
def classify(run, tmp_path_factory):
    """Class of a frame by the files that are flashed."""
    network = run[0] / "network"
    library = tmp_path_factory.mktemp("board") / "firmware.so"
    board = ctypes.CDLL(
        str(toolchain_named("zig").compile_host(sorted(network.glob("*.c")), library))
    )
    board.lmanet_output.restype = ctypes.c_void_p

    def answer(kind, frame):
        getattr(board, f"lmanet_input_from_{kind}")(
            np.ascontiguousarray(frame).ctypes.data_as(ctypes.c_void_p), WIDTH, HEIGHT
        )
        board.lmanet_run()
        return int(np.frombuffer(ctypes.string_at(board.lmanet_output(), 2), np.int8).argmax())

    return answer


def as_565(frame):
    red, green, blue = np.moveaxis(frame.astype(np.uint16), -1, 0)
    return red >> 3 << 11 | green >> 2 << 5 | blue >> 3


def right(images, answer):
    return sum(
        answer(read_image(path)) == label
        for path, label in zip(images.paths, images.labels.tolist(), strict=True)
    )


def test_frames_of_the_firmware_s_camera_have_the_reported_accuracy(data, run, classify):
    _, deployment, test = run
    assert deployment.int8_val_accuracy > 0.9
    assert right(data.given("val"), partial(classify, "rgb888")) == round(
        40 * deployment.int8_val_accuracy
    )
    assert right(data.given("test"), partial(classify, "rgb888")) == round(40 * test.test_accuracy)


def test_frames_of_16_bits_a_pixel_lose_no_more_than_their_bits(data, run, classify):
    found = right(data.given("val"), lambda frame: classify("rgb565", as_565(frame)))
    assert abs(found - 40 * run[1].int8_val_accuracy) <= 2


def test_the_nearest_pixels_would_not_have_shown_it(data, run, classify):
    """That the pictures tell the two arithmetics apart."""
    rows, columns = (
        (2 * np.arange(24) + 1) * HEIGHT // 48,
        20 + (2 * np.arange(24) + 1) * HEIGHT // 48,
    )

    def nearest(frame):
        square = frame[rows][:, columns].repeat(5, axis=0).repeat(5, axis=1)
        wide = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        wide[:, 20:140] = square
        return classify("rgb888", wide)

    assert right(data.given("val"), nearest) < 40 * run[1].int8_val_accuracy - 2
