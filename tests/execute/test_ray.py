"""Calls on a Ray of this machine: lost workers, files that come back, images that go with them."""

import os
import signal
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from lmanet.calls import Call, Here, Returned
from lmanet.data import ImageFolder
from lmanet.data.module import ImageModule
from lmanet.distill import (
    Distillation,
    Kd,
    KnowledgeDistillation,
    StoredLogits,
    TeacherSource,
    TeacherTraining,
)
from lmanet.errors import (
    ConfigError,
    DataError,
    TrainingError,
    TrainingTimeoutError,
    WorkerLostError,
)
from lmanet.execute import Auto, RayEngine
from lmanet.network import parse_architecture
from lmanet.network.weights import load_network
from lmanet.run.folder import RunFolder
from lmanet.train import FullTraining, Recipe, Trainer, WarmupCosine

pytestmark = [
    pytest.mark.slow,  # starts Ray
    pytest.mark.skipif(  # not imported here: it reads its settings when it is
        not find_spec("ray"), reason="the package ray is not installed: pip install 'lmanet[ray]'"
    ),
]


STAGE = {
    "block": "depthwise",
    "kernel": 3,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
    "layers": 1,
}
ARCHITECTURE = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [{**STAGE, "channels": 16, "stride": 2}],
    }
)


class Double(NamedTuple):
    """Stands in for a trainer."""

    data: ImageModule


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> ImageFolder:
    """Images whose files are gone once they are read, as on a machine that has not got them."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / "train" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(root / "train" / name / f"{number}.png")
    found = ImageFolder(root=str(root), resolution=16)
    found.setup("fit")
    for file in root.rglob("*.png"):
        file.unlink()
    return found


@pytest.fixture(scope="module")
def own_handler():
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    yield signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def engine(data, own_handler):
    engine = RayEngine(data, workers=2, silent_seconds=20, auto=Auto(accelerator="cpu"))
    yield engine
    engine.close()


def echo(trainer: Double, text: str) -> str:
    return text


def refuse(trainer: Double, error: Exception) -> None:
    raise error


def mean_of_images(trainer: Double) -> float:
    trainer.data.setup("fit")
    return float(trainer.data.train_images.images.float().mean())


def die(trainer: Double) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fall_silent_once(trainer: Double, mark: str) -> str:
    """Its mark is a text, since paths name files that go with a call."""
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return "awake"


def hang(trainer: Double, mark: str) -> None:
    with Path(mark).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(600)


def train_three_epochs(trainer: Double, folder: Path, there: str) -> list[str]:
    """Leaves a checkpoint an epoch; where it begins with none, it is killed in the third, once the
    first two have come back.
    """
    last = folder / "last.ckpt"
    done = last.read_text().split() if last.exists() else []
    began = len(done)
    while len(done) < 3:
        done.append(f"{len(done) + 1}:{os.getpid()}")
        if len(done) == 3 and not began:
            while not Path(there).exists() or len(Path(there).read_text().split()) < 2:
                time.sleep(0.05)
            die(trainer)
        folder.mkdir(exist_ok=True)
        last.write_text(" ".join(done))
    return done


def computed(engine: RayEngine, *calls: Call) -> list[Returned]:
    for call in calls:
        engine.submit(call)
    found: list[Returned] = []
    while len(found) < len(calls):
        found += engine.collect(wait=True)
    return sorted(found)


def test_each_call_returns_its_value_or_its_error(engine, data):
    double = Double(data)
    ends = computed(
        engine,
        Call(0, echo, double, ("a",)),
        Call(1, refuse, double, (DataError("photo.png cannot be read"),)),
        Call(2, refuse, double, (ZeroDivisionError("a bug"),)),
        Call(3, echo, double, ("d",)),
    )
    assert [end.value for end in ends] == ["a", None, None, "d"]
    assert type(ends[1].error) is DataError and str(ends[1].error) == "photo.png cannot be read"
    assert type(ends[2].error) is TrainingError and "a bug" in str(ends[2].error)
    assert engine.capacity == 3 and engine.collect(wait=True) == []


def test_the_images_of_the_run_are_there_though_their_files_are_not(engine, data):
    (end,) = computed(engine, Call(0, mean_of_images, Double(data)))
    assert end.result() == pytest.approx(float(data.train_images.images.float().mean()))


def test_a_call_that_was_lost_goes_on_elsewhere_from_its_checkpoint(engine, data, tmp_path):
    folder = tmp_path / "checkpoints" / "0"
    there = str(folder / "last.ckpt")
    call = Call(0, train_three_epochs, Double(data), (folder, there), (folder,))
    epochs = [each.split(":") for each in computed(engine, call)[0].result()]
    assert [epoch for epoch, _ in epochs] == ["1", "2", "3"]
    assert epochs[0][1] == epochs[1][1] != epochs[2][1], "the third is of another process"
    assert len((folder / "last.ckpt").read_text().split()) == 3


def test_a_call_that_kills_two_workers_fails_and_no_other_does(engine, data):
    double = Double(data)
    ends = computed(
        engine, Call(0, die, double), *(Call(number, echo, double, ("x",)) for number in (1, 2, 3))
    )
    assert [end.value for end in ends] == [None, "x", "x", "x"]
    assert type(ends[0].error) is WorkerLostError
    assert "two workers were lost with it" in str(ends[0].error)
    assert "the worker process died, or was killed" in str(ends[0].error)


def test_stages_give_the_same_by_the_engine_as_in_this_process(engine, data, tmp_path):
    torch.set_num_threads(1)
    engine.threads = 1
    for name, each in (("here", None), ("there", engine)):
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        train_and_distil(data, each, folder)
    here, there = RunFolder(tmp_path / "here"), RunFolder(tmp_path / "there")
    for left, right in zip(here.trained(), there.trained(), strict=True):
        assert left.score.val_accuracy == right.score.val_accuracy
        assert [epoch.train_loss for epoch in left.score.curve] == [
            epoch.train_loss for epoch in right.score.curve
        ]
        mine, theirs = (
            load_network(folder.path / each.checkpoint).network.state_dict()
            for folder, each in ((here, left), (there, right))
        )
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert [path.relative_to(here.path) for path in sorted(here.path.rglob("*"))] == [
        path.relative_to(there.path) for path in sorted(there.path.rglob("*"))
    ]
    views = sorted(here.path.glob("teacher_logits/*/*.safetensors"))
    assert len(views) == 2
    for view in views:
        assert view.read_bytes() == (there.path / view.relative_to(here.path)).read_bytes()


def train_and_distil(data: ImageFolder, engine: RayEngine | None, folder: RunFolder) -> None:
    """A full training, a teacher, its logits, a distillation."""
    optimizer = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
    recipe = Recipe(
        epochs=2, batch_size=8, optimizer=optimizer, schedule=WarmupCosine(0.5), accelerator="cpu"
    )
    trainer = partial(Trainer, recipe=recipe)
    training = FullTraining(trainer(data), 1, architecture=ARCHITECTURE)
    training.engine = engine or Here()
    training.run(folder)
    teacher = partial(
        TeacherTraining,
        source=TeacherSource("test_resnet", resolution=32),
        trainer=trainer,
        logits=StoredLogits(),
    )
    loss = partial(KnowledgeDistillation, divergence=Kd(10.0))
    Distillation(data, 1, trainer, teacher, loss, skip_if_worse=False, engine=engine).run(folder)


def test_a_ray_of_this_machine_keeps_no_program_from_leading_a_cluster(engine, data):
    computed(engine, Call(0, echo, Double(data), ("a",)))
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ


def test_nobody_else_is_let_in_and_signals_stay_the_runs(engine, own_handler, data):
    computed(engine, Call(0, echo, Double(data), ("x",)))
    assert signal.getsignal(signal.SIGTERM) is own_handler
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    heard = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert heard == {"127.0.0.1"}


def test_close_gives_the_workers_back_at_once(engine, data):
    engine.submit(Call(0, time.sleep, 60))
    time.sleep(1)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 20 and engine.collect(wait=True) == []


@pytest.fixture(scope="module")
def hasty(engine, data):
    """One worker of the same Ray, of which less is borne; the others have been given back."""
    engine.close()
    hasty = RayEngine(data, workers=1, silent_seconds=3, auto=Auto(accelerator="cpu"))
    yield hasty
    hasty.close()


def test_a_worker_that_gives_no_sign_of_life_is_lost(hasty, data, tmp_path, caplog):
    call = Call(0, fall_silent_once, Double(data), (str(tmp_path / "mark"),))
    assert computed(hasty, call)[0].value == "awake"
    assert "a worker was lost with call 0: " in caplog.text
    assert "no sign of life for 3 s" in caplog.text


def test_a_call_that_hangs_though_its_worker_answers_is_given_up(hasty, data, tmp_path):
    mark = tmp_path / "mark"
    call = Call(0, hang, Double(data), (str(mark),), most_seconds=5.0)
    (end,) = computed(hasty, call)
    assert type(end.error) is TrainingTimeoutError and end.seconds > 5
    (worker,) = map(int, mark.read_text().split())  # it is not tried again
    deadline = time.monotonic() + 30
    while psutil.pid_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(worker)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"threads": "many"}, {"silent_seconds": 0}])
def test_settings_that_leave_nothing_to_work_are_refused(settings):
    with pytest.raises(ConfigError, match=r"conf/execute/ray\.yaml"):
        RayEngine(**settings)
