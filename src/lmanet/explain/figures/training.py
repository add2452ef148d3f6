"""How the best networks were trained, and what int8 cost them."""

from plotly.graph_objects import Figure, Scatter

from lmanet.explain.contents import RunFiles
from lmanet.explain.figures.style import BLUE, DASHES, PALETTE, SYMBOLS, figure, plain, rounded
from lmanet.explain.measured import int8_test
from lmanet.records import Score
from lmanet.results import Deployment


def has_curves(run: RunFiles) -> bool:
    """Whether any training to the end has left one."""
    return any(score.curve for _, score in _trainings(run))


def curves(run: RunFiles) -> Figure:
    """Validation accuracy, and below it the losses, before and after distillation."""
    data = []
    for place, (name, score) in enumerate(_trainings(run)):
        colour, dash = PALETTE[place % len(PALETTE)], DASHES[place % len(DASHES)]
        epochs = [epoch.epoch + 1 for epoch in score.curve]
        look = {"mode": "lines+markers", "legendgroup": name, "line": {"color": colour, "dash": dash}}
        symbol = {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 5}
        data += [
            Scatter(x=epochs, y=rounded([100 * e.val_accuracy for e in score.curve]), name=name, marker=symbol, **look),
            Scatter(x=epochs, y=rounded([e.val_loss for e in score.curve]), name=name, yaxis="y2", showlegend=False, marker=symbol, **look),
            Scatter(
                x=epochs,
                y=rounded([e.train_loss for e in score.curve]),
                name=f"{name}, training loss",
                yaxis="y2",
                showlegend=False,
                opacity=0.5,
                marker={**symbol, "symbol": f"{symbol['symbol']}-open"},
                **look,
            ),
        ]
    return figure(
        data,
        "Training curves, before and after distillation",
        "epoch",
        "validation accuracy (%)",
        height=560,
        yaxis={"domain": [0.52, 1]},
        xaxis={"anchor": "y2"},
        yaxis2={"domain": [0, 0.44], "title": {"text": "loss (nats), open marks: training"}, "automargin": True},
    )


def float_int8(deployment: Deployment, run: RunFiles) -> Figure:
    """Accuracy from float to int8 as a line of dots; axis of a few points around them."""
    test = int8_test(deployment, run.tests)
    steps = [
        ("float", deployment.float_val_accuracy),
        ("int8, calibrated", deployment.calibrated_val_accuracy),
        ("int8, as deployed", deployment.int8_val_accuracy),
    ]
    values = rounded([100 * value for _, value in steps])
    data = [
        Scatter(
            x=[name for name, _ in steps],
            y=values,
            name="validation images",
            mode="lines+markers+text",
            text=[f"{value:.1f} %" for value in values],
            textposition="top center",
            marker={"size": 11, "color": BLUE},
            hovertemplate="%{x}: %{y:.2f} %<extra></extra>",
        )
    ]
    if test:
        data.append(
            Scatter(
                x=["int8, as deployed"],
                y=rounded([100 * test.test_accuracy]),
                name=f"{test.images:,} test images",
                mode="markers",
                marker={"size": 12, "symbol": "diamond-open", "color": PALETTE[1], "line": {"width": 2}},
                hovertemplate="%{x}: %{y:.2f} %<extra></extra>",
            )
        )
    low, high = min(values), max(values)
    if test:
        low, high = min(low, 100 * test.test_accuracy), max(high, 100 * test.test_accuracy)
    return figure(data, "From float to int8", "", "accuracy (%)", yaxis={"range": [low - 5, high + 5]}, height=320)


def _trainings(run: RunFiles) -> list[tuple[str, Score]]:
    """In words -> score: the search's best, then each training to the end."""
    found = [(f"mini-training of {trial.id}", trial.score) for trial in run.front.trials[:1] if trial.score]
    words = {"full": "full training", "distill": "distillation"}
    found += [(plain(f"{words.get(n.stage, n.stage)} {place}"), n.score) for place, n in enumerate(run.full + run.distilled, start=1)]
    return [(name, score) for name, score in found if score.curve]
