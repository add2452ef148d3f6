"""How many proposals of a model are valid, new and within a board's limits, by role: the loop
without its trainings.

python benchmarks/proposal_quality.py multirun/quality --roles generate mutate rank --seeds 0 1 2
--proposals 100 python benchmarks/proposal_quality.py multirun/quality --roles uniform --seeds 0 1 2
--proposals 2000 target.runtime=tflm

A training is stood in for by a formula (`StandInTrainer`), since only the model's proposals are
judged; what else follows the command is given to Hydra as it stands. A run that was stopped goes
on, and one that is there is not made again.
"""

import argparse
import math
from pathlib import Path
from statistics import fmean

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from lmanet.run.brief import Brief, Budget, Goal
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Score, Status, Trial
from lmanet.search import Search, Steps
from lmanet.space import estimate_on

CONF = Path(__file__).parents[1] / "conf"
UNIFORM = "uniform"


class StandInTrainer:
    """Stands in for a training: accuracy grows with the logarithm of MACs and parameters, and says
    nothing of real networks.
    """

    def __init__(self, brief: Brief) -> None:
        self.brief = brief

    def train(self, job: Job) -> Score:
        cost = estimate_on(job.architecture, self.brief.num_classes, self.brief.platform)
        return Score(
            val_accuracy=0.04 * math.log10(cost.macs) + 0.04 * math.log10(cost.params), seconds=0.0
        )


def main() -> None:
    """Print one line a role."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--roles", nargs="+", default=["generate", "mutate", "rank"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--proposals", type=int, default=100)
    known, overrides = parser.parse_known_args()
    print(
        "| role | seeds | proposals | valid | new and within the limits (by seed) | completion "
        "tokens: mean, most | s a proposal |"
    )
    print("|---|---:|---:|---:|---|---|---:|")
    for role in known.roles:
        runs = [
            search(known.folder / f"{role}_{seed}", role, seed, known.proposals, overrides)
            for seed in known.seeds
        ]
        print(row(role, runs), flush=True)


def search(folder: Path, role: str, seed: int, proposals: int, overrides: list[str]) -> list[Trial]:
    """One run of the loop."""
    folder.mkdir(parents=True, exist_ok=True)
    history = History(RunFolder(folder))
    if len(history.trials) >= proposals:
        return history.trials
    who = (
        ["propose=random"]
        if role == UNIFORM
        else ["propose=embedded", f"propose.strategy.roles=[{role}]"]
    )
    with initialize_config_dir(str(CONF), version_base="1.3"):
        # CIFAR-100 in words, no images
        cfg = compose("config", ["data=nasbench201_cifar100", f"seed={seed}", *who, *overrides])
    Search(steps(cfg), history, Budget(proposals=proposals), seed).run()
    return history.trials


def steps(cfg: DictConfig) -> Steps:
    """As ``run.py`` builds them, with the stand-in as trainer and nobody who listens."""
    space, target, data = instantiate(cfg.space), instantiate(cfg.target), instantiate(cfg.data)
    pareto = instantiate(cfg.pareto, _partial_=True)(limits=target.limits)
    brief = Brief(
        space=space,
        seed=cfg.seed,
        images=data.description,
        num_classes=data.num_classes,
        limits=target.limits,
        platform=target.platform,
        objectives=tuple(Goal(name=o.name, maximise=o.maximise) for o in pareto.objectives),
    )
    return Steps(
        proposer=instantiate(cfg.propose, _partial_=True)(brief=brief),
        validator=instantiate(cfg.validate, _partial_=True)(
            space=space, target=target, num_classes=data.num_classes
        ),
        promotion=instantiate(cfg.promote, _partial_=True)(brief=brief),
        executor=instantiate(cfg.execute, _partial_=True)(trainer=StandInTrainer(brief)),
        pareto=pareto,
        feedback=instantiate(cfg.feedback, _partial_=True)(space=space),
    )


def row(role: str, runs: list[list[Trial]]) -> str:
    """One line of the table."""
    trials = [trial for run in runs for trial in run]
    valid = fmean(trial.status is not Status.UNPARSABLE for trial in trials)
    useful = [
        fmean(trial.verdict is not None and trial.verdict.feasible for trial in run) for run in runs
    ]
    tokens = [trial.proposal.usage.completion_tokens for trial in trials]
    share = f"{fmean(useful):.1%} ({', '.join(f'{each:.1%}' for each in useful)})"
    seconds = fmean(trial.proposal.usage.seconds for trial in trials)
    return (
        f"| {role} | {len(runs)} | {len(trials)} | {valid:.1%} | {share} | {fmean(tokens):.0f}, "
        f"{max(tokens)} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    main()
