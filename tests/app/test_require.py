"""What a later stage needs is checked before the first one starts."""

import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lmanet import base
from lmanet.app import Run
from lmanet.errors import ConfigError, DataError, EndpointError, LmanetError
from lmanet.propose.llm.servers import require_listener
from lmanet.steps import Checked

pytestmark = pytest.mark.slow  # runs whole searches

SMALL = ("+experiment=smoke", "propose=random")


@pytest.fixture
def prepare(composed, tmp_path: Path):
    """Checks a run as it is checked before it starts; nothing is run."""

    def make(*overrides: str) -> Run:
        run = Run(composed(*SMALL, f"folder={tmp_path / 'run'}", *overrides))
        run.prepare()
        return run

    return make


@pytest.mark.parametrize(
    ("overrides", "kind", "says"),
    [
        (
            ["propose=llm", "propose.model=m", "propose.server.base_url=http://127.0.0.1:9/v1"],
            EndpointError,
            "no server answers at http://127",
        ),
        (
            ["propose=llm", "propose.model=m", "propose.server.api_key_env=NO_SUCH_KEY"],
            ConfigError,
            "variable NO_SUCH_KEY is empty",
        ),
        (
            ["propose=embedded", "propose.model=none.gguf"],
            ConfigError,
            "there is no model file none.gguf",
        ),
        (["data=image_folder", "data.root=nowhere"], DataError, "there is no folder nowhere"),
        (["data=cifar100", "data.archive=none.npz"], DataError, "no archive at none.npz"),
        (
            ["stages=[search,evaluate]", "checkpoint=none.ckpt"],
            ConfigError,
            "no checkpoint at none.ckpt",
        ),
        (
            ["stages=[rules,deploy]"],
            ConfigError,
            r"no trained network .* to deploy yet; run the stage train first",
        ),
        (
            ["stages=[train]"],
            ConfigError,
            r"no front \(front.json\) to train yet; run the stage search first",
        ),
        (
            ["target=none", "pareto=accuracy_params"],
            ConfigError,
            "target=none is no board to deploy to",
        ),
        (["train.full=null"], ConfigError, "train.full is null"),
        (["pareto=accuracy_board"], ConfigError, "take validate=board"),
        (
            ["pareto=accuracy_board", "validate=board"],
            ConfigError,
            "measure.port is not set",
        ),
        (
            ["validate=board", "measure.port=/dev/ttyX"],
            ConfigError,
            "measure.flash is null",
        ),
        (
            ["stages=[search,train,deploy,measure]"],
            ConfigError,
            "measure.port is not set",
        ),
        (["stages=[measure]", "measure=emulated"], ConfigError, "run the stage deploy first"),
    ],
)
def test_what_is_missing_is_said_before_the_search(
    prepare, tmp_path, overrides, kind: type[LmanetError], says: str
):
    with pytest.raises(kind, match=says):
        prepare(*overrides)
    assert not (tmp_path / "run").exists()


def test_all_that_the_smoke_test_needs_is_here(prepare):
    assert len(prepare().prepare()) == 9


@pytest.mark.parametrize(
    ("stage", "package"),
    [("release", "onnx"), ("explain", "captum"), ("report", "plotly"), ("search", "mlxtend")],
)
def test_a_package_that_a_later_stage_needs_is_named(
    prepare, monkeypatch: pytest.MonkeyPatch, stage: str, package: str
):
    there = base.find_spec
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == package else there(name))
    with pytest.raises(ConfigError, match=rf"needs the package {package}: pip install"):
        prepare()


def test_test_images_are_looked_for_and_not_opened(prepare, tmp_path: Path):
    images = np.zeros((40, 32, 32, 3), np.uint8)
    labels = np.arange(40) % 10
    np.savez(tmp_path / "train.npz", x_train=images, y_train=labels)
    archive = f"data.archive={tmp_path / 'train.npz'}"
    prepare("data=cifar10", archive, "stages=[search,train,report]")
    with pytest.raises(DataError, match="x_test is in none of"):
        prepare("data=cifar10", archive)
    # no images: it would be refused where it is opened
    np.savez(tmp_path / "test.npz", x_test=np.zeros(3), y_test=np.zeros(3))
    prepare("data=cifar10", f"data.archive=[{tmp_path / 'train.npz'},{tmp_path / 'test.npz'}]")


def test_every_part_of_a_folder_of_images_is_there(prepare, tmp_path: Path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for place in range(3):
                Image.new("RGB", (8, 8), (place, 0, 0)).save(
                    tmp_path / part / name / f"{place}.png"
                )
    prepare("data=image_folder", f"data.root={tmp_path}")
    (tmp_path / "test" / "bird").mkdir()
    with pytest.raises(DataError, match="bird"):
        prepare("data=image_folder", f"data.root={tmp_path}")


def test_a_search_that_is_over_asks_for_no_model(typed, composed, tmp_path: Path):
    folder = tmp_path / "run"
    assert (
        typed(
            "+experiment=bench_lmanet",
            "propose=sampler",
            "budget.proposals=2",
            f"hydra.run.dir={folder}",
        ).code
        == 0
    )
    model = ("propose=llm", "propose.model=m", "propose.server.base_url=http://127.0.0.1:9/v1")
    assert typed(f"resume={folder}", *model).code == 0
    assert "no server answers" in typed(f"resume={folder}", *model, "budget.proposals=3").error


def test_a_server_that_listens_is_enough():
    with socket.create_server(("127.0.0.1", 0)) as server:
        require_listener(f"http://127.0.0.1:{server.getsockname()[1]}/v1")


def test_a_step_without_requirements_need_not_say_so():
    assert not isinstance(object(), Checked)
