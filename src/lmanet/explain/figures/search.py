"""How the search went: hypervolume, verdicts, tokens, claims, what the accuracy depends on."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.claims.rates import ALL, Rate
from lmanet.explain.facts.importance import Importance
from lmanet.explain.facts.progress import Step
from lmanet.explain.figures.style import (
    BLUE,
    DASHES,
    GREEN,
    GREY,
    LOOKS,
    PALETTE,
    SKY,
    VERMILION,
    Look,
    figure,
    hatched,
    hover,
    interval,
    label,
    plain,
    rounded,
    words,
)
from lmanet.run.records import Status, Trial

MOST_CHOICES = 20


def over_trials(steps: Sequence[Step]) -> Figure:
    """By the number of trials that have ended."""
    return _growth(steps, [step.ended for step in steps], "trials", "trials that have ended")


def over_time(steps: Sequence[Step]) -> Figure:
    """By the time of the search."""
    minutes = rounded([step.seconds / 60 for step in steps])
    return _growth(steps, minutes, "minutes", "time of the search (minutes)")


def verdicts(trials: Sequence[Trial]) -> Figure:
    """When candidates were rejected, and why: a row a reason, the most frequent at the top."""
    rows: defaultdict[tuple[str, Look], list[tuple[int, str]]] = defaultdict(list)
    for trial in trials:
        for reason, hint in _reasons(trial).items():
            rows[reason, LOOKS[trial.status]].append((trial.number, hint))
    counts = Counter({reason: len(points) for (reason, _), points in rows.items()})
    data = [
        Scatter(
            x=[number for number, _ in points],
            y=[plain(reason)] * len(points),
            text=[hover(hint) for _, hint in points],
            hovertemplate="candidate %{x}<br>%{text}<extra></extra>",
            mode="markers",
            marker=look.marker,
            name=plain(reason),
            showlegend=False,
        )
        for (reason, look), points in sorted(
            rows.items(), key=lambda row: (row[0][1] == LOOKS[Status.TRAINED], counts[row[0][0]])
        )
    ]
    count = len(trials)
    layout = {
        "xaxis": {"range": [-0.5 - count / 40, count - 0.5 + count / 40]},
        "yaxis": {"type": "category"},
        "height": 110 + 34 * len(counts),
    }
    return figure(
        data, "How each candidate ended, and which rules it broke", "candidate", "", **layout
    )


def tokens(trials: Sequence[Trial]) -> Figure:
    """What candidates cost at the model, by how they ended."""
    totals: dict[Status, Counter[str]] = {}
    for trial in trials:
        usage = trial.proposal.usage
        totals.setdefault(trial.status, Counter()).update(
            {
                "prompt, cached": usage.cached_tokens,
                "prompt": usage.prompt_tokens - usage.cached_tokens,
                "completion": usage.completion_tokens,
            }
        )
    rows = [status for status in Status if status in totals]
    data = [
        Bar(
            x=[totals[status][kind] for status in rows],
            y=[words(status) for status in rows],
            name=kind,
            orientation="h",
            marker=hatched(colour, pattern),
            hovertemplate=f"%{{y}}: %{{x:,}} tokens, {kind}<extra></extra>",
        )
        for kind, colour, pattern in (
            ("prompt, cached", SKY, "/"),
            ("prompt", BLUE, ""),
            ("completion", VERMILION, "x"),
        )
        if any(totals[status][kind] for status in rows)
    ]
    layout = {
        "barmode": "stack",
        "yaxis": {"autorange": "reversed"},
        "height": 130 + 36 * len(rows),
    }
    return figure(data, "Tokens spent, by how candidates ended", "tokens", "", **layout)


def claims(rates: Sequence[Rate]) -> Figure:
    """Claims by kind: true, false, and such that cannot be told."""
    rows = [rate for rate in rates if rate.kind != ALL]
    several = len({row.proposer for row in rows}) > 1
    kinds = [row.kind.replace("_", " ") for row in rows]
    names = [
        f"{kind}<br>{label(row.proposer)}" if several else kind
        for kind, row in zip(kinds, rows, strict=True)
    ]
    places = list(range(len(rows)))  # two long names may have one label
    axis = {"autorange": "reversed", "tickvals": places, "ticktext": names}
    data = [
        Bar(
            x=[getattr(row, field) for row in rows],
            y=places,
            hovertext=names,
            name=truth,
            orientation="h",
            marker=hatched(colour, pattern),
            hovertemplate=f"%{{hovertext}}: %{{x}} {truth}<extra></extra>",
        )
        for field, truth, colour, pattern in (
            ("true", "true", GREEN, ""),
            ("false", "false", VERMILION, "x"),
            ("unknown", "cannot be told", GREY, "/"),
        )
    ]
    layout = {"barmode": "stack", "yaxis": axis, "height": 130 + 32 * len(rows)}
    return figure(data, "Claims of the model, by kind", "claims", "", **layout)


def importance_dots(rows: Sequence[Importance]) -> Figure:
    """The most important at the top."""
    shown = rows[:MOST_CHOICES]
    shares = [100 * row.share for row in shown]
    ends = (
        [100 * (row.share - row.spread) for row in shown],
        [100 * (row.share + row.spread) for row in shown],
    )
    dots = Scatter(
        x=rounded(shares),
        y=[row.parameter for row in shown],
        error_x=interval(ends[0], shares, ends[1], BLUE),
        mode="markers",
        marker={"color": BLUE, "size": 9},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    layout = {
        "xaxis": {"rangemode": "tozero"},
        "yaxis": {"autorange": "reversed"},
        "height": 100 + 24 * len(shown),
    }
    title = "What the accuracy depends on, with one standard deviation over seeds"
    return figure([dots], title, "share of its variance (%)", "", **layout)


def _growth(steps: Sequence[Step], x: Sequence[float], unit: str, axis: str) -> Figure:
    grown: list[tuple[str, list[float | None]]] = [
        ("hypervolume", [round(step.hypervolume, 4) for step in steps]),
        (
            "best validation accuracy",
            [None if step.best is None else round(step.best, 4) for step in steps],
        ),
    ]
    lines = [
        Scatter(
            x=list(x),
            y=y,
            text=[step.words for step in steps],
            name=name,
            mode="lines",
            line={"shape": "hv", "color": PALETTE[place], "dash": DASHES[place], "width": 2.5},
            hovertemplate=f"%{{text}}<br>%{{y:.3f}} after %{{x}} {unit}<br>{name}<extra></extra>",
        )
        for place, (name, y) in enumerate(grown)
    ]
    title = f"Hypervolume and best accuracy over {'time' if unit == 'minutes' else unit}"
    return figure(
        lines, title, axis, "share of 1", xaxis={"rangemode": "tozero"}, yaxis={"range": [0, 1.02]}
    )


def _reasons(trial: Trial) -> dict[str, str]:
    """Each rule that a trial broke, or else its status -> what was said of it."""
    if trial.verdict and trial.verdict.violations:
        return {violation.rule: violation.hint for violation in reversed(trial.verdict.violations)}
    accuracy = (
        f"{trial.id}: {trial.score.val_accuracy:.1%} of the validation images"
        if trial.score
        else ""
    )
    return {words(trial.status): trial.error or trial.proposal.error or accuracy}
