"""The quickstart with its real language model over HTTP, its real images and its worker process,
only shorter.
"""

from pathlib import Path

import pytest

import lmanet
from lmanet.app import Run
from lmanet.run.folder import FULL, HISTORY
from lmanet.run.lines import read_records
from lmanet.run.records import Status, Trial
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id

pytestmark = pytest.mark.slow  # runs whole searches


def test_the_model_proposes_and_what_is_trained_is_legal(composed, tmp_path: Path):
    short = (
        "budget.trained=2",
        "train.mini.recipe.epochs=1",
        "data.split.max_train_images=400",
        f"folder={tmp_path}",
    )
    rest = (
        "train.full.recipe.epochs=1",
        "distill.trainer.recipe.epochs=1",
        "distill.teacher.trainer.recipe.epochs=1",
    )
    run = Run(composed("+experiment=quickstart", *short, *rest))
    run.start()

    trials = read_records(tmp_path / HISTORY, Trial)
    trained = [trial for trial in trials if trial.status is Status.TRAINED]
    assert len(trained) == 2
    for trial in trained:
        assert trial.proposal.proposer.startswith("SmolLM2-135M") and trial.proposal.reply
        assert trial.proposal.role in ("rank", "mutate") and run.space.contains(trial.architecture)
        cost = lmanet.estimate(trial.architecture, num_classes=10)
        assert all(getattr(cost, name) <= limit for name, limit in run.target.limits.items())
        assert (
            trial.proposal.usage.prompt_tokens > 300 and trial.proposal.usage.completion_tokens > 5
        )
    student = lmanet.load_network(tmp_path / "student.ckpt")
    assert len(student.classes) == 10
    left = {
        "front.json",
        "report.md",
        "report.html",
        "plots",
        "test.jsonl",
        "events.jsonl",
        "examination.json",
        "provenance.jsonl",
    }
    assert {path.name for path in tmp_path.iterdir()} >= left
    (released,) = (tmp_path / "release").iterdir()
    assert {path.name for path in released.iterdir()} >= {
        "model.safetensors",
        "model.onnx",
        "model_int8.tflite",
        "firmware",
        "README.md",
    }
    assert (tmp_path / "report.html").stat().st_size < 5_000_000

    # What the report says trains one of the networks in full, does so.
    other = min(trained, key=lambda trial: trial.score.val_accuracy)
    network = f"arch={tmp_path / 'networks' / f'{other.id}.json'}"
    Run(composed("+experiment=quickstart", *short, *rest, "stages=[train]", network)).start()
    assert (
        architecture_id(read_records(tmp_path / FULL, TrainedNetwork)[-1].architecture) == other.id
    )
