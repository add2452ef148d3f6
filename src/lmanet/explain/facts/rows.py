"""The rows of the report's tables: pure functions of a run's records."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lmanet.cost import Cost, Platform
from lmanet.cost.parts import PartCost, part_costs
from lmanet.explain.facts.contents import RunFiles
from lmanet.network import Architecture
from lmanet.network.architecture import has_effect
from lmanet.run.records import Score, Trial
from lmanet.space import AnyArchitecture, architecture_id


class LimitRow(NamedTuple):
    """A quantity of a network against the target's limit."""

    quantity: str
    given: int | float
    limit: int

    @property
    def share(self) -> float:
        """Of the limit that is used."""
        return self.given / self.limit


class PartRow(NamedTuple):
    """Stem, stage, head or classifier of a network; ``setting`` says what was chosen, in words."""

    setting: str
    cost: PartCost


class ResultRow(NamedTuple):
    """A trained network as a stage left it, on validation images; of a k-fold validation also the
    accuracy of the worst and the best fold.
    """

    stage: str
    id: str
    accuracy: float
    macro_f1: float | None
    calibration_error: float | None
    epochs: int
    seconds: float
    seed: int
    teacher: str
    fold_low: float | None = None
    fold_high: float | None = None


class Reason(NamedTuple):
    """A rule that was broken, or a status of failure: in how many trials, and what the first was
    told.
    """

    kind: str
    trials: int
    example: str


def limit_rows(cost: Cost, limits: Mapping[str, int]) -> list[LimitRow]:
    """What a network takes of each limit."""
    return [
        LimitRow(quantity, cost.quantities()[quantity], limit) for quantity, limit in limits.items()
    ]


def part_rows(architecture: Architecture, num_classes: int, platform: Platform) -> list[PartRow]:
    """The parts of a network in their order, each with what it costs."""
    return [
        PartRow(_setting(architecture, part.name), part)
        for part in part_costs(architecture, num_classes, platform)
    ]


def result_rows(run: RunFiles) -> list[ResultRow]:
    """The best of the search, then every network trained to the end."""
    rows = [
        _result("search", t.architecture, t.score, t.seed)
        for t in run.front.trials[:1]
        if t.architecture and t.score
    ]
    return rows + [
        _result(n.stage, n.architecture, n.score, n.seed, n.teacher or "none")
        for n in run.full + run.distilled
    ]


def reasons(trials: Iterable[Trial]) -> list[Reason]:
    """Rules broken and failures, the most frequent first; one trial may break several rules."""
    examples: defaultdict[str, list[str]] = defaultdict(list)
    for trial in trials:
        if trial.verdict and trial.verdict.violations:
            first = {
                violation.rule: violation.hint for violation in reversed(trial.verdict.violations)
            }
            for rule, hint in first.items():
                examples[rule].append(hint)
        elif trial.error:
            examples[trial.status.value].append(trial.error)
    rows = [Reason(kind, len(texts), texts[0]) for kind, texts in examples.items()]
    return sorted(rows, key=lambda row: (-row.trials, row.kind))


def proposers(trials: Iterable[Trial]) -> Counter[str]:
    """Who proposed -> how many."""
    return Counter(trial.proposal.proposer for trial in trials)


def versions(trials: Iterable[Trial]) -> dict[str, str]:
    """Package -> version, or versions where a resumed run met another."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for trial in trials:
        for package, version in trial.versions.items():
            found[package][version] = None
    return {package: ", ".join(seen) for package, seen in found.items()}


def _setting(architecture: Architecture, part: str) -> str:
    if part == "stem" and (stem := architecture.stem):
        return f"{stem.kernel}x{stem.kernel} convolution, stride {stem.stride}, {stem.activation}"
    if part == "head" and (head := architecture.head):
        return f"1x1 convolution, {head.activation}"
    if part == "classifier":
        return "global average pool, linear"
    stage = architecture.stages[int(part.removeprefix("stage")) - 1]
    words = [
        f"{stage.layers} x {stage.block}" if stage.layers > 1 else stage.block,
        f"{stage.kernel}x{stage.kernel}",
        f"stride {stage.stride}",
    ]
    words += [f"expansion {stage.expansion}"] if has_effect("expansion", stage.block) else []
    gated = stage.se_ratio and has_effect("se_ratio", stage.block)
    words += [f"SE {stage.se_ratio:g}"] if gated else []
    words += ["skip"] if stage.skip else []
    return ", ".join([*words, stage.activation])


def _result(
    stage: str, architecture: AnyArchitecture, score: Score, seed: int, teacher: str = "none"
) -> ResultRow:
    scores = (score.val_accuracy, score.val_macro_f1, score.val_calibration_error)
    return ResultRow(
        stage,
        architecture_id(architecture),
        *scores,
        len(score.curve),
        score.seconds,
        seed,
        teacher,
        *fold_ends(score),
    )


def fold_ends(score: Score | None) -> tuple[float | None, float | None]:
    """Accuracy of the worst and the best fold; None where there was one training."""
    folds = score.fold_accuracies if score else ()
    return (min(folds), max(folds)) if folds else (None, None)
