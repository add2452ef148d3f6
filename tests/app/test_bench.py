"""The bench on NAS-Bench-201 as it is run: the loop, what it is told of cells, and what cells
cannot do.
"""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from rich.console import Console

from lmanet.app import CONF, Run
from lmanet.errors import ConfigError
from lmanet.explain import Report, Setting
from lmanet.feedback import ParetoFeedback
from lmanet.propose import Prompt
from lmanet.propose.llm.example import example
from lmanet.run.brief import Budget, Goal
from lmanet.run.history import History
from lmanet.run.records import Front
from lmanet.track import WandbTracker
from lmanet.track.progress import front_table

pytestmark = pytest.mark.slow  # runs whole searches

BENCH = "+experiment=bench_nasbench201"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A run of 20 networks, in its folder."""
    folder = tmp_path_factory.mktemp("bench")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        run = Run(
            compose(
                "config",
                overrides=[
                    BENCH,
                    "budget.trained=20",
                    "pareto=accuracy_params",
                    f"folder={folder}",
                ],
            )
        )
    run.start()
    return run


def test_the_loop_looks_up_and_keeps_the_front(bench):
    trials = History(bench.folder).trials
    trained = [trial for trial in trials if trial.score]
    assert len(trained) == 20 and all(trial.score.seconds > 1000 for trial in trained)
    front = Front.model_validate_json((bench.folder.path / "front.json").read_text()).trials
    assert front[0].score.val_accuracy == max(trial.score.val_accuracy for trial in trained) > 0.6
    params = [trial.verdict.cost.params for trial in front]
    assert params == sorted(params, reverse=True) and params[-1] < params[0]


def test_a_searcher_is_told_of_cells(bench):
    brief = bench.brief
    assert brief.objectives == (
        Goal(name="val_accuracy", maximise=True),
        Goal(name="params", maximise=False),
    )
    assert '{"01":"' in Prompt(max_attempts=1).opening(brief, example(brief))
    trials = History(bench.folder).trials
    front = bench.pareto.front(trials)
    text = ParetoFeedback(bench.space, max_tokens=2500, recent_failures=5).compose(
        trials[:2], front
    )
    assert (
        f"accuracy {front[0].score.val_accuracy:.3f}, macs" in text
        and "Values not tried yet:\n- 01: " in text
    )


def test_listeners_cope_with_what_is_not_known_of_a_cell(bench, tmp_path):
    trials = History(bench.folder).trials
    front = bench.pareto.front(trials)
    console = Console(width=120, record=True)
    console.print(front_table(front))
    assert f"{front[0].verdict.cost.params:,}" in console.export_text()
    tracker = WandbTracker(tmp_path, "lmanet", mode="disabled")
    tracker.on_search_start([], Budget(proposals=20))
    tracker.on_trial_end(front[0])
    tracker.on_front_change(front, 0.5)
    tracker.on_search_end(trials, front)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["stages=[search,train,report]"], r"train, report need networks.* keep search"),
        (
            ["pareto=accuracy_macs_sram"],
            "peak_sram_bytes is not known of a cell; take pareto=accuracy",
        ),
        (["target=stm32h743"], r"limits macs, .* take target=none"),
        (["train=quick", "data=mnist5k"], r"cannot be trained.* by train=nasbench201; take that"),
        (
            ["space=mcu"],
            "holds cells, and the candidate is a network of stages; take space=nasbench201",
        ),
        (
            ["data=nasbench201_cifar10", "train.mini.dataset=cifar100"],
            "take data=nasbench201_cifar100",
        ),
        (["space=mcu", "stages=[deploy]"], "target=none is no board to deploy to"),
        (["space=mcu", "stages=[train]"], "train.full is null"),
    ],
)
def test_what_cells_cannot_do_is_said_in_one_sentence(composed, tmp_path, overrides, says):
    with pytest.raises(ConfigError, match=says):
        Run(composed(BENCH, *overrides, f"folder={tmp_path}")).start()


def test_a_report_refuses_a_folder_of_cells(bench):
    with pytest.raises(ConfigError, match="drawn"):
        Report(Setting(bench.pareto, bench.target, 100, bench.space)).run(bench.folder)
