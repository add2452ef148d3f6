"""Comparison of searchers: real configurations, searches and fronts; only what a training would
give is a double's.
"""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from markdown_it import MarkdownIt
from omegaconf import DictConfig, OmegaConf

from lmanet.app import SHARED_SETTINGS, Run
from lmanet.claims.kinds import DownsamplesEarly, Rationale
from lmanet.cost import estimate
from lmanet.errors import ConfigError
from lmanet.execute import InProcess
from lmanet.explain.compare import Comparison, read_runs
from lmanet.explain.compare.curves import band, progress
from lmanet.explain.compare.page import _csv
from lmanet.explain.compare.plots import apart
from lmanet.explain.compare.runs import searchers
from lmanet.explain.compare.statistics import compare_pairs, holm, median_interval, rank_biserial
from lmanet.explain.compare.tables import checkpoint_rows, checkpoints, claims_rows, spending_row
from lmanet.explain.compare.verdicts import seeds_note, verdict
from lmanet.feedback import NoFeedback
from lmanet.promote import Everything
from lmanet.propose import RandomProposer
from lmanet.run.brief import Brief, Budget, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Proposal, Score, Usage
from lmanet.run.shared_settings import remember_settings
from lmanet.search import Search, Steps
from lmanet.validate import Validator

pytestmark = pytest.mark.slow  # runs whole searches

ROOT = Path(__file__).parents[2]
SEEDS = range(7)
SMALL = (
    "space=mcu",
    "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
    "target=stm32f746",
)
TOKENS, SECONDS, RETRIES = 120, 0.5, 1  # of one proposal of the model's double


HOSTILE = "<script>alert(1)</script>$x_1$ | **b** [l](javascript:x) `c`.gguf"


class ModelDouble(RandomProposer):
    """Draws at random, and bills tokens for it as a model would; every fourth
    reply is unreadable.
    """

    def propose(self, request: Request) -> list[Proposal]:
        usage = Usage(
            prompt_tokens=TOKENS - 20,
            completion_tokens=20,
            requests=2,
            seconds=SECONDS,
            retries=RETRIES,
        )
        broken = {"architecture": None, "error": "no JSON"} if request.number % 4 == 3 else {}
        said = {"usage": usage, "rationale": Rationale(claims=(DownsamplesEarly(),)), **broken}
        return [proposal.model_copy(update=said) for proposal in super().propose(request)]


class TrainerDouble:
    """In place of a training: more MACs are a little better, and luck; a planted ``bonus`` makes a
    winner.
    """

    def __init__(self, bonus: float, luck: int) -> None:
        self.bonus = bonus
        self.luck = luck

    def train(self, job: Job) -> Score:
        luck = np.random.default_rng([job.seed, self.luck]).normal(0, 0.03)
        accuracy = (
            0.4 + 0.05 * np.log10(estimate(job.architecture, 10).macs / 1e5) + luck + self.bonus
        )
        return Score(
            val_accuracy=accuracy, val_macro_f1=accuracy, val_calibration_error=0.1, seconds=10.0
        )


@cache
def configuration(*overrides: str) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.fixture(scope="module")
def search():
    """Makes a run's folder as the stage search leaves it."""

    def make(
        folder: Path,
        *overrides: str,
        seed: int = 0,
        trained: int = 12,
        bonus: float = 0.0,
        luck: int = 0,
    ) -> Path:
        given = [*SMALL, *overrides, f"seed={seed}"]
        cfg = OmegaConf.merge(configuration(*given[:-1]), {"seed": seed, "folder": str(folder)})
        (folder / ".hydra").mkdir(parents=True)
        OmegaConf.save(cfg, folder / ".hydra" / "config.yaml")
        (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(given))
        shared = {key: OmegaConf.to_container(cfg)[key] for key in SHARED_SETTINGS if key != "seed"}
        remember_settings(
            RunFolder(folder), shared | {"seed": seed, "mini": {"epochs": 1}, "data_checksum": "0"}
        )
        run = Run(cfg)
        limits, platform = run.target.limits, run.target.platform
        brief = Brief(
            space=run.space,
            seed=seed,
            images="digits",
            num_classes=10,
            limits=limits,
            platform=platform,
        )
        steps = Steps(
            proposer=(RandomProposer if "propose=random" in given else ModelDouble)(brief),
            validator=Validator(run.space, run.target, 10),
            promotion=Everything(brief),
            executor=InProcess(TrainerDouble(bonus, luck)),
            pareto=run.pareto,
            feedback=NoFeedback(run.space),
        )
        Search(
            steps, History(RunFolder(folder)), Budget(proposals=100, trained=trained), seed
        ).run()
        return folder

    return make


