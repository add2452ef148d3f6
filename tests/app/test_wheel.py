"""The wheel, installed where nothing of the checkout can be seen."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # builds a wheel

ROOT = Path(__file__).parents[2]
USE = """
import sys, lmanet
assert lmanet.__file__.startswith(sys.argv[1]), lmanet.__file__
for name in ("lmanet", "mcu"):
    lmanet.load_space(name)
assert lmanet.load_target("stm32h743").limits["peak_sram_bytes"] == 327680
for name in ("lmanet_elite", "lmanet_core", "qwnet_core"):
    print(lmanet.estimate(lmanet.load_architecture(name), num_classes=100).params)
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own that holds the wheel alone."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "--wheel-dir", folder, ROOT], check=True, cwd=folder)
    (wheel,) = folder.glob("lmanet-*.whl")
    venv.create(folder / "env")
    install = ["--python", folder / "env", "install", "--quiet", "--no-deps", "--no-index", wheel]
    unaware = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*pip, *install], check=True, cwd=folder, env=unaware)
    return folder / "env"


@pytest.fixture(scope="module")
def site(place: Path) -> Path:
    return next(place.rglob("site-packages"))


@pytest.fixture
def typed(place: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A program of that environment, in an empty folder. What lmanet needs comes from ours, whose
    own lmanet is not seen: it is a link, and a folder on PYTHONPATH follows none.
    """

    def run(program: str, *arguments: str, **further: str) -> subprocess.CompletedProcess[str]:
        known = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), **further}
        command = [str(next(place.glob(f"*/{program}"))), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=tmp_path, env=known
        )

    return run


def test_spaces_and_architectures_come_with_the_wheel(typed, site):
    done = typed("python", "-c", USE, str(site))
    assert done.stdout.split() == ["497997", "453220", "154749"]


@pytest.mark.parametrize("folder", ["conf", "deploy/c", "app/start", "space/spaces"])
def test_the_files_of_a_folder_come_with_the_wheel(site, folder):
    source = ROOT / "src" / "lmanet" / folder
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    assert files and all((site / "lmanet" / folder / path).is_file() for path in files)


def test_the_command_starts_a_search(typed, tmp_path):
    done = typed("lmanet", "+experiment=smoke", "stages=[search]", "budget.trained=1")
    (run,) = (tmp_path / "multirun" / "smoke").iterdir()
    assert (run / "front.json").is_file() and "Next: lmanet resume=" in done.stdout


def test_the_command_takes_the_settings_that_init_writes(typed, tmp_path):
    done = typed("lmanet", "init", "my")
    assert "Next: lmanet --config-dir my +experiment=mine" in done.stdout
    shown = typed("lmanet", "--config-dir", "my", "+experiment=mine", "--cfg", "job").stdout
    assert "name: my_board" in shown


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lmanet target=stm32f", {"target=stm32f446", "target=stm32f746"}),
        ("lmanet budget.tr", {"budget.trained=", "budget.training_seconds="}),
        ("lmanet +experiment=quick", {"+experiment=quickstart"}),
    ],
)
def test_a_shell_completes_the_command(typed, line, offered):
    assert "lmanet" in typed("lmanet", "-sc", "install=bash").stdout
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": "1"}
    assert set(typed("lmanet", "-sc", "query=bash", **asked).stdout.split()) == offered
