"""Deployment of a network trained on real digits: files, records, fine-tuning, and the int8 network
on the test images.
"""

import importlib.util
import logging
import re
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from lmanet.base import Notice
from lmanet.board import load_target
from lmanet.cost import estimate
from lmanet.data import Augment, Mnist5k, Split
from lmanet.deploy import Deployment, Settings, load_deployed
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.write.tflite import read_metadata
from lmanet.errors import ConfigError
from lmanet.network import parse_architecture
from lmanet.network.images import fit, normalise
from lmanet.network.weights import load_network, save_network
from lmanet.run.folder import DEPLOY, FULL, MEASURED, NOTICES, TEST, RunFolder
from lmanet.run.lines import append_record, read_record, read_records, write_record
from lmanet.run.records import Front, Proposal, Score, Status, Trial, Verdict
from lmanet.run.results import Deployment as DeploymentRecord
from lmanet.run.results import Evaluation as EvaluationRecord
from lmanet.run.results import MeasuredCandidate, TrainedNetwork
from lmanet.space import architecture_id
from lmanet.train import Evaluation, FullTraining, Recipe, Trainer, WarmupCosine
from lmanet.validate import Unlimited

pytestmark = pytest.mark.slow  # compiles and emulates

STAGE = {
    "kernel": 3,
    "expansion": 2,
    "se_ratio": 0.5,
    "skip": True,
    "activation": "hard_swish",
    "layers": 1,
}
ARCHITECTURE = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [
            {**STAGE, "block": "mbconv", "channels": 16, "stride": 2},
            {**STAGE, "block": "depthwise", "channels": 24, "stride": 1},
        ],
    }
)
RECIPE = partial(
    Recipe,
    epochs=3,
    batch_size=32,
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    schedule=WarmupCosine(0.5),
    augment=Augment(crop_padding=2),
    accelerator="cpu",
)


