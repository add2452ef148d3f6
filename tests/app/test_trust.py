"""A run's folder of a stranger: whatever stands in it, only options of conf/ and their values come
of it. What was typed on this machine goes on as before.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lmanet.app.compose import CONF
from lmanet.app.trust import Trust

PLAIN = ["+experiment=bench_lmanet", "propose=sampler", "budget.proposals=2"]
RUN_TOOL = "lmanet.deploy.run.tool.run_tool"
LLM = ["propose=llm", "propose.model=m"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was typed on this machine before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[..., Path]:
    """A folder as someone else might send it."""

    def write(*overrides: str, name: str = ".hydra/overrides.yaml") -> Path:
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content: Any = [*PLAIN, *overrides]
        if name.startswith("multirun"):
            content = {"hydra": {"overrides": {"task": content}}}
        path.write_text(yaml.safe_dump(content))
        (tmp_path / "evil").mkdir(exist_ok=True)
        (tmp_path / "evil" / "x.yaml").write_text(f"_target_: {RUN_TOOL}\n")
        return tmp_path / "run"

    return write


ATTACKS = (
    f"++propose._target_={RUN_TOOL}",
    "++propose._target_=os.system",
    f"++data.split={{_target_: {RUN_TOOL}, command: [touch, ran], zig_cache: x}}",
    f"++track.more={{_target_: {RUN_TOOL}, command: [touch, ran], zig_cache: x}}",
    "++propose={_target_: lmanet.deploy.run.host.HostNetwork, library: x.so}",
    "++data={_target_: torch.load, f: x.pt, weights_only: false}",
    "++propose={_target_: lmanet.pareto.ParetoFront}",  # of another step
    "++propose._args_=[x]",
    "++propose='${oc.decode:\"{_target_: os.system, command: touch ran}\"}'",
    "name=${oc.env:SECRET}",
    "name=$\\{oc.env:SECRET\\}",
    "++data.name='${oc.env:SECRET}'",
    "++track.events.folder=elsewhere",
    "measure.flash='touch ran'",
    "++measure.flash=[touch,ran]",
    "measure.port=/dev/ttyS0",
    "measure.local=elsewhere",
    "++measure.firmware.source=evil.c",
    "++validate={_target_: lmanet.validate.BoardValidator, measurer: {bench: {flash: touch ran}}}",
    "+hydra.callbacks.x={_target_: os.system}",
    "hydra.searchpath=[evil]",
    "hydra/launcher=basic",
    "hydra.job_logging.handlers.x={(): os.system}",
    "+x@hydra.job_logging=y",
    "propose=../../evil/x",
    "propose='${oc.env:SECRET}'",
)


SWEEPS = [(ATTACKS[0], "multirun_first.yaml"), (ATTACKS[0], "multirun.yaml")]


@pytest.mark.parametrize(
    ("attack", "name"), [*((each, ".hydra/overrides.yaml") for each in ATTACKS), *SWEEPS]
)
def test_what_reaches_beyond_the_options_is_refused(
    attack: str, name: str, stranger, typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SECRET", "hunter2")
    stranger(attack, name=name)
    ended = typed("resume=run")
    assert ended.code == 1, ended.output
    assert ended.error.startswith("error: resume=run: ") and ended.error.count("\n") == 1
    assert "was not typed on this machine, and " in ended.error
    assert "hunter2" not in ended.error + ended.output
    assert not list(tmp_path.glob("**/ran")) and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "attack",
    [
        [*LLM, "propose.server.base_url=http://evil.example/v1"],
        [*LLM, "propose.server.api_key_env=SECRET"],
        ["propose=embedded", "propose.model=evil/x.gguf"],
    ],
)
def test_a_stranger_does_not_choose_whom_this_machine_talks_to(attack, stranger, typed):
    stranger(*attack)
    ended = typed("resume=run")
    assert ended.code == 1 and "was not typed on this machine" in ended.error
    # a stage that asks no model has no use for it, so that it may stand there
    assert "was not typed" not in typed("resume=run", "stages=[export]").error


@pytest.mark.parametrize("data", ["cifar10", "cifar100"])
def test_a_stranger_does_not_choose_where_images_are_downloaded_to(
    data: str, stranger, typed, tmp_path: Path
):
    stranger(f"data={data}", "data.root=elsewhere", "train=quick")
    ended = typed("resume=run")
    assert ended.code == 1 and "was not typed on this machine" in ended.error
    assert "images are downloaded to there" in ended.error
    assert not (tmp_path / "elsewhere").exists()


def test_a_strangers_plain_run_goes_on_in_its_own_folder(stranger, typed, tmp_path: Path):
    stranger("folder=elsewhere", "hydra.run.dir=elsewhere", "++data.split=null")
    ended = typed("resume=run")
    assert ended.code == 1 and "unknown setting data.split" in ended.error, "as far as that"
    stranger("folder=elsewhere", "hydra.run.dir=elsewhere")
    assert typed("resume=run").code == 0
    assert (tmp_path / "run" / "history.jsonl").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_typed_anew_is_trusted(stranger, typed, tmp_path: Path):
    stranger("hydra.searchpath=[nowhere]", "name=${oc.env:HOME}", "propose=mine")
    options = tmp_path / "mine" / "propose"
    options.mkdir(parents=True)
    (options / "mine.yaml").write_text("_target_: lmanet.propose.baselines.random_replay.Missing\n")
    refused = typed("resume=run", "name=x")
    assert refused.code == 1 and "add --config-dir FOLDER" in refused.error
    ended = typed("resume=run", "name=x", "--config-dir", "mine")
    assert "Missing cannot be imported" in ended.error, "its own class is looked for"


def test_what_was_typed_on_this_machine_goes_on_as_it_was(
    typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MINE", "mine")
    own = ("name=${oc.env:MINE}", "++propose._target_=lmanet.propose.baselines.sampler.Missing")
    (tmp_path / "mine" / "propose").mkdir(parents=True)
    mine = ("--config-dir", "mine")
    assert typed(*PLAIN, own[0], *mine, "hydra.run.dir=run").code == 0
    assert typed("resume=run", "budget.proposals=3").code == 0
    kept = tmp_path / "run" / ".hydra" / "overrides.yaml"
    assert own[0] in kept.read_text(), "the variable, and not what it holds"
    kept.write_text(kept.read_text() + f"- {own[1]}\n")
    ended = typed("resume=run", "budget.proposals=3", *mine)
    assert ended.code == 1 and "was not typed on this machine" in ended.error, "changed since"


@pytest.mark.slow  # starts several runs
def test_jobs_of_a_sweep_that_was_typed_here_go_on_alone_and_together(typed, monkeypatch):
    monkeypatch.setenv("MINE", "mine")
    sweep = (*PLAIN, "name=${oc.env:MINE}", "seed=0,1", "hydra.sweep.dir=sweep")
    assert typed("-m", *sweep).code == 0
    assert typed("resume=sweep").code == 0
    ended = typed("resume=sweep/1", "budget.proposals=3")
    assert ended.code == 0, ended.error


@pytest.mark.slow  # starts several runs
def test_comparing_builds_nothing_that_a_folder_names(typed, tmp_path: Path):
    assert typed(*PLAIN, "hydra.run.dir=run").code == 0
    path = tmp_path / "run" / ".hydra" / "config.yaml"
    before = path.read_text()
    evil = {"_target_": RUN_TOOL, "command": ["touch", "ran"], "zig_cache": "x"}
    for change in (
        {"target": evil},
        {"pareto": evil},
        {"pareto": "${deploy.settings}", "deploy": {"settings": evil}},
        {"pareto": {"_target_": "lmanet.propose.EmbeddedServer"}},
    ):
        path.write_text(yaml.safe_dump(yaml.safe_load(before) | change))
        ended = typed("stages=[compare]", "runs=run", f"++target._target_={RUN_TOOL}")
        assert ended.code == 1 and ended.error.startswith("error: "), ended.output
        assert not (tmp_path / "ran").exists()
    path.write_text(before)
    assert typed("stages=[compare]", "runs=run").code == 0


def test_pickles_and_other_files_of_settings_do_not_go_with_a_run(stranger, typed, tmp_path: Path):
    stranger()
    (tmp_path / "config.pickle").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    for arguments, fault in (
        (["--experimental-rerun", "config.pickle"], "reads a pickle"),
        (["resume=run", "--config-name", "other"], "does not go with --config-name"),
    ):
        ended = typed(*arguments)
        assert ended.code == 1 and fault in ended.error
    assert not (tmp_path / "ran").exists()


def test_links_out_of_a_run_are_refused(stranger, typed, tmp_path: Path):
    run = stranger()
    (run / "latest").symlink_to(".hydra")
    (tmp_path / "mine.txt").write_text("mine\n")
    (run / "history.jsonl").symlink_to(tmp_path / "mine.txt")
    ended = typed("resume=run")
    assert ended.code == 1 and "is a link out of the run's folder" in ended.error
    assert (tmp_path / "mine.txt").read_text() == "mine\n"


def test_text_of_a_setting_moves_no_cursor_and_is_quoted_for_the_shell(stranger, typed):
    stranger("name='${oc.env:X} \x1b[2J'")
    assert "\x1b" not in typed("resume=run").error
    stranger("name='${oc.env:X}; touch ran'")
    assert """'name=${oc.env:X}; touch ran'""" in typed("resume=run").error


def test_every_option_that_a_comment_of_conf_offers_is_trusted():
    trust = Trust.of("resume=run", [CONF], [])
    for group, name in (
        ("propose", "lmanet.propose.Price"),
        ("distill", "lmanet.distill.NetworkSource"),
        ("distill", "lmanet.distill.OnlineLogits"),
        ("distill", "lmanet.distill.Dkd"),
        ("train", "lmanet.train.Kernels"),
        ("target", "lmanet.validate.Target"),  # as the first runs named it
    ):
        trust.check({group: {"_target_": name}})