@pytest.fixture(scope="module")
def compared(search, tmp_path_factory):
    """Three searchers on seven seeds: one is planted to win, the two others differ by luck alone;
    one label holds markup.
    """
    folder = tmp_path_factory.mktemp("compared")
    for seed in SEEDS:
        search(folder / "runs" / "random" / str(seed), "propose=random", seed=seed, trained=14)
        search(
            folder / "runs" / "winner" / str(seed),
            "propose=embedded",
            seed=seed,
            luck=1,
            bonus=0.15,
        )
        model = f"propose.model='{HOSTILE}'"
        search(folder / "runs" / "script" / str(seed), "propose=embedded", model, seed=seed, luck=2)
    cfg = configuration("stages=[compare]", f"runs={folder / 'runs'}", f"folder={folder / 'out'}")
    (folder / "out").mkdir()  # as Hydra makes it
    Run(cfg).start()
    return folder


@pytest.fixture(scope="module")
def comparison(compared):
    runs = read_runs(str(compared / "runs"))
    return Comparison(runs, Run(OmegaConf.load(runs[0].folder / ".hydra" / "config.yaml")).pareto)


def test_runs_are_sorted_into_searchers_by_all_but_the_seed(compared):
    found = searchers(
        read_runs([str(compared / "runs" / "random"), str(compared / "runs" / "winner")])
    )
    assert {one.label: sorted(one.runs) for one in found} == {
        "random": list(SEEDS),
        "embedded": list(SEEDS),
    }
    (alone,) = searchers(read_runs(str(compared / "runs" / "random")))
    assert alone.label == "random"


@pytest.mark.parametrize(
    "later",
    [
        "release.license=apache-2.0",
        "release.opset=17",
        "deploy=gnu",
        "distill=dkd",
        "explain.examine.images_shown=4",
        "train.full.recipe.epochs=9",
        "train_best=3",
    ],
)
def test_what_comes_after_the_search_makes_no_other_searcher(search, tmp_path, later):
    folders = [
        search(tmp_path / str(seed), "propose=random", *more, seed=seed, trained=1)
        for seed, more in enumerate(([], [later]))
    ]
    (found,) = searchers(read_runs([str(folder) for folder in folders]))
    assert sorted(found.runs) == [0, 1] and found.label == "random"


@pytest.mark.parametrize("own", ["batch=4", "propose.feasible_draws=5", "feedback=none"])
def test_what_changes_the_search_makes_another_searcher(search, tmp_path, own):
    folders = [
        search(tmp_path / str(seed), "propose=random", *more, seed=seed, trained=1)
        for seed, more in enumerate(([], [own]))
    ]
    assert len(searchers(read_runs([str(folder) for folder in folders]))) == 2


def test_what_cannot_be_compared_is_refused_in_one_sentence(search, compared, tmp_path):
    random = str(compared / "runs" / "random")
    other = search(tmp_path / "other", "propose=random", "target.macs=40000000", trained=1)
    with pytest.raises(
        ConfigError,
        match=r"other has target.macs=40000000 and .*random/0 has target.macs=50000000; only runs",
    ):
        read_runs([random, str(other)])
    again = search(tmp_path / "again", "propose=random", trained=1)
    with pytest.raises(ConfigError, match=r"are both 'random' with seed=0; leave one out"):
        searchers(read_runs([random, str(again)]))
    with pytest.raises(ConfigError, match="no search there or below"):
        read_runs(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="runs is not set"):
        read_runs(None)
    (again / "history.jsonl").write_text("")
    with pytest.raises(ConfigError, match="has trained no network in 0 proposals"):
        read_runs(str(again))