@pytest.fixture(scope="module")
def data():
    torch.set_num_threads(1)
    made = Mnist5k(Split(val_fraction=0.1, max_train_images=1280))
    made.setup("fit")
    return made


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run with one trained network, and a front that holds it."""
    folder = tmp_path_factory.mktemp("trained")
    FullTraining(Trainer(data, RECIPE()), seed=0, architecture=ARCHITECTURE).run(RunFolder(folder))
    verdict = Verdict(accepted=True, cost=estimate(ARCHITECTURE, 10))
    score = Score(val_accuracy=0.5, val_macro_f1=0.5, val_calibration_error=0.1, seconds=1.0)
    common = {"number": 0, "seed": 0, "started_at": "", "seconds": 1.0, "elapsed_seconds": 1.0}
    proposal = Proposal(proposer="random", architecture=ARCHITECTURE)
    trial = Trial(status=Status.TRAINED, proposal=proposal, verdict=verdict, score=score, **common)
    write_record(folder / "front.json", Front(hypervolume=0.1, trials=(trial,)))
    return folder


@pytest.fixture(scope="module")
def deployed(data, trained):
    """The same run after the stage, which finds calibration good enough."""
    stage(data).run(RunFolder(trained))
    return trained


def copy_of(trained, folder):
    """A run that has trained and done nothing else."""
    (folder / "full").mkdir()
    for path in (trained / "full.jsonl", *(trained / "full").glob("*.ckpt")):
        (folder / path.relative_to(trained)).write_bytes(path.read_bytes())
    return folder


def stage(data, **settings):
    fine_tuning = RECIPE(epochs=2, optimizer=partial(torch.optim.SGD, lr=0.01, momentum=0.9))
    return Deployment(
        data,
        0,
        load_target("stm32h743"),
        partial(Trainer, recipe=fine_tuning),
        Settings(**settings),
    )


def test_the_best_network_is_deployed_and_the_front_measured(data, deployed):
    (line,) = read_records(deployed / DEPLOY, DeploymentRecord)
    folder, measured = deployed / line.deployed.folder, line.deployed.measurement
    assert (line.architecture, line.stage, line.calibration) == (ARCHITECTURE, "full", "mse")
    assert line.float_val_accuracy > 0.4 and line.int8_val_accuracy > line.float_val_accuracy - 0.03
    assert (folder / line.deployed.tflite).stat().st_size == measured.tflite_bytes
    assert (folder / line.deployed.program / "network.c").exists() and (
        folder / line.deployed.firmware / "README.md"
    ).exists()
    assert (
        measured.measured_bss_bytes
        == line.deployed.cost.peak_sram_bytes
        == estimate(ARCHITECTURE, 10).peak_sram_bytes
    )
    assert sum(measured.kernel_instructions.values()) == measured.measured_instructions
    lowest, highest = line.deployed.estimated_latency_ms
    assert 0 < lowest < measured.measured_instructions / 480e3 < highest
    (candidate,) = read_records(deployed / MEASURED, MeasuredCandidate)
    assert architecture_id(candidate.architecture) == architecture_id(ARCHITECTURE)
    assert (
        (line.qat_epochs or line.deployed.int8_agreement > 0.9)
        and not line.notices
        and not (deployed / NOTICES).exists()
    )
    # Weights do not change what the arena takes.
    assert candidate.measurement.measured_bss_bytes == measured.measured_bss_bytes


def test_what_is_deployed_is_not_deployed_again(data, deployed):
    before = [(deployed / name).read_bytes() for name in (DEPLOY, MEASURED)]
    stage(data).run(RunFolder(deployed))
    assert [(deployed / name).read_bytes() for name in (DEPLOY, MEASURED)] == before


def test_another_target_is_deployed_to_beside_the_first(data, deployed, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True)
    (before,) = read_records(tmp_path / DEPLOY, DeploymentRecord)
    stage(data).run(RunFolder(tmp_path))
    assert (
        f"was deployed to stm32h743 before, by these settings: {before.deployed.folder} stays"
        in caplog.text
    )
    other = replace(stage(data), target=replace(load_target("stm32h743"), name="smaller"))
    other.run(RunFolder(tmp_path))
    first, second = read_records(tmp_path / DEPLOY, DeploymentRecord)
    assert first == before and second.deployed.target == "smaller"
    assert second.deployed.folder == f"{first.deployed.folder}-smaller"
    assert all(
        (tmp_path / line.deployed.folder / line.deployed.tflite).is_file()
        for line in (first, second)
    )


def test_other_settings_deploy_again(data, deployed, tmp_path):
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True)
    line = read_records(tmp_path / DEPLOY, DeploymentRecord)[0].model_copy(
        update={"settings_id": "a"}
    )
    (tmp_path / DEPLOY).write_text(line.model_dump_json() + "\n")
    again = stage(data, calibration="minmax")
    again.settings_id = "b" * 12
    again.run(RunFolder(tmp_path))
    assert [each.calibration for each in read_records(tmp_path / DEPLOY, DeploymentRecord)] == [
        "mse",
        "minmax",
    ]


def test_the_network_that_is_named_is_deployed(data, deployed, tmp_path):
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True)
    last = ARCHITECTURE.stages[-1].model_copy(update={"channels": 16})
    other = ARCHITECTURE.model_copy(update={"stages": (ARCHITECTURE.stages[0], last)})
    FullTraining(Trainer(data, RECIPE(epochs=1)), seed=0, architecture=other).run(
        RunFolder(tmp_path)
    )
    named = {architecture_id(each): each for each in (ARCHITECTURE, other)}
    for identity, architecture in named.items():
        replace(stage(data), network=identity).run(RunFolder(tmp_path))
        assert any(
            line.architecture == architecture
            for line in read_records(tmp_path / DEPLOY, DeploymentRecord)
        )
    assert len(read_records(tmp_path / DEPLOY, DeploymentRecord)) == 2


def test_a_network_that_cannot_be_deployed_is_told_apart(data, deployed, tmp_path):
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True)
    with pytest.raises(
        ConfigError,
        match=(
            "deploy.network=nonsense is no network of this run; legal are "
            f"{architecture_id(ARCHITECTURE)}"
        ),
    ):
        replace(stage(data), network="nonsense").run(RunFolder(tmp_path))
    last = ARCHITECTURE.stages[-1].model_copy(update={"channels": 16})
    searched = ARCHITECTURE.model_copy(update={"stages": (ARCHITECTURE.stages[0], last)})
    (trial,) = read_record(tmp_path / "front.json", Front).trials
    found = trial.model_copy(
        update={"proposal": Proposal(proposer="random", architecture=searched)}
    )
    append_record(tmp_path / "history.jsonl", found)
    train = rf"python run.py resume={tmp_path} 'stages=\[train\]' arch={found.id}"
    with pytest.raises(
        ConfigError,
        match=f"deploy.network={found.id} is not trained in full; do that first: {train}",
    ):
        replace(stage(data), network=found.id).run(RunFolder(tmp_path))


def test_the_deployed_network_gives_tflms_logits_and_is_evaluated(data, deployed):
    (line,) = read_records(deployed / DEPLOY, DeploymentRecord)
    network = load_deployed(deployed / line.deployed.folder, ARCHITECTURE, len(data.classes))
    pixels = data.val_images[:8][0]
    images = normalise(fit(pixels, 32), data.mean, data.std)
    model = (deployed / line.deployed.folder / line.deployed.tflite).read_bytes()
    described = read_metadata(model)
    assert (described["run_id"], tuple(described["labels"])) == (deployed.name, data.classes)
    expected = run_tflm(model, to_int8(images, network.input_scale)).outputs
    integers = (
        network(pixels).numpy() / network.output_scale.scale + network.output_scale.zero_point
    )
    np.testing.assert_array_equal(integers.round().astype(np.int8), expected)

    Evaluation(Trainer(data, RECIPE()), load_int8=load_deployed).run(RunFolder(deployed))
    full, int8 = read_records(deployed / TEST, EvaluationRecord)
    assert (full.stage, int8.stage, int8.checkpoint) == ("full", "deploy", line.deployed.folder)
    assert (
        full.images == int8.images == 1000 and abs(full.test_accuracy - int8.test_accuracy) < 0.03
    )


def test_what_the_firmware_is_unsure_of_is_counted_on_the_test_images(data, trained, tmp_path):
    run = copy_of(trained, tmp_path)
    stage(data, most_loss=1.0, least_precision=0.9).run(RunFolder(run))
    (line,) = read_records(run / DEPLOY, DeploymentRecord)
    header = (run / line.deployed.folder / line.deployed.program / "network.h").read_text()
    assert "int lmanet_class(void);" in header
    assert any(line.thresholds.least_lead) and line.thresholds.val_images == len(data.val_images)

    Evaluation(Trainer(data, RECIPE()), load_int8=load_deployed).run(RunFolder(run))
    tested = read_records(run / TEST, EvaluationRecord)[-1]
    assert tested.stage == "deploy" and tested.thresholds.in_firmware
    said = tested.images - sum(tested.thresholds.unsure)
    assert 0 < said < tested.images
    assert sum(tested.thresholds.right) / said > tested.test_accuracy, "it is sooner right"


def test_where_calibration_loses_too_much_the_int8_network_is_trained(
    data, trained, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    stage(data, most_loss=-1.0).run(RunFolder(copy_of(trained, tmp_path)))
    (line,) = read_records(tmp_path / DEPLOY, DeploymentRecord)
    (tuned,) = re.findall(
        r"int8 after 2 epochs of quantisation-aware fine-tuning: ([\d.]+) %", caplog.text
    )
    # The better of the two is deployed.
    assert line.int8_val_accuracy == pytest.approx(
        max(float(tuned) / 100, line.calibrated_val_accuracy), abs=1e-4
    )
    assert (line.qat_epochs == 2) == (float(tuned) / 100 > line.calibrated_val_accuracy)
    assert not (tmp_path / "deploy" / "fine_tuning").exists()


def test_without_a_trained_network_it_says_what_to_run(data, tmp_path):
    with pytest.raises(ConfigError, match="run the stage train first"):
        stage(data).run(RunFolder(tmp_path))


@pytest.mark.parametrize(
    "setting", [{"calibration": "best"}, {"calibration_images": 0}, {"compare_images": 0}]
)
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ConfigError, match=f"deploy.settings.{next(iter(setting))}="):
        Settings(**setting)


def test_a_network_whose_classes_have_another_order_is_not_deployed_under_these(trained, tmp_path):
    class Reversed(Mnist5k):
        classes = tuple("9876543210")

    with pytest.raises(
        ConfigError,
        match=(
            r"has its classes in another order \(0, 1, 2 and 7 more\) than MNIST-5k "
            r"\(9, 8, 7 and 7 more\)"
        ),
    ):
        stage(Reversed(Split(val_fraction=0.1, max_train_images=1280))).run(
            RunFolder(copy_of(trained, tmp_path))
        )


def test_int8_that_is_worse_than_chance_explains_is_on_record(data, trained, tmp_path):
    """Of a network with one channel ten thousand times as loud as the others, eight bits keep
    nothing of these.
    """
    folder = copy_of(trained, tmp_path)
    (line,) = read_records(folder / "full.jsonl", TrainedNetwork)
    checkpoint = load_network(folder / line.checkpoint)
    with torch.no_grad():
        norm = checkpoint.network.get_submodule("stage1_0.project.norm")
        norm.weight[0] *= 1e4
        norm.bias[0] *= 1e4
        checkpoint.network.get_submodule("stage2_0.depthwise.conv").weight[0] /= (
            1e4  # in float the network is the same
        )
        checkpoint.network.get_submodule("stage2_0.skip.conv").weight[:, 0] /= 1e4
    save_network(folder / line.checkpoint, checkpoint)
    stage(data, calibration="minmax", most_loss=1.0).run(RunFolder(folder))
    (deployment,) = read_records(folder / DEPLOY, DeploymentRecord)
    assert deployment.int8_val_accuracy < deployment.float_val_accuracy
    assert [notice.kind for notice in deployment.notices][:1] == ["int8_differs"]
    assert deployment.notices[0] in read_records(folder / NOTICES, Notice)


def test_int8_that_disagrees_with_float_is_said_and_recorded(data, trained, tmp_path, caplog):
    run = copy_of(trained, tmp_path)
    (network,) = read_records(run / FULL, TrainedNetwork)
    checkpoint = load_network(run / network.checkpoint)
    with (
        torch.no_grad()
    ):  # an outlier of ten thousand in each layer leaves one step to all other weights
        for module in checkpoint.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight[0] *= 1e4
    save_network(run / network.checkpoint, checkpoint)
    stage(data, most_loss=1.0).run(RunFolder(run))
    (line,) = read_records(run / DEPLOY, DeploymentRecord)
    assert line.deployed.int8_agreement < 0.9
    notice = line.notices[-1]
    assert notice.kind == "int8_disagrees" and re.match(
        r"The int8 network chooses .* on \d+ of 256 calibration images", notice.text
    )
    assert (
        read_records(run / NOTICES, Notice) == list(line.notices)
        and caplog.text.count(notice.text) == 1
    )


def test_the_stage_requires_its_tools_before_a_search(data, monkeypatch):
    stage(data).require()
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, find=importlib.util.find_spec: None if name == "tflite_micro" else find(name),
    )
    with pytest.raises(ConfigError, match=r"tflite-micro is missing.*pip install lmanet\[deploy\]"):
        stage(data).require()


def test_a_target_that_is_no_board_is_refused(data):
    with pytest.raises(ConfigError, match="target='none' is no board"):
        Deployment(data, 0, Unlimited(), partial(Trainer, recipe=RECIPE()), Settings())
