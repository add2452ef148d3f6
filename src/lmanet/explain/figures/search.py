"""How the search went: hypervolume, verdicts, tokens, claims, what the accuracy depends on."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.claims import ALL, rates
from lmanet.explain.figures.style import BLUE, DASHES, GREEN, GREY, PALETTE, VERMILION, figure, plain, rounded
from lmanet.explain.importance import Importance
from lmanet.records import Status, Trial
from lmanet.steps import Pareto

MOST_HINT_CHARACTERS = 160


class Progress(NamedTuple):
    """After each trial, in the order in which they ended."""

    trials: list[int]
    seconds: list[float]
    hypervolume: list[float]
    best: list[float | None]


def progress(trials: Sequence[Trial], pareto: Pareto) -> Progress:
    """Hypervolume and best accuracy of the eligible networks so far."""
    hypervolume, best = 0.0, None
    found = Progress([], [], [], [])
    for place, trial in enumerate(trials, start=1):
        if trial.eligible and trial.score:
            hypervolume = pareto.hypervolume(trials[:place])
            best = max(trial.score.val_accuracy, best or 0.0)
        found.trials.append(place)
        found.seconds.append(round(trial.elapsed_seconds, 1))
        found.hypervolume.append(round(hypervolume, 4))
        found.best.append(None if best is None else round(best, 4))
    return found


def over_trials(found: Progress) -> Figure:
    """By the number of trials that have ended."""
    return _growth(found, found.trials, "Hypervolume and best accuracy over trials", "trials")


def over_time(found: Progress) -> Figure:
    """By the time of the search."""
    return _growth(found, found.seconds, "Hypervolume and best accuracy over time", "time of the search (s)")


def verdicts(trials: Sequence[Trial]) -> Figure:
    """When what was rejected for what: a row a reason."""
    rows: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for trial in trials:
        for reason, hint in _reasons(trial):
            rows[reason].append((trial.number + 1, hint))
    ordered = sorted(rows, key=lambda reason: (reason == Status.TRAINED, len(rows[reason])))
    data = [
        Scatter(
            x=[number for number, _ in rows[reason]],
            y=[plain(reason)] * len(rows[reason]),
            text=[plain(hint[:MOST_HINT_CHARACTERS]) for _, hint in rows[reason]],
            hovertemplate="candidate %{x}<br>%{text}<extra></extra>",
            mode="markers",
            marker={
                "symbol": "circle" if reason == Status.TRAINED else "x",
                "size": 9,
                "color": GREEN if reason == Status.TRAINED else VERMILION,
            },
            showlegend=False,
        )
        for reason in ordered
    ]
    return figure(data, "What became of each candidate", "candidate", "", height=150 + 34 * len(ordered))


def tokens(trials: Sequence[Trial]) -> Figure:
    """What the candidates of each end cost at the model."""
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for trial in trials:
        usage = trial.proposal.usage
        totals[trial.status.value.replace("_", " ")].update(
            {
                "prompt, cached": usage.cached_tokens,
                "prompt": usage.prompt_tokens - usage.cached_tokens,
                "completion": usage.completion_tokens,
            }
        )
    data = [
        Bar(
            x=[totals[status][kind] for status in totals],
            y=list(totals),
            name=kind,
            orientation="h",
            marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate="%{y}: %{x:,} tokens<extra>" + kind + "</extra>",
        )
        for kind, colour, pattern in (("prompt, cached", GREY, "/"), ("prompt", BLUE, ""), ("completion", VERMILION, "x"))
    ]
    return figure(data, "Tokens by how the candidates ended", "tokens", "", barmode="stack", height=170 + 40 * len(totals))


def claims(trials: Sequence[Trial]) -> Figure:
    """Claims by kind: true, false, and such that cannot be told."""
    rows = [rate for rate in rates(trials) if rate.kind != ALL]
    several = len({row.proposer for row in rows}) > 1
    names = [plain(f"{row.kind} ({row.proposer})" if several else row.kind) for row in rows]
    data = [
        Bar(
            x=[getattr(row, kind) for row in rows],
            y=names,
            name=words,
            orientation="h",
            marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate="%{y}: %{x}<extra>" + words + "</extra>",
        )
        for kind, words, colour, pattern in (
            ("true", "true", GREEN, ""),
            ("false", "false", VERMILION, "x"),
            ("unknown", "cannot be told", GREY, "/"),
        )
    ]
    return figure(data, "What was claimed, and whether it is true", "claims", "", barmode="stack", height=170 + 32 * len(rows))


def importance_bars(rows: Sequence[Importance]) -> Figure:
    """The most important at the top."""
    shown = list(reversed(rows[:20]))
    bars = Bar(
        x=rounded([100 * row.share for row in shown]),
        y=[row.parameter for row in shown],
        error_x={"type": "data", "array": rounded([100 * row.spread for row in shown])},
        orientation="h",
        marker={"color": BLUE},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    return figure([bars], "What the accuracy depends on", "share of its variance (%)", "", height=140 + 26 * len(shown))


def _growth(found: Progress, x: Sequence[float], title: str, axis: str) -> Figure:
    grown: list[tuple[str, Sequence[float | None]]] = [("hypervolume", found.hypervolume), ("best validation accuracy", found.best)]
    lines = [
        Scatter(
            x=list(x),
            y=list(y),
            name=name,
            mode="lines",
            line={"shape": "hv", "color": PALETTE[place], "dash": DASHES[place], "width": 2.5},
            hovertemplate=f"%{{y:.3f}} after %{{x}} {axis.split(' (')[0]}<extra>{name}</extra>",
        )
        for place, (name, y) in enumerate(grown)
    ]
    return figure(lines, title, axis, "share of 1", yaxis={"range": [0, 1.02]})


def _reasons(trial: Trial) -> list[tuple[str, str]]:
    """Why a trial has no place on the front, or that it was trained, each with what was said."""
    if trial.verdict and trial.verdict.violations:
        return [(violation.rule, violation.hint) for violation in trial.verdict.violations]
    accuracy = f"{trial.score.val_accuracy:.1%} on validation images" if trial.score else ""
    return [(trial.status.value.replace("_", " "), trial.error or trial.proposal.error or accuracy)]