def test_progress_is_what_history_and_front_say(compared):
    (run,) = read_runs(str(compared / "runs" / "winner" / "3"))
    pareto = Run(OmegaConf.load(run.folder / ".hydra" / "config.yaml")).pareto
    ways = progress(run, pareto)
    trained = [place for place, trial in enumerate(run.trials) if trial.score]
    for count, place in enumerate(trained, start=1):
        assert ways.after(count) == place and ways.evaluations[place] == count
        assert ways.seconds[place] == 10.0 * count
        assert ways.tokens[place] == TOKENS * (place + 1)
        assert ways.accuracy[place] == max(
            trial.score.val_accuracy for trial in run.trials[: place + 1] if trial.score
        )
        assert ways.hypervolume[place] == pytest.approx(pareto.hypervolume(run.trials[: place + 1]))
    assert ways.at("seconds", np.array([5.0, 10.0, 19.9]), "accuracy").tolist() == [
        0,
        *ways.accuracy[trained[0] :][[0, 0]],
    ]
    assert ways.hypervolume[-1] == pytest.approx(
        json.loads((run.folder / "front.json").read_text())["hypervolume"]
    )


def test_bands_are_quartiles_as_far_as_every_run_goes(comparison):
    runs = list(comparison.histories["random"].values())
    curve = band(runs, "evaluations", "accuracy")
    third = sorted(run.accuracy[run.after(3)] for run in runs)
    assert curve.places.tolist() == list(range(1, 15))
    assert curve.median[2] == pytest.approx(third[3])
    assert band(runs, "tokens", "accuracy") is None


