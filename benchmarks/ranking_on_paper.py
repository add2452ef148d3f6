"""Which way of ranking candidates is worth its tokens? Decisions of a search on NAS-Bench-201, with
the truth of the table, and without a search for each way.

python benchmarks/ranking_on_paper.py build/paper --model NAME.gguf --ways digits --seeds 0 1
The sampler of ``rank`` makes a history a seed. After each of the sizes, several lists of candidates
are drawn, and each way orders them. A model's answers are kept in FOLDER/NAME.jsonl by the text of
their prompts, so a run that was stopped goes on, and a way that shares prompts costs nothing.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from rank_table import Judged, judge, table_of
from scipy.stats import rankdata

from lmanet.errors import ArchitectureError
from lmanet.feedback import ParetoFeedback
from lmanet.propose import EmbeddedServer, Prompt, Rank, RemoteServer, SamplerProposer, Sampling
from lmanet.propose.baselines.forest import Forest
from lmanet.propose.llm.client import Client, Query
from lmanet.propose.llm.example import example
from lmanet.propose.roles.past import accuracy, follow
from lmanet.propose.roles.task import Choice, Logprobs, Round
from lmanet.run.brief import Brief, Goal, Request
from lmanet.run.records import Proposal, Score, Status, Trial, Verdict
from lmanet.space import CellSpace, estimate_on
from lmanet.space.cells.cell import require_cell
from lmanet.train.lookup.nasbench import NUM_CLASSES, load_table

IMAGES = {
    "cifar10": "CIFAR-10, photographs of animals and vehicles",
    "cifar100": "CIFAR-100, photographs of animals, plants, things and scenes",
    "imagenet": "ImageNet16-120, small photographs of 120 classes",
}
PLAIN = Rank(candidates=8, explore=0.25, parents=4, listed="at_random")
WAYS = {
    "logprobs": replace(PLAIN, read="logprobs"),
    "logprobs, calibrated": replace(PLAIN, read="logprobs", calibrated=True),
    "logprobs, 4 rotations": replace(PLAIN, read="logprobs", rotations=4),
    "logprobs, 4 rotations, calibrated": replace(
        PLAIN, read="logprobs", rotations=4, calibrated=True
    ),
    "logprobs, evidence": replace(PLAIN, read="logprobs", calibrated=True, evidence=1),
    "pairs": replace(PLAIN, read="pairs"),
    "digits": replace(PLAIN, read="digits", examples=25),
    "digits, 50 examples": replace(PLAIN, read="digits", examples=50),
}
Scorer = Callable[[Round, Sequence[Choice]], list[float]]


class Decision(NamedTuple):
    """Candidates, and what they would reach in percent."""

    seed: int
    size: int
    given: Round
    choices: list[Choice]
    truth: list[float]


class Asker:
    """A model whose answers are kept in a file.

    Args:
        client: None answers from the file alone.
    """

    def __init__(self, path: Path, client: Client | None, brief: Brief) -> None:
        self.path, self.client = path, client
        prompt = Prompt(max_attempts=1, guidance=False)
        self.prompt, self.opening = prompt, prompt.opening(brief, example(brief))
        lines = path.read_text().splitlines() if path.is_file() else []
        self.known: dict[str, Mapping[str, float]] = dict(map(json.loads, lines))
        self.seconds: list[float] = []
        self.silent: set[tuple[str, ...]] = set()  # prompts of decisions without an answer

    def likeliest(self, *parts: str) -> Logprobs:
        """Of the first token of the reply."""
        messages = self.prompt.ask(self.opening, *parts)
        key = hashlib.sha256(messages[0]["content"].encode()).hexdigest()[:24]
        if key not in self.known:
            if self.client is None:
                raise LookupError("this prompt has not been asked")
            answer = self.client.ask(Query(messages, None, 0, 1.0, 1, likeliest=20))
            self.known[key] = dict(answer.likeliest)
            self.seconds.append(answer.usage.seconds)
            with self.path.open("a") as file:
                file.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]

    def scorer(self, rank: Rank) -> Scorer:
        """A way as a function of the decision; 0 for all where an answer says nothing."""

        def scores(given: Round, choices: Sequence[Choice]) -> list[float]:
            scoring = rank.scoring(given, choices)
            assert scoring is not None
            shown = [given.request.feedback] if scoring.with_feedback else []
            answers = [self.likeliest(*shown, text) for text in scoring.texts]
            try:
                read = scoring.read(answers)
            except ArchitectureError:
                self.silent.add(tuple(scoring.texts))
                return [0.0] * len(choices)
            found = {id(choice): score for choice, score in read}
            return [found[id(choice)] for choice in choices]

        return scores


def brief_of(dataset: str, seed: int) -> Brief:
    """As a search on the table has it."""
    return Brief(
        space=CellSpace(),
        seed=seed,
        images=IMAGES[dataset],
        num_classes=NUM_CLASSES[dataset],
        limits={},
        objectives=(Goal(name="val_accuracy", maximise=True),),
    )


def decisions(dataset: str, seed: int, sizes: Sequence[int], number: int) -> Iterator[Decision]:
    """Of one history, ``number`` after each of the sizes."""
    brief, table = brief_of(dataset, seed), load_table(dataset)
    sampler, past, trials = SamplerProposer(brief, PLAIN, niches=1), follow(brief.space), []
    for size in sorted(sizes):
        while len(trials) < size:
            front = tuple(sorted(trials, key=lambda each: -accuracy(each))[:1])
            request = Request(number=len(trials), count=1, trials=tuple(trials), front=front)
            trials.append(_trained(brief, len(trials), sampler.propose(request)[0], table))
        front = tuple(sorted(trials, key=lambda each: -accuracy(each))[:1])
        told = ParetoFeedback(brief.space, max_tokens=300, recent_failures=0).compose(trials, front)
        for draw in range(number):
            request = Request(
                number=size,
                count=1,
                trials=tuple(trials),
                front=front,
                compose=lambda told=told: told,
            )
            known = past.over(trials)
            rng = np.random.default_rng([seed, size, draw])
            given = Round(brief, request, 1, known.ids, None, rng, known)
            choices = PLAIN.candidates_of(given)
            truth = [100 * _reached(choice.architecture, table) for choice in choices]
            if len(choices) > 1 and max(truth) > min(truth):
                yield Decision(seed, size, given, choices, truth)


def _reached(architecture, table) -> float:
    return fmean(table[require_cell(architecture).key]["val_acc"]) / 100


def _trained(brief: Brief, number: int, proposal: Proposal, table) -> Trial:
    cost = estimate_on(proposal.architecture, brief.num_classes, brief.platform)
    return Trial(
        number=number,
        status=Status.TRAINED,
        proposal=proposal,
        verdict=Verdict(accepted=True, cost=cost),
        score=Score(val_accuracy=_reached(proposal.architecture, table), seconds=1.0),
        seed=0,
        started_at="",
        seconds=1.0,
        elapsed_seconds=float(number),
    )


def largest(given: Round, choices: Sequence[Choice]) -> list[float]:
    """By multiply-accumulates."""
    brief = given.brief
    costs = (estimate_on(c.architecture, brief.num_classes, brief.platform) for c in choices)
    return [float(cost.macs) for cost in costs]


def parzen(given: Round, choices: Sequence[Choice]) -> list[float]:
    """As TPE with a factor for each choice: how much likelier among the best quarter than among
    the others.
    """
    ranked = [given.past.choices(place.trial) for place in given.past.ranked()]
    split = max(1, len(ranked) // 4)
    good, rest = ranked[:split], ranked[split:]

    def share(among, name, value) -> float:
        return (sum(each.get(name) == value for each in among) + 0.5) / (len(among) + 2.5)

    wanted = (given.brief.space.write_choices(choice.architecture) for choice in choices)
    return [
        sum(np.log(share(good, *pair) / share(rest, *pair)) for pair in values.items())
        for values in wanted
    ]


def connected(options: argparse.Namespace) -> Client | None:
    """A connection to the model; None where only what is known is to be told."""
    if options.dry:
        return None
    server = (
        RemoteServer(options.base_url, None, timeout_s=600, retries=2)
        if options.base_url
        else EmbeddedServer(threads=1, context_tokens=8192, timeout_s=600, retries=0)
    )
    options.server = server  # the last reference would end it
    return Client(server.start(options.model), Sampling(1.0, 1024, "never"))


def with_size(scorer: Scorer) -> Scorer:
    """The mean of a way's rank and the size's: what the way adds to it costs no more tokens."""

    def scores(given: Round, choices: Sequence[Choice]) -> list[float]:
        ranks = (rankdata(each(given, choices)) for each in (scorer, largest))
        return list(map(float, sum(ranks)))

    return scores


def main() -> None:
    """Ask what is not known yet, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="a .gguf file, or a name at --base-url; none: the packaged")
    parser.add_argument("--base-url")
    parser.add_argument("--dataset", default="cifar100", choices=IMAGES)
    parser.add_argument("--ways", nargs="*", default=["logprobs", "digits"], choices=WAYS)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--sizes", nargs="+", type=int, default=[25])
    parser.add_argument("--decisions", type=int, default=4, help="of each history and size")
    parser.add_argument("--dry", action="store_true", help="ask nothing: tell what is known")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    name = Path(options.model or "SmolLM2-135M").stem
    scorers: dict[str, Scorer] = {
        "random": lambda given, choices: [0.0] * len(choices),
        "largest first": largest,
        "random forest": Forest().scores,
        "random forest, and size": with_size(Forest().scores),
        "TPE's ratio": parzen,
    }
    asker = None
    if options.ways:
        path = options.folder / f"{options.dataset}_{name}.jsonl"
        asker = Asker(path, connected(options), brief_of(options.dataset, 0))
        for way in options.ways:
            scorers[f"{name}: {way}"] = asked = asker.scorer(WAYS[way])
            scorers[f"{name}: {way}, and size"] = with_size(asked)
    judged: dict[str, list[Judged]] = defaultdict(list)
    for seed in options.seeds:
        for decision in decisions(options.dataset, seed, options.sizes, options.decisions):
            for way, scorer in scorers.items():
                try:
                    scores = scorer(decision.given, decision.choices)
                except LookupError:
                    continue
                sizes = largest(decision.given, decision.choices)
                key = decision.seed, decision.size
                judged[way].append(Judged(*key, *judge(scores, decision.truth, sizes)))
    print("\n".join(table_of(judged, options.sizes)))
    if asker and asker.silent:
        print(f"\n{len(asker.silent)} decisions without an answer count as chance")
    if asker and asker.seconds:
        print(f"\n{len(asker.seconds)} prompts asked, {fmean(asker.seconds):.1f} s each")


if __name__ == "__main__":
    main()
