"""Commands that are printed can be typed: quoted once for Hydra's grammar, once for the shell."""

import shlex
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from lmanet.app.compose import own_options, read_command, understood
from lmanet.command import at_home, command, override
from lmanet.run.folder import RunFolder

NASTY = "a=b, (c) [d] {e} 'f' \"g\" $h é ü %i"


def read(text: str) -> object:
    """What Hydra makes of an override's value."""
    (parsed,) = OverridesParser.create().parse_overrides([text])
    return OmegaConf.create({"value": parsed.value()}).value


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_any_text_comes_through_hydra_as_it_was(text: str):
    assert read(override("key", text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "1",
        "1e5",
        "true",
        "a b",
        "${seed}",
        "\\${seed}",
        "C:\\a\\",
        "it's",
        "a\\'b",
        "~/x",
        "nan",
        "26a82cc6638b",
        "26e826638123",
        "123456789012",
        "1.2.3",
        "007",
    ],
)
def test_a_text_stays_a_text(text: str):
    assert read(override("key", text)) == text


def test_what_needs_no_quotes_has_none():
    assert command(
        "resume=multirun/a/2026-01-31_12-00-00", override("arch", "run/networks/ab12.json")
    ) == ("python run.py resume=multirun/a/2026-01-31_12-00-00 arch=run/networks/ab12.json")


def test_a_run_in_any_folder_goes_on_by_the_command_it_prints(typed, tmp_path: Path):
    """A search whose trainings are looked up, in a folder that needs quotes for the shell and for
    Hydra.
    """
    folder = Path("runs") / NASTY / "one"
    tiny = (
        "+experiment=bench_lmanet",
        "propose=sampler",
        "budget.proposals=3",
        override("hydra.run.dir", folder),
    )
    first = typed(*tiny)
    assert first.code == 0, first.error
    assert len(RunFolder(tmp_path / folder).trials()) == 3
    (line,) = [line for line in first.output.splitlines() if line.startswith("Next: ")]
    python, script, resume = shlex.split(line.removeprefix("Next: ").split(" budget.proposals=")[0])
    assert (python, script, resume) == ("python", "run.py", f"resume={folder}")
    kept = (tmp_path / folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8")
    again = typed(resume, "budget.proposals=5")
    assert again.code == 0, again.error
    assert len(RunFolder(tmp_path / folder).trials()) == 5
    assert (tmp_path / folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8") == kept
    assert yaml.safe_load(kept) == list(tiny[:3])


def test_a_network_is_trained_in_any_folder_by_the_reports_command(tmp_path: Path):
    path = tmp_path / NASTY / "networks" / "ab.json"
    retrain = command(f"resume={tmp_path / NASTY}", "stages=[train]", override("arch", path))
    _, _, resume, _, arch = shlex.split(retrain)
    assert resume.removeprefix("resume=") == str(tmp_path / NASTY) and read(arch) == str(path)


def test_a_tilde_is_the_home_folder_in_every_setting(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/me too")
    assert at_home("data.root=~/photos") == "data.root='/home/me too/photos'"
    assert at_home("runs=~") == "runs='/home/me too'"
    for other in (
        "~track.wandb",
        "+experiment=smoke",
        "data.root='~/x'",
        "resume=run~1",
        "data.archive=[~/a.npz,~/b.npz]",
    ):
        assert at_home(other) == other


@pytest.mark.parametrize("written", [("--config-dir", "{}"), ("--config-di={}",), ("-cd", "{}")])
@pytest.mark.parametrize("name", ["own", "own options, mine"])
def test_a_folder_of_options_becomes_a_setting(tmp_path, name, written):
    folder = tmp_path / name
    (folder / "target").mkdir(parents=True)
    target = Path(__file__).parents[2] / "conf" / "target" / "stm32f446.yaml"
    (folder / "target" / "mine.yaml").write_bytes(target.read_bytes())
    flags = [text.format(folder) for text in written]
    command = read_command(own_options(["target=mine", *flags, "seed=3"]))
    assert command.starts and not command.flags
    _, config = understood(command)
    assert (config.target.name, config.seed) == ("stm32f446", 3)


def test_without_a_folder_of_options_nothing_changes():
    assert own_options(["seed=3", "-m"]) == ["seed=3", "-m"]
