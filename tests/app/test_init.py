"""`lmanet init FOLDER`: what it writes is a configuration that runs, and changes no file."""

import re
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

import lmanet
from lmanet.app.compose import require_conf
from lmanet.app.init import write_start
from lmanet.errors import ConfigError
from lmanet.run.folder import HISTORY
from lmanet.run.lines import read_records
from lmanet.run.records import Status, Trial

SMALL = (
    "propose=random",
    "execute=in_process",
    "stages=[search]",
    "budget.trained=1",
    "train.mini.recipe.epochs=1",
)


@pytest.fixture
def photos(tmp_path):
    """Two classes of twelve pictures: dark ones and bright ones."""
    rng = np.random.default_rng(0)
    for name, level in (("dark", 0), ("bright", 128)):
        folder = tmp_path / "photos" / "train" / name
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(level, level + 128, (40, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.slow
def test_a_search_runs_with_what_init_writes(typed, photos, tmp_path):
    assert typed("init", "my settings").code == 0
    ended = typed("--config-dir", "my settings", "+experiment=mine", f"data.root={photos}", *SMALL)
    assert ended.code == 0, ended.error
    (run,) = (tmp_path / "multirun" / "mine").iterdir()
    trials = read_records(run / HISTORY, Trial)
    assert Status.TRAINED in {trial.status for trial in trials}
    kept = yaml.safe_load((run / ".hydra" / "config.yaml").read_text())
    assert kept["target"]["name"] == "my_board"


def test_the_board_of_init_is_a_target(tmp_path):
    write_start([str(tmp_path / "my")])
    target = lmanet.load_target(tmp_path / "my" / "target" / "my_board.yaml")
    assert target.limits == lmanet.load_target("stm32f446").limits


def test_init_prints_the_command_that_comes_next(typed, monkeypatch):
    ended = typed("init", "my")
    assert "Next: python run.py --config-dir my +experiment=mine data.root=photos" in ended.output
    monkeypatch.setattr(sys, "argv", ["/usr/bin/lmanet"])
    assert "Next: lmanet --config-dir" in write_start(["other"])
    monkeypatch.setattr(sys, "argv", ["/site-packages/lmanet/__main__.py"])
    assert "Next: python -m lmanet --config-dir" in write_start(["third"])


def test_the_readme_of_init_names_the_folder_as_a_shell_takes_it(tmp_path):
    folder = tmp_path / "my settings"
    write_start([str(folder)])
    readme = (folder / "README.md").read_text()
    assert f"--config-dir '{folder}' +experiment=mine" in readme and "FOLDER" not in readme


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"]])
def test_init_takes_one_folder(arguments):
    with pytest.raises(ConfigError, match="it takes one folder"):
        write_start(arguments)


def test_init_changes_no_file(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is there and not empty"):
        write_start([str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / "file" / "my"))):
        write_start([str(tmp_path / "file" / "my")])


def test_a_link_to_conf_that_git_wrote_as_a_file_is_named(tmp_path):
    (tmp_path / "conf").write_text("../../conf")
    with pytest.raises(ConfigError, match=r"conf is no folder: .* core.symlinks=true"):
        require_conf(tmp_path / "conf")


def test_the_version_is_ours(typed):
    assert typed("--version").output == f"lmanet {lmanet.__version__}\n"
