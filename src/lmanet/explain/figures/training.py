"""How the best networks were trained, and what int8 cost them."""

from typing import NamedTuple

from plotly.graph_objects import Figure, Scatter
from scipy.stats import binomtest

from lmanet.explain.contents import RunFiles
from lmanet.explain.figures.style import BLUE, DASHES, PALETTE, SYMBOLS, VERMILION, figure, interval, plain, rounded
from lmanet.explain.measured import int8_test
from lmanet.records import Score
from lmanet.results import Deployment, Evaluation

LEAST_SPAN = 10  # points of accuracy on the axis, so that a difference of few looks like one


class Accuracy(NamedTuple):
    """Share of 1 in one state of a network; ``images`` is None where their number is not recorded."""

    state: str
    value: float
    images: int | None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval by Wilson's formula; the value alone where the number of images is not known."""
        if self.images is None:
            return self.value, self.value
        found = binomtest(round(self.value * self.images), self.images).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)


def has_curves(run: RunFiles) -> bool:
    """Whether any training to the end has left one."""
    return any(score.curve for _, score in _trainings(run))


def curves(run: RunFiles) -> Figure:
    """Validation accuracy, and below it the losses, before and after distillation."""
    data = []
    for place, (name, score) in enumerate(_trainings(run)):
        look = place % len(PALETTE)
        dash = DASHES[(place + place // len(PALETTE)) % len(DASHES)]  # where colours come again, the dash is another
        epochs = [epoch.epoch + 1 for epoch in score.curve]
        common = {"x": epochs, "mode": "lines+markers", "legendgroup": name, "line": {"color": PALETTE[look], "dash": dash}}
        closed, opened = ({"symbol": f"{SYMBOLS[look]}{kind}", "size": 6} for kind in ("", "-open"))
        said = f"<extra>{name}</extra>"
        lower = {"yaxis": "y2", "showlegend": False, **common}
        data += [
            Scatter(
                y=rounded([100 * epoch.val_accuracy for epoch in score.curve]),
                name=name,
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
    return figure(
        data,
        "Training curves, before and after distillation; open marks are losses on training images",
        "epoch",
        "validation accuracy (%)",
        height=560,
        yaxis={"domain": [0.52, 1]},
        xaxis={"anchor": "y2"},
        yaxis2={"domain": [0, 0.44], "title": {"text": "loss (nats)"}, "automargin": True, "rangemode": "tozero"},
    )


def float_int8(deployment: Deployment, run: RunFiles) -> Figure:
    """Accuracy of a network in float, in int8 by calibration alone and as deployed, with intervals where the images are counted."""
    images = run.examination.images if run.examination else None
    validated = [
        Accuracy("float", deployment.float_val_accuracy, images),
        Accuracy("int8,<br>calibrated", deployment.calibrated_val_accuracy, images),
        Accuracy("int8,<br>deployed", deployment.int8_val_accuracy, images),
    ]
    tests = (("float", _float_test(deployment, run)), ("int8,<br>deployed", int8_test(deployment, run.tests)))
    tested = [Accuracy(state, test.test_accuracy, test.images) for state, test in tests if test]
    kinds = [
        (f"{images:,} validation images" if images else "validation images", validated, BLUE, "circle", "bottom center"),
        (f"{tested[0].images:,} test images" if tested else "", tested, VERMILION, "diamond", "top center"),
    ]
    data = [_dots(*kind) for kind in kinds if kind[1]]
    ends = [100 * end for accuracy in validated + tested for end in accuracy.interval]
    room = max((LEAST_SPAN - (max(ends) - min(ends))) / 2, 2)
    layout = {
        "xaxis": {"range": [max(min(ends) - room, 0), min(max(ends) + room, 100.5)]},
        "yaxis": {"type": "category", "autorange": "reversed", "range": [2.6, -0.6]},
    }
    return figure(data, "From float to int8, with 95 % intervals", "accuracy (%)", "", **layout)


def _dots(name: str, accuracies: list[Accuracy], colour: str, symbol: str, position: str) -> Scatter:
    values = [100 * accuracy.value for accuracy in accuracies]
    lows, highs = zip(*(accuracy.interval for accuracy in accuracies), strict=True)
    return Scatter(
        x=rounded(values),
        y=[accuracy.state for accuracy in accuracies],
        error_x=interval([100 * low for low in lows], values, [100 * high for high in highs], colour),
        name=name,
        mode="markers+text",
        text=[f"{value:.1f}" for value in values],
        textposition=position,
        marker={"size": 10, "color": colour, "symbol": symbol},
        hovertemplate="%{y}: %{x:.2f} %<extra>" + name + "</extra>",
    )


def _float_test(deployment: Deployment, run: RunFiles) -> Evaluation | None:
    found = (test for test in run.tests if (test.stage, test.checkpoint) == (deployment.stage, deployment.checkpoint))
    return next(found, None)


def _trainings(run: RunFiles) -> list[tuple[str, Score]]:
    """In words -> score: the search's best, then each training to the end."""
    found = [(f"mini-training of {trial.id}", trial.score) for trial in run.front.trials[:1] if trial.score]
    stages = {"full": "full training", "distill": "distillation"}
    found += [(plain(f"{stages.get(n.stage, n.stage)} {place}"), n.score) for place, n in enumerate(run.full + run.distilled, start=1)]
    return [(name, score) for name, score in found if score.curve]
