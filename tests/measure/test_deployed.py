"""The stage measure as it is typed, on a network that was deployed: the board is QEMU."""

import shutil
from functools import partial

import pytest
import torch

from lmanet.board import MeasuredCycles, load_target
from lmanet.cost.latency import latency_ms
from lmanet.data import Mnist5k, Split
from lmanet.deploy import BoardPrograms, Settings
from lmanet.deploy.candidate import _settle
from lmanet.deploy.deployer import Deployer
from lmanet.errors import BoardError, ConfigError
from lmanet.measure import Measure
from lmanet.measure.emulated import QEMU
from lmanet.network.build import build
from lmanet.network.images import fit, normalise
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.folder import RunFolder
from lmanet.run.records import Score
from lmanet.run.results import Deployment, TrainedNetwork

pytestmark = pytest.mark.slow  # compiles and emulates
TARGET = "stm32f446"
IMAGES = ("data=mnist5k", "data.split.max_train_images=200", f"target={TARGET}")
STAGE = ("stages=[measure]", *IMAGES, "hydra.run.dir=run")


@pytest.fixture(scope="module")
def deployed(small, tmp_path_factory):
    """A run with a network that was never trained, and its deployment."""
    folder = RunFolder(tmp_path_factory.mktemp("deployed"))
    data = Mnist5k(Split(val_fraction=0.1, max_train_images=200))
    data.setup("fit")
    pixels = next(iter(data.val_dataloader(32, torch.device("cpu"))))[0]
    mean, std = (0.5, 0.5, 0.5), (0.3, 0.3, 0.3)
    inputs = normalise(fit(pixels, small.resolution), mean, std)
    torch.manual_seed(0)
    network = build(small, 10)
    _settle(network, inputs)
    checkpoint = Checkpoint(network, data.classes, mean, std)
    (folder.path / "full").mkdir()
    save_network(folder.path / "full/net.ckpt", checkpoint)
    common = {"stage": "full", "architecture": small, "checkpoint": "full/net.ckpt"}
    folder.add_trained(TrainedNetwork(seed=0, score=Score(val_accuracy=0.1, seconds=1.0), **common))
    deployer = Deployer(load_target(TARGET), Settings())
    graph = deployer.quantize(checkpoint, inputs)
    made = deployer.deploy(graph, checkpoint, inputs, folder.path / "deploy/net-full", "run")
    folder.deployments.append(
        Deployment(
            calibration="mse",
            qat_epochs=0,
            float_val_accuracy=0.1,
            calibrated_val_accuracy=0.1,
            int8_val_accuracy=0.1,
            deployed=made.model_copy(update={"folder": "deploy/net-full"}),
            **common,
        )
    )
    return folder.path