def test_checkpoints_and_spending(comparison):
    assert checkpoints([12, 60]) == [10, 12, 25, 50]
    assert comparison.budget == 12
    row = next(
        row for row in checkpoint_rows(comparison.histories, [10, 14]) if row.evaluations == 14
    )
    values = [run.hypervolume[-1] for run in comparison.histories[row.label].values()]
    assert (row.label, row.seeds) == ("random", len(SEEDS))
    assert row.measures["hypervolume"].mean == pytest.approx(np.mean(values))
    winner = next(one for one in comparison.searchers if one.label == "embedded")
    asked = [len(run.trials) for run in winner.runs.values()]
    spent = spending_row(winner)
    assert spent.proposals == sum(asked)
    assert spent.valid == pytest.approx(1 - sum(count // 4 for count in asked) / sum(asked))
    assert spent.useful == pytest.approx(12 * len(SEEDS) / sum(asked))
    assert (spent.tokens, spent.retries, spent.seconds) == pytest.approx(
        tuple(np.mean(asked) * x for x in (TOKENS, RETRIES, SECONDS))
    )
    assert spent.tokens_a_network == pytest.approx(TOKENS * sum(asked) / (12 * len(SEEDS)))


def test_the_rate_of_true_claims_is_of_all_runs_of_a_searcher(comparison):
    by_label = {one.label: one for one in comparison.searchers}
    assert claims_rows(by_label["random"]) == []
    (row,) = claims_rows(by_label["embedded"])
    networks = [
        trial.architecture
        for run in by_label["embedded"].runs.values()
        for trial in run.trials
        if trial.architecture
    ]
    parts = [
        [*([network.stem] if network.stem else []), *network.stages[:2]] for network in networks
    ]
    early = [np.prod([part.stride for part in found]) >= 4 for found in parts]
    assert (row.rate.true, row.rate.false, row.rate.unknown) == (
        sum(early),
        len(early) - sum(early),
        0,
    )


def test_a_planted_winner_is_found_and_equals_cannot_be_told_apart(compared, comparison):
    assert all(
        " embedded won: ahead in all 7 common seeds" in sentence
        for sentence in comparison.sentences
    )
    equals = read_runs([str(compared / "runs" / "random"), str(compared / "runs" / "script")])
    pareto = Run(OmegaConf.load(equals[0].folder / ".hydra" / "config.yaml")).pareto
    assert all(
        "it cannot be told who is best" in sentence
        for sentence in Comparison(equals, pareto).sentences
    )


def test_statistics_agree_with_scipy_and_with_hand():
    rng = np.random.default_rng(5)
    ours, theirs = rng.normal(0.02, 0.03, 10), rng.normal(0, 0.03, 10)
    (pair,) = compare_pairs({"a": dict(enumerate(ours)), "b": dict(enumerate(theirs)) | {77: 1.0}})
    assert pair.seeds == 10
    assert pair.p == pytest.approx(scipy.stats.wilcoxon(ours, theirs, method="exact").pvalue)
    assert pair.difference == pytest.approx(np.median(ours - theirs))
    assert pair.won == (ours > theirs).sum()
    # ranks of |d|: 1 2 3 4, the negative one has rank 2: (1 + 3 + 4 - 2) / 10
    assert rank_biserial(np.array([1.0, -2.0, 3.0, 4.0, 0.0])) == pytest.approx(0.6)
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert median_interval(np.array([3.0])) is None
    low, high = median_interval(np.arange(101.0))
    # the 95 % order-statistic interval of 101 values: ranks 41 and 61
    assert 38 <= low <= 42 and 58 <= high <= 62
    six = {seed: float(seed) for seed in range(6)}
    (swept,) = compare_pairs(
        {"a": {seed: value + 1 + value / 10 for seed, value in six.items()}, "b": six}
    )
    assert (swept.effect, swept.share_won, swept.p, swept.significant) == (
        1,
        1,
        pytest.approx(2 / 2**6),
        True,
    )
    assert swept.turned().effect == -1 and swept.turned().won == 0


def test_verdicts():
    six, five = ({seed: float(seed) for seed in range(count)} for count in (6, 5))
    better = {seed: 1 + 1.1 * seed for seed in range(6)}
    names = ["a", "b"]
    assert "b won" in verdict("accuracy", names, compare_pairs({"a": six, "b": better}))
    assert "cannot be told" in verdict("accuracy", names, compare_pairs({"a": six, "b": six}))
    assert "no searcher has 6 seeds in common" in verdict(
        "accuracy", names, compare_pairs({"a": five, "b": better})
    )
    assert "no searcher has 6 seeds in common" in verdict(
        "accuracy", names, compare_pairs({"a": {9: 1.0}, "b": better})
    )
    # two thirds of a point more each: all three pairs have p = 2 / 2**6, and Holm makes 3 / 32 of
    # the smallest
    three = {"a": six, "b": better, "c": {seed: 3 + 1.3 * seed for seed in range(6)}}
    assert "c is ahead, but is not shown to be better than a (p = 0.094" in verdict(
        "hypervolume", list(three), compare_pairs(three)
    )


def test_unequal_seeds_are_said():
    assert seeds_note([{0: "", 1: ""}, [1, 0]]) == "All searchers have the same 2 seeds."
    assert "(1 common to all): each pair is tested on its common seeds alone" in seeds_note(
        [[0, 1], [1, 2]]
    )


def test_labels_at_the_top_are_moved_apart_and_stay_within():
    levels = apart([0.1, 0.95, 0.96, 0.97], [0.1, 0.1, 0.1, 0.2])
    assert levels == pytest.approx([0.1, 0.65, 0.75, 0.9])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1"])
def test_text_that_a_spreadsheet_would_compute_is_text_in_the_table(text):
    (row,) = csv.DictReader(_csv([{"searcher": text, "seed": -1}]).splitlines())
    assert row == {"searcher": f"'{text}", "seed": "-1"}


def test_in_markdown_a_label_is_text_and_breaks_no_table(compared):
    """Of a stranger's run it may be anything."""
    text = (compared / "out" / "comparison" / "compare.md").read_text()
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [one for one in (*tokens, *inline) if one.type in ("html_block", "html_inline")]
    assert not [one for one in inline if "javascript" in str(one.attrs)]
    cells = ["".join(one.content for one in token.children or ()) for token in tokens]
    assert any(HOSTILE in cell for cell in cells), "whole, in one cell or line"


def test_the_page_is_one_file_and_shows_markup_as_text(compared):
    folder = compared / "out" / "comparison"
    page = (folder / "compare.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert page.count("<figure>") == page.count("</svg>\n</figure>") == 8
    assert not any(mark in page for mark in ('src="', "url(http", "<link", "@import"))
    assert "python run.py" in page and "seed=6" in page
    text = (folder / "compare.md").read_text()
    assert (
        "embedded won" in text
        and "What models say of their networks" in text
        and "What models say of their networks" in page
    )
    for name in ("hypervolume_tokens", "accuracy_seconds"):
        assert f"({name}.png)" in text and (folder / f"{name}.png").read_bytes().startswith(
            b"\x89PNG"
        )
    rows = list(csv.DictReader((folder / "compare.csv").read_text().splitlines()))
    assert (
        len({(row["searcher"], row["seed"], row["evaluations"]) for row in rows})
        == len(rows)
        == 3 * len(SEEDS) * 2
    )
    assert {row["evaluations"] for row in rows} == {"10", "12"}
