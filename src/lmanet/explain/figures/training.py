"""How the best networks were trained, and what int8 cost them."""

import math
from typing import NamedTuple

from plotly.graph_objects import Figure, Scatter

from lmanet.explain.facts.contents import RunFiles
from lmanet.explain.facts.filters import stage, wilson
from lmanet.explain.facts.measured import DeployedNetwork
from lmanet.explain.figures.style import (
    BLUE,
    DASHES,
    PALETTE,
    SYMBOLS,
    VERMILION,
    figure,
    interval,
    plain,
    rounded,
)
from lmanet.run.records import Score

STATES = ("float", "int8,<br>calibrated", "int8,<br>deployed")
BESIDE = 0.3  # of the distance of two states: test images stand below validation images
MOST_TICKS = 8  # of epochs, which are whole
LEAST_SPAN = 10  # points of accuracy on the axis, so that a difference of few looks like one


class Accuracy(NamedTuple):
    """Share of 1 in one of the `STATES`, named by its place; ``images`` is None where their number
    is not recorded.
    """

    state: int
    value: float
    images: int | None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval by Wilson's formula; the value alone where the number of images is not
        known.
        """
        if self.images is None:
            return self.value, self.value
        return wilson(self.value, self.images)


def has_curves(run: RunFiles) -> bool:
    """Whether any training to the end has left one."""
    return any(score.curve for _, score in _trainings(run))


def curves(run: RunFiles) -> Figure:
    """Validation accuracy, and below it the losses, before and after distillation."""
    trainings = _trainings(run)
    data = [
        line for place, (name, score) in enumerate(trainings) for line in _lines(place, name, score)
    ]
    longest = max(score.epochs for _, score in trainings)
    return figure(
        data,
        "Training curves; open marks are losses on training images",
        "epoch",
        "validation accuracy (%)",
        height=560,
        yaxis={"domain": [0.52, 1]},
        xaxis={"anchor": "y2", "tick0": 0, "dtick": math.ceil(longest / MOST_TICKS)},
        yaxis2={
            "domain": [0, 0.44],
            "title": {"text": "loss (nats)"},
            "automargin": True,
            "rangemode": "tozero",
        },
    )


def _lines(place: int, name: str, score: Score) -> list[Scatter]:
    """Of one training: accuracy, loss on validation images, loss on training images."""
    look = place % len(PALETTE)
    # where colours come again, the dash is another
    dash = DASHES[(place + place // len(PALETTE)) % len(DASHES)]
    epochs = [epoch.epoch + 1 for epoch in score.curve]
    common = {
        "x": epochs,
        "name": name,
        "mode": "lines+markers",
        "legendgroup": name,
        "line": {"color": PALETTE[look], "dash": dash},
    }
    closed, opened = ({"symbol": f"{SYMBOLS[look]}{kind}", "size": 6} for kind in ("", "-open"))
    said = "<br>%{fullData.name}<extra></extra>"  # no text of a record in a template
    lower = {"yaxis": "y2", "showlegend": False, **common}
    return [
        Scatter(
            y=rounded([100 * epoch.val_accuracy for epoch in score.curve]),
            marker=closed,
            hovertemplate="epoch %{x}: %{y:.1f} %" + said,
            **common,
        ),
        Scatter(
            y=rounded([epoch.val_loss for epoch in score.curve]),
            marker=closed,
            hovertemplate="epoch %{x}: validation loss %{y:.3f}" + said,
            **lower,
        ),
        Scatter(
            y=rounded([epoch.train_loss for epoch in score.curve]),
            marker=opened,
            opacity=0.6,
            hovertemplate="epoch %{x}: training loss %{y:.3f}" + said,
            **lower,
        ),
    ]


def float_int8(deployed: DeployedNetwork, images: int | None) -> Figure:
    """Accuracy of a network in float, in int8 by calibration alone and as deployed, with intervals
    where the images are counted.

    Args:
        images: of validation; None where they are not counted.
    """
    line = deployed.line
    values = (line.float_val_accuracy, line.calibrated_val_accuracy, line.int8_val_accuracy)
    validated = [Accuracy(place, value, images) for place, value in enumerate(values)]
    tests = ((0, deployed.float_test), (2, deployed.int8_test))
    tested = [Accuracy(place, test.test_accuracy, test.images) for place, test in tests if test]
    data = [
        _dots(
            validated,
            f"{images:,} validation images" if images else "validation images",
            BLUE,
            "circle",
        )
    ]
    if tested:
        data.append(
            _dots(tested, f"{tested[0].images:,} test images", VERMILION, "diamond", shift=BESIDE)
        )
    ends = [100 * end for accuracy in validated + tested for end in accuracy.interval]
    room = max((LEAST_SPAN - (max(ends) - min(ends))) / 2, 2)
    layout = {
        "xaxis": {"range": [max(min(ends) - room, 0), min(max(ends) + room, 100.5)]},
        "yaxis": {
            "range": [len(STATES) - 0.35, -0.5],
            "tickvals": list(range(len(STATES))),
            "ticktext": STATES,
        },
    }
    return figure(data, "From float to int8, with 95 % intervals", "accuracy (%)", "", **layout)


def _dots(
    accuracies: list[Accuracy], name: str, colour: str, symbol: str, shift: float = 0.0
) -> Scatter:
    values = [100 * accuracy.value for accuracy in accuracies]
    lows, highs = zip(*(accuracy.interval for accuracy in accuracies), strict=True)
    return Scatter(
        x=rounded(values),
        y=[accuracy.state + shift for accuracy in accuracies],
        error_x=interval(
            [100 * low for low in lows], values, [100 * high for high in highs], colour
        ),
        name=name,
        mode="markers+text",
        text=[f"{value:.1f}" for value in values],
        textposition="bottom center" if shift else "top center",
        marker={"size": 10, "color": colour, "symbol": symbol},
        hovertemplate=f"%{{x:.2f}} % of {name}<extra></extra>",
    )


def _trainings(run: RunFiles) -> list[tuple[str, Score]]:
    """In words -> score: the search's best, then each training to the end."""
    found = [
        (f"mini-training of {trial.id}", trial.score)
        for trial in run.front.trials[:1]
        if trial.score
    ]
    found += [
        (plain(f"{stage(n.stage)} {place}"), n.score)
        for place, n in enumerate(run.full + run.distilled, start=1)
    ]
    return [(name, score) for name, score in found if score.curve]