@pytest.fixture
def run(deployed, tmp_path):
    shutil.copytree(deployed, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def needs_qemu():
    if not shutil.which(QEMU):
        pytest.skip(f"{QEMU} is not here")


def test_a_deployed_network_is_measured_and_told_everywhere(typed, run, needs_qemu, tmp_path):
    stages = "stages=[measure,release,report]"
    ended = typed(stages, *IMAGES, "hydra.run.dir=run", "measure=emulated", "measure.runs=5")
    assert ended.code == 0, ended.error
    (line,) = run.boards.read()
    assert (line.status, line.error, line.deployed) == ("measured", None, "deploy/net-full")
    figures = line.figures
    assert figures.emulated and len(figures.cycles) == 5 and figures.images == 4
    shown = f"{figures.measured_latency_ms:.2f}"
    report = (run.path / "report.md").read_text()
    assert "latency, median (ms)" in report and shown in report and "is no board's" in report
    (card,) = (run.path / "release").glob("*/README.md")
    (row,) = [row for row in card.read_text().splitlines() if "`measured_latency_ms`" in row]
    assert "emulated, so no board's time" in row
    assert (run.path / "measure/net-full/README.md").exists()
    local = tmp_path / "conf/target/local" / f"{TARGET}-emulated.yaml"
    assert load_target(local).measured.networks[0].network == figures.network


def test_a_board_at_fault_leaves_a_status_and_no_figure(typed, run):
    ended = typed(*STAGE, "measure.port=/dev/no-such-port")
    assert ended.code == 1 and "/dev/no-such-port cannot be opened" in ended.error
    (line,) = run.boards.read()
    assert (line.status, line.figures) == ("no_port", None) and line.error in ended.error
    assert typed("stages=[report]", *IMAGES, "hydra.run.dir=run").code == 0
    report = (run.path / "report.md").read_text()
    assert "`no_port`" in report and "latency, median" not in report
    # what the user builds by hand is there all the same
    assert (run.path / "measure/net-full/board.c").exists()


def test_what_the_user_has_filled_in_stays(run):
    own = run.path / "measure/net-full/board.c"
    for before in ("NUCLEO-F446RE", "/* mine */"):
        with pytest.raises(BoardError, match="cannot be opened"):
            stage(port="/dev/no-such-port").run(run)
        assert before in own.read_text()
        own.write_text("/* mine */")


def stage(target=TARGET, source=None, **settings):
    data = Mnist5k(Split(val_fraction=0.1, max_train_images=200))
    firmware = partial(BoardPrograms, settings=Settings(), source=source)
    made = Measure(data, load_target(target), firmware, **settings)
    made.require()
    return made


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": "x", "flash": "true {elf}"}, "firmware.source is null"),
        ({"port": "qemu"}, "firmware.source=mps2"),
        ({"port": "qemu", "source": "mps2", "target": "stm32h7a3"}, "target=stm32h7a3"),
    ],
)
def test_a_setting_that_cannot_work_is_named(run, settings, words):
    with pytest.raises(ConfigError, match=words):
        stage(**settings).run(run)


def test_a_flash_command_that_fails_is_no_figure(run):
    with pytest.raises(BoardError, match="ended with status 1"):
        stage(port="x", flash="false {elf}", source="mps2").run(run)
    assert [line.status for line in run.boards.read()] == ["not_flashed"]


def test_a_target_that_was_measured_estimates_by_its_own_cycles(typed, run, tmp_path, needs_qemu):
    stage(port="qemu", source="mps2", local=str(tmp_path / "conf/target/local")).run(run)
    local = tmp_path / "conf/target/local" / f"{TARGET}-emulated.yaml"
    text = local.read_text()
    (point,) = load_target(local).measured.networks
    own = f"  - - {point.network}\n    - {point.instructions}\n    - {point.cycles}\n"
    assert own in text
    more = "".join(own.replace(point.network, digit * 16) for digit in "ab")
    local.write_text(text.replace(own, own + more))
    target = load_target(local)
    assert target.measured_is_enough
    low, high = latency_ms(10**6, target.core, target.clock_mhz, measured=target.measured)
    assert low == pytest.approx(high) == pytest.approx(1, rel=0.01)
    composed = typed(
        "--config-dir", str(tmp_path / "conf"), f"target=local/{TARGET}-emulated", "--cfg", "job"
    )
    assert composed.code == 0 and "lmanet.board.MeasuredCycles" in composed.output


def test_a_deployment_of_before_is_read_without_cycles_of_a_board(deployed):
    (line,) = RunFolder(deployed).deployments.read()
    assert line.deployed.measured_cycles is None
    old = line.model_dump_json(exclude={"deployed": {"measured_cycles"}})
    assert Deployment.model_validate_json(old) == line


def test_cycles_of_a_board_are_kept_in_a_deployment(deployed):
    (line,) = RunFolder(deployed).deployments.read()
    cycles = MeasuredCycles("my board", (("a", 10, 12), ("b", 20, 22), ("c", 30, 33)))
    made = line.deployed.model_copy(update={"measured_cycles": cycles})
    kept = line.model_copy(update={"deployed": made}).model_dump_json()
    again = Deployment.model_validate_json(kept).deployed.measured_cycles
    assert again == cycles and again.ratio == pytest.approx((1.2 + 1.1 + 1.1) / 3)


def test_c_that_someone_else_left_there_is_not_built(run):
    where = run.path / "measure/net-full"
    (where / "network").mkdir(parents=True)
    for name in ("evil.c", "network/evil.c", "board.c"):
        (where / name).write_text("#error this is not ours\n")
    with pytest.raises(BoardError, match="ended with status 1"):
        stage(port="x", flash="false {elf}", source="mps2").run(run)
