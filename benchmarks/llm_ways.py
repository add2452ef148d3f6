"""What the comparison of language models runs: ways of asking a model, controls, and benches."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Way(NamedTuple):
    """A way of asking a model.

    Attributes:
        overrides: of the command line.
        role: the only one that is asked for; None are those of the setup.
        by_tokens: the choice is read from probabilities of tokens.
        told: ``feedback=none`` takes all of the history out of its prompts.
        own_controls: ways or controls that it is tested against, beside those of all ways.
    """

    overrides: Sequence[str]
    role: str | None = "rank"
    by_tokens: bool = False
    told: bool = False
    own_controls: Sequence[str] = ()


START = 4  # networks drawn at random, the same in every run of a seed; `digits` needs so many
CHECKPOINTS = (10, 25, 50, 100)
# Each draws what the model is offered: no bands of cost, as in PLAIN.
CONTROLS: Mapping[str, Sequence[str]] = {
    "random": ["propose=random", "propose.feasible_draws=30"],
    "sampler": ["propose=sampler", "propose.niches=1"],
    "sampler, largest first": [
        "propose=sampler",
        "propose.niches=1",
        "propose.rank.listed=largest_first",
    ],
    "TPE": ["propose=tpe", "propose.feasible_draws=30"],
    "forest": ["propose=forest", "propose.niches=1"],
    "bandit": ["propose=bandit"],
}
# What a model has to beat: its own candidates without it, a rule that costs nothing, and TPE.
AGAINST = ("sampler", "sampler, largest first", "TPE")
RANK = "propose.team.rank."
BRIEFLY = [
    "propose.prompt.rationale=false",
    "propose.strategy.stall_after=null",
    "propose.strategy.niches=1",
    "feedback.max_tokens=300",
    "feedback.recent_failures=0",
]


def _asked_for(role: str, *more: str) -> list[str]:
    return [*BRIEFLY, f"propose.strategy.roles=[{role}]", *more]


PLAIN = _asked_for("rank", f"{RANK}listed=at_random")
LETTERS = [*PLAIN, f"{RANK}read=logprobs", f"{RANK}calibrated=true"]
# A choice holds for several proposals, so that its prompt may be longer.
STEER = _asked_for("steer", "propose.team.steer.read=logprobs", "feedback.max_tokens=500")
WAYS: Mapping[str, Way] = {
    "as shipped": Way([], role=None),
    "generate": Way(_asked_for("generate"), "generate", told=True),
    "mutate": Way(_asked_for("mutate"), "mutate"),
    "spoken": Way(PLAIN, told=True),
    "spoken, largest first": Way(_asked_for("rank", f"{RANK}listed=largest_first"), told=True),
    "logprobs": Way([*PLAIN, f"{RANK}read=logprobs"], by_tokens=True, told=True),
    "logprobs, calibrated": Way(LETTERS, by_tokens=True, told=True),
    "logprobs, calibrated, 4 rotations": Way(
        [*LETTERS, f"{RANK}rotations=4"], by_tokens=True, told=True
    ),
    "evidence": Way([*LETTERS, f"{RANK}evidence=1"], by_tokens=True, told=True),
    "pairs": Way([*PLAIN, f"{RANK}read=pairs"], by_tokens=True, told=True),
    "digits": Way([*PLAIN, f"{RANK}read=digits"], by_tokens=True, told=True),
    "steer": Way(STEER, "steer", by_tokens=True, own_controls=["bandit"]),
    "steer, curve": Way(
        [*STEER, "feedback.curve=true"], "steer", by_tokens=True, own_controls=["bandit", "steer"]
    ),
}
BENCHES: Mapping[str, Sequence[str]] = {
    "cifar10": ["+experiment=bench_nasbench201", "data=nasbench201_cifar10"],
    "cifar100": ["+experiment=bench_nasbench201"],
    "imagenet16": ["+experiment=bench_nasbench201", "data=nasbench201_imagenet"],
    "lmanet": ["+experiment=bench_lmanet"],
}
SEEDS = {bench: range(20) for bench in BENCHES} | {"imagenet16": range(40, 60)}
# The rate of true claims: a prompt that a small model on a CPU can read in seconds.
CLAIMS = ["propose.prompt.rationale=true", "feedback.max_tokens=600", "feedback.recent_failures=2"]
CLAIM_SEEDS, CLAIM_NETWORKS = (0, 1, 2), 15
