import re
import shlex
import subprocess
import sys
from pathlib import Path

import lmanet
from lmanet.app.compose import jobs, read_command
from lmanet.explain.compare.statistics import FEWEST_SEEDS
from lmanet.network.weights import Checkpoint

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path: Path):
    trained = lmanet.build(lmanet.load_architecture("lmanet_core"), num_classes=2)
    lmanet.save_network(
        tmp_path / "student.ckpt", Checkpoint(trained, ("cat", "dog"), (0.5,) * 3, (0.5,) * 3)
    )
    code = "".join(re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL))
    check = "\nassert cost.macs == 81963264 and net and space.name == 'lmanet'\n"
    check += (
        "assert space.contains(drawn) and best.classes == ('cat', 'dog') and "
        "best.network.num_classes == 2 and best.mean and best.std\n"
    )
    check += (
        "assert measured.measured_bss_bytes == cost.peak_sram_bytes == "
        "deployed.cost.peak_sram_bytes\n"
    )
    subprocess.run([sys.executable, "-c", code + check], check=True, cwd=tmp_path)
    assert {path.name for path in (tmp_path / "elite").iterdir()} >= {
        "model_int8.tflite",
        "c",
        "firmware",
    }


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_command_of_the_readme_names_existing_options():
    for group, option in re.findall(
        r"[+`](experiment|ablation|deploy|validate|track|pareto)=([a-z0-9_,]+)", README
    ):
        for name in option.split(","):
            assert (ROOT / "conf" / group / f"{name}.yaml").exists(), name


def test_every_name_that_the_readme_takes_from_the_package_is_there():
    names = set(re.findall(r"lmanet\.([a-z_]+)\(", README))
    assert {
        "load_space",
        "load_architecture",
        "load_target",
        "load_network",
        "estimate",
        "build",
        "deploy",
    } <= names
    assert all(hasattr(lmanet, name) for name in names), names


def test_the_comparison_that_the_readme_shows_can_decide():
    (line,) = re.findall(r"`(python run.py -m \+experiment=quickstart \+ablation=[^`]*)`", README)
    command = read_command(shlex.split(line)[2:])
    assert command.sweeps
    searches = [
        dict(text.lstrip("+").split("=") for text in job) for job in jobs(command.overrides)
    ]
    by_searcher = {
        name: {each["seed"] for each in searches if each["ablation"] == name}
        for name in ("none", "no_feedback", "random")
    }
    assert all(len(seeds) >= FEWEST_SEEDS for seeds in by_searcher.values()) and len(searches) == 18
