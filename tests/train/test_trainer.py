import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lmanet.data import Mnist5k
from lmanet.errors import ConfigError, TrainingError, TrainingTimeoutError
from lmanet.network import Architecture
from lmanet.run.records import Job, Score
from lmanet.train import Recipe, Trainer
from lmanet.train.trainer import LAST

pytestmark = pytest.mark.slow  # trains


def figures(score: Score) -> list[float]:
    """All of a score but its seconds."""
    return [score.val_accuracy, score.val_macro_f1, score.val_calibration_error] + [
        value
        for epoch in score.curve
        for value in (epoch.train_loss, epoch.val_loss, epoch.val_accuracy)
    ]


def test_a_candidate_learns_and_leaves_no_file(
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    score = Trainer(data, make_recipe(epochs=6)).train(
        Job(number=0, architecture=architecture, seed=0)
    )
    assert score.val_accuracy > 0.5  # chance is 0.1
    assert [epoch.epoch for epoch in score.curve] == list(range(6))
    assert score.curve[-1].val_accuracy == score.val_accuracy  # the last weights, not the best
    assert score.curve[-1].train_loss < score.curve[0].train_loss
    assert score.kernels == "channels_last,32-true,none"
    assert score.seconds == pytest.approx(sum(epoch.seconds for epoch in score.curve))
    assert not list(tmp_path.iterdir())


def test_the_seed_fixes_the_score(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    trainer = Trainer(data, make_recipe(epochs=2))
    first = figures(trainer.train(Job(number=0, architecture=architecture, seed=5)))
    torch.rand(7)  # what was drawn before does not matter
    assert figures(trainer.train(Job(number=0, architecture=architecture, seed=5))) == first
    assert figures(trainer.train(Job(number=0, architecture=architecture, seed=6))) != first


IN_A_JOB = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "search",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "1",
}


@pytest.mark.parametrize("variables", [IN_A_JOB, {}], ids=["in a job", "where jobs are submitted"])
def test_a_scheduler_changes_nothing_of_a_training(
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hpc_ckpt_1.ckpt").write_text("of another training, as Lightning names it")
    trainer = Trainer(data, make_recipe(epochs=1, images=64))
    assert trainer.train(Job(number=0, architecture=architecture, seed=0)).epochs == 1


def test_a_worker_process_trains_the_same(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    trainer = Trainer(data, make_recipe(epochs=1))
    here = figures(trainer.train(Job(number=0, architecture=architecture, seed=5)))
    assert (
        figures(
            pickle.loads(pickle.dumps(trainer)).train(
                Job(number=0, architecture=architecture, seed=5)
            )
        )
        == here
    )


def test_the_search_never_opens_the_test_images(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    """Defect 2: test accuracy drove the search."""

    class Sealed(Mnist5k):
        """Nobody may read its test images."""

        def read_test(self) -> None:
            raise AssertionError("the test images were opened")

    Trainer(Sealed(data.split), make_recipe(epochs=1)).train(
        Job(number=0, architecture=architecture, seed=0)
    )


def test_a_loss_that_is_not_finite_is_an_error(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(optimizer=partial(torch.optim.SGD, lr=1e30))
    with pytest.raises(TrainingError, match=r"not finite; lower the learning rate .*optimizer.lr"):
        Trainer(data, recipe).train(Job(number=0, architecture=architecture, seed=0))


def test_a_training_that_takes_too_long_is_given_up(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    start = time.monotonic()
    with pytest.raises(TrainingTimeoutError, match=r"max_seconds=0.5; raise it"):
        Trainer(data, make_recipe(epochs=10_000, max_seconds=0.5)).train(
            Job(number=0, architecture=architecture, seed=0)
        )
    assert time.monotonic() - start < 30


def test_a_device_that_is_not_there_is_named(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match=r"accelerator=abacus cannot be had on this machine"):
        Trainer(data, make_recipe(accelerator="abacus")).train(
            Job(number=0, architecture=architecture, seed=0)
        )


CHILD = """
import pickle, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
trainer, architecture = pickle.loads(Path(sys.argv[1]).read_bytes())
trainer.fit(trainer.build(architecture, 3), 3, folder=Path(sys.argv[2]))
"""


def test_a_killed_training_goes_on_and_ends_the_same(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = Trainer(data, make_recipe(epochs=8))
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "trainer.pkl").write_bytes(pickle.dumps((trainer, architecture)))
    last = tmp_path / "work" / LAST
    command = [
        sys.executable,
        str(tmp_path / "child.py"),
        str(tmp_path / "trainer.pkl"),
        str(last.parent),
    ]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while not last.is_file():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = len(torch.load(last, weights_only=True)["curve"])
    assert 1 <= kept < 8
    network = trainer.build(architecture, 3)
    epochs_trained = []
    network.register_forward_pre_hook(
        lambda module, inputs: epochs_trained.append(torch.is_grad_enabled())
    )
    resumed = trainer.fit(network, 3, folder=last.parent)
    assert sum(epochs_trained) == (8 - kept) * 20  # steps; what was over is not done again
    whole = trainer.build(architecture, 3)
    assert figures(resumed) == pytest.approx(figures(trainer.fit(whole, 3)))
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(network.state_dict()[name], tensor), name


@pytest.mark.parametrize("changes", [{}, {"ema_decay": 0.9}, {"views": 2}], ids=str)
def test_a_training_that_paused_goes_on_and_ends_the_same(
    changes: dict[str, Any],
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    trainer = Trainer(data, make_recipe(epochs=4, **changes))
    job = Job(number=0, architecture=architecture, seed=3)
    whole = trainer.train(job)
    paused = trainer.train(job.model_copy(update={"epochs": 1, "folder": tmp_path}))
    # the schedule is that of four epochs
    assert figures(paused)[3:] == pytest.approx(figures(whole)[3:6])
    assert len(trainer.train(job.model_copy(update={"epochs": 3, "folder": tmp_path})).curve) == 3
    assert figures(trainer.train(job.model_copy(update={"folder": tmp_path}))) == pytest.approx(
        figures(whole)
    )


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_a_training_that_was_over_is_not_done_again(
    ema_decay: float | None,
    data: Mnist5k,
    architecture: Architecture,
    make_recipe: Callable[..., Recipe],
    tmp_path: Path,
) -> None:
    trainer = Trainer(data, make_recipe(epochs=2, ema_decay=ema_decay))
    network, other = trainer.build(architecture, 0), trainer.build(architecture, 1)
    first = trainer.fit(network, 0, folder=tmp_path)
    assert trainer.fit(other, 0, folder=tmp_path) == first
    assert torch.equal(next(network.parameters()), next(other.parameters()))


def test_an_edit_trained_from_its_parents_weights_learns_faster(
    data: Mnist5k, architecture: Architecture, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    trainer = Trainer(data, make_recipe(epochs=2))
    weights = tmp_path / "parents" / "0.ckpt"
    trainer.train(Job(number=0, architecture=architecture, seed=0, weights=weights))
    wider = architecture.stages[1].model_copy(update={"channels": 48})
    edit = architecture.model_copy(update={"stages": (architecture.stages[0], wider)})
    fresh = trainer.train(Job(number=1, architecture=edit, seed=1))
    heir = trainer.train(Job(number=1, architecture=edit, seed=1, parent=weights))
    assert heir.curve[0].train_loss < fresh.curve[0].train_loss - 0.2
    assert heir.val_accuracy > fresh.val_accuracy


def test_a_way_of_inheriting_that_is_unknown_is_refused(
    data: Mnist5k, make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(ConfigError, match=r"train.mini.inherit=mother: legal are parent and none"):
        Trainer(data, make_recipe(), inherit="mother")
