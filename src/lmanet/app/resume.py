"""Command line: ``resume=FOLDER`` -> the overrides that a run or a sweep was first started with."""

import shutil
from pathlib import Path

import yaml

from lmanet.errors import ConfigError


def resumed(arguments: list[str]) -> list[str]:
    """Replace ``resume=FOLDER`` by the overrides that the run or sweep in that folder was first started with.

    Overrides beside it come after them and hold for this start alone.

    Raises:
        ConfigError: the folder holds neither.
    """
    folders = [argument.partition("=")[2] for argument in arguments if argument.startswith("resume=")]
    if not folders or folders[-1] in ("", "null"):
        return arguments
    folder = Path(folders[-1])
    rest = [argument for argument in arguments if not argument.startswith("resume=")]
    keep = ["hydra.output_subdir=null"] if rest else []  # .hydra goes on to hold the first start
    sweep, first_sweep = folder / "multirun.yaml", folder / "multirun_first.yaml"
    single = folder / ".hydra" / "overrides.yaml"
    if sweep.is_file():
        if not first_sweep.is_file():
            shutil.copyfile(sweep, first_sweep)  # Hydra writes the other anew at each start
        before = yaml.safe_load(first_sweep.read_text(encoding="utf-8"))["hydra"]["overrides"]["task"]
        return ["--multirun", *before, *rest, *keep, f"hydra.sweep.dir={folder}"]
    if single.is_file():
        before = yaml.safe_load(single.read_text(encoding="utf-8"))
        return [*before, *rest, *keep, f"hydra.run.dir={folder}"]
    raise ConfigError(f"resume={folder}: no run there; pass a folder of multirun/ that has .hydra/overrides.yaml or multirun.yaml")
