"""The figures of a run: which are drawn, and that what they show is what the records say."""

import math
from dataclasses import replace
from itertools import combinations

import pytest

from lmanet.explain.facts.contents import read_run
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.operators import operator_rows
from lmanet.explain.figures.costs import front
from lmanet.run.folder import RunFolder
from lmanet.run.records import Front, Status
from lmanet.space import estimate_on

OF_TRIALS = {"verdicts", "proposals", "ledger", "claims"}
OF_FRONT = OF_TRIALS | {
    "hypervolume_trials",
    "hypervolume_time",
    "limits",
    "operators",
    "memory",
    "latency",
    "neighbours",
}
OF_ALL = OF_FRONT | {
    "curves",
    "float_int8_1",
    "kernels_1",
    "blocks",
    "deletion",
    "confusion",
    "importances",
}
CLOSE = {"rel": 1e-4}  # five digits are written


@pytest.fixture
def figures(run, setting, draw):
    return draw(run, setting)


def look(trace):
    """What tells a trace from others without colour."""
    if trace.type == "bar":
        return trace.marker.pattern.shape
    return trace.marker.symbol, trace.line.dash


def test_each_stage_has_its_figures(figures):
    assert set(figures) == OF_ALL


def test_nothing_is_drawn_where_there_is_nothing(make_run, setting, draw):
    empty = read_run(RunFolder(make_run(count=0)))
    assert draw(empty, setting, known=False) == {}


def test_a_search_alone_has_no_figures_of_later_stages(make_run, setting, draw):
    found = read_run(RunFolder(make_run(finished=False)))
    assert set(draw(found, setting, known=False)) == OF_FRONT | {"curves"}
    cut = [trial for trial in found.trials if not trial.eligible]
    rejected = replace(found, trials=tuple(cut), front=Front(hypervolume=0, trials=()))
    assert set(draw(rejected, setting, known=False)) == OF_TRIALS


def test_hypervolume_and_best_accuracy_are_those_of_the_trials_so_far(figures, run, pareto):
    volume, best = figures["hypervolume_trials"].data
    assert volume.x[0] == 0 and volume.x[-1] == len(run.trials)
    for ended, height, accuracy in zip(volume.x, volume.y, best.y, strict=True):
        so_far = [trial for trial in run.trials[:ended] if trial.eligible]
        assert height == pytest.approx(pareto.hypervolume(so_far), abs=1e-4)
        assert accuracy == (
            pytest.approx(max(t.score.val_accuracy for t in so_far), abs=1e-4) if so_far else None
        )
    assert volume.y[-1] == pytest.approx(run.front.hypervolume, abs=1e-4)
    assert figures["hypervolume_time"].data[0].x[-1] == pytest.approx(
        run.trials[-1].elapsed_seconds / 60, **CLOSE
    )


def test_each_rule_that_was_broken_has_its_candidates(figures, run):
    rows = {trace.name: list(trace.x) for trace in figures["verdicts"].data}
    broken = {"macs": [], "peak_sram_bytes": []}
    for trial in run.trials:
        for violation in trial.verdict.violations if trial.verdict else ():
            broken[violation.rule].append(trial.number)
    assert {rule: rows[rule] for rule in broken} == broken
    assert rows["trained"] == [
        trial.number for trial in run.trials if trial.status is Status.TRAINED
    ]
    assert rows["unparsable"] == [
        trial.number for trial in run.trials if trial.status is Status.UNPARSABLE
    ]
    assert sum(map(len, rows.values())) >= len(run.trials)


def test_proposals_stand_at_their_costs_and_limits_are_lines(figures, run, target):
    found = {trace.name: trace for trace in figures["proposals"].data}
    trained = [trial.verdict.cost for trial in run.trials if trial.status is Status.TRAINED]
    assert list(found["trained"].x) == pytest.approx([cost.macs / 1e6 for cost in trained], **CLOSE)
    assert list(found["trained"].y) == pytest.approx(
        [cost.peak_sram_bytes / 1024 for cost in trained], **CLOSE
    )
    upright, level = figures["proposals"].layout.shapes
    assert upright.x0 == upright.x1 == target.limits["macs"] / 1e6
    assert level.y0 == level.y1 == target.limits["peak_sram_bytes"] / 1024


def test_limits_show_shares_of_the_best_and_of_the_others_on_the_front(figures, run, target):
    bars, dots = figures["limits"].data
    cost = estimate_on(run.best.architecture, 10, target.platform)
    assert list(bars.x) == pytest.approx(
        [100 * getattr(cost, name) / limit for name, limit in target.limits.items()], **CLOSE
    )
    assert "MACs (M)<br>" in bars.y[0] and bars.y[0].endswith("of 6.00")
    assert len(dots.x) == len(target.limits) * (len(run.front.trials) - 1)


def test_operators_add_up_and_the_peak_is_named(figures, run, target):
    cost = estimate_on(run.best.architecture, 10, target.platform)
    assert sum(figures["operators"].data[0].y) * 1e6 == pytest.approx(cost.macs, **CLOSE)
    memory = figures["memory"]
    rows = operator_rows(run.best.architecture, 10, target.platform)
    assert list(memory.data[0].y) == pytest.approx([row.sram_bytes / 1024 for row in rows], **CLOSE)
    assert memory.layout.title.text.endswith(f"KiB, at {cost.peak_operator}")
    assert memory.layout.shapes[0].y0 == target.limits["peak_sram_bytes"] / 1024
    hatched = [
        row.name
        for row, shape in zip(rows, memory.data[0].marker.pattern.shape, strict=True)
        if shape
    ]
    assert hatched == [cost.peak_operator]


def test_what_a_runtime_allocates_beyond_what_is_in_use_is_a_line(run, setting, target, draw):
    tflm = replace(setting, target=replace(target, runtime="tflm"))

    def gap(trial):
        rows = operator_rows(trial.architecture, 10, tflm.target.platform)
        return estimate_on(trial.architecture, 10, tflm.target.platform).peak_sram_bytes - max(
            row.sram_bytes for row in rows
        )

    widest = max((trial for trial in run.trials if trial.eligible), key=gap)
    assert gap(widest) > 1024, "this network's buffers leave gaps"
    alone = replace(run, full=(), distilled=(), front=Front(hypervolume=0.5, trials=(widest,)))
    allocated = estimate_on(widest.architecture, 10, tflm.target.platform).peak_sram_bytes
    lines = draw(alone, tflm, known=False)["memory"].layout.shapes
    assert [line.y0 for line in lines if line.label.text] == [
        target.limits["peak_sram_bytes"] / 1024,
        allocated / 1024,
    ]


def test_latency_reaches_from_the_lowest_to_the_highest(figures, run, target):
    spans = [
        row.latency_ms
        for row in operator_rows(run.best.architecture, 10, target.platform)
        if row.latency_ms
    ]
    dots = figures["latency"].data[0]
    lows = [middle - below for middle, below in zip(dots.y, dots.error_y.arrayminus, strict=True)]
    highs = [middle + above for middle, above in zip(dots.y, dots.error_y.array, strict=True)]
    assert lows == pytest.approx([span.lowest for span in spans], rel=1e-3)
    assert highs == pytest.approx([span.highest for span in spans], rel=1e-3)


def test_each_neighbour_stands_once(figures, run, setting):
    here = Facts(run, setting).best.around
    traces = {trace.name: trace for trace in figures["neighbours"].data}
    assert sum(len(trace.x) for trace in traces.values()) == len(here.rows)
    over = [row for row in here.rows if not row.fits]
    assert list(traces["exceeds a limit"].x) == pytest.approx(
        [row.cost.macs / here.cost.macs for row in over], **CLOSE
    )


def test_curves_are_those_of_the_trainings(figures, run):
    accuracy, val_loss, train_loss = figures["curves"].data[-3:]
    curve = run.distilled[0].score.curve
    assert accuracy.name == "distillation 2" and list(accuracy.x) == list(range(1, 13))
    assert list(accuracy.y) == pytest.approx([100 * epoch.val_accuracy for epoch in curve], **CLOSE)
    assert list(val_loss.y) == pytest.approx([epoch.val_loss for epoch in curve], **CLOSE)
    assert list(train_loss.y) == pytest.approx([epoch.train_loss for epoch in curve], **CLOSE)


def wilson(share: float, images: int) -> tuple[float, float]:
    """Wilson 1927, written out."""
    z = 1.959964
    middle = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = (
        z / (1 + z**2 / images) * math.sqrt(share * (1 - share) / images + z**2 / (4 * images**2))
    )
    return middle - half, middle + half


def test_int8_has_intervals_where_images_are_counted(figures, run, setting, draw):
    validated, tested = figures["float_int8_1"].data
    assert list(validated.x) == [86.1, 84.2, 85.7] and list(tested.x) == [86.1, 85.3]
    assert (validated.name, tested.name) == ("1,000 validation images", "1,000 test images")
    low, high = wilson(0.853, 1000)
    assert tested.x[1] - tested.error_x.arrayminus[1] == pytest.approx(100 * low, **CLOSE)
    assert tested.x[1] + tested.error_x.array[1] == pytest.approx(100 * high, **CLOSE)
    uncounted = draw(replace(run, examination=None, tests=()), setting, known=False)[
        "float_int8_1"
    ].data
    assert len(uncounted) == 1 and set(uncounted[0].error_x.array) == {0}


def test_kernels_are_shares_of_all_instructions(figures, run):
    measured = run.deployments[0].deployed.measurement
    bars = figures["kernels_1"].data[0]
    assert [name.split("<br>")[0] for name in bars.y] == ["rows", "scale", "mean", "conv"]
    assert list(bars.x) == pytest.approx([4.462396, 0.346006, 0.116549, 0.019422], **CLOSE)
    assert bars.text[0] == f"{4462396 / measured.measured_instructions:.1%}"


def test_importances_bear_their_spread(figures):
    dots = figures["importances"].data[0]
    assert (list(dots.y), list(dots.x), list(dots.error_x.array)) == (
        ["stage1.channels", "stage2.kernel"],
        [40, 10],
        [5, 2],
    )


def test_blocks_show_loss_and_interval_in_the_order_of_the_network(figures):
    identity, pooled = figures["blocks"].data
    assert (list(identity.y), list(identity.x)) == (["stage1.1"], [-1.0])
    assert (list(pooled.x), list(pooled.error_x.array), list(pooled.error_x.arrayminus)) == (
        [50],
        [4],
        [3],
    )
    assert figures["blocks"].layout.yaxis.categoryarray == ("stage1.0", "stage1.1")
    assert figures["blocks"].layout.xaxis.range[0] < -2


def test_deletion_shows_both_orders_and_the_area(figures):
    first, random = figures["deletion"].data
    assert (list(first.x), list(first.y), list(random.y)) == (
        [0, 50, 100],
        [90, 30, 10],
        [90, 60, 10],
    )
    assert "0.150 (95 % interval 0.120 to 0.180)" in figures["deletion"].layout.title.text


def test_confusion_shows_shares_of_the_row_and_counts(figures):
    heat = figures["confusion"].data[0]
    assert [list(row) for row in heat.z] == [[80, 20, 0], [10, 90, 0], [0, 30, 70]]
    assert list(heat.customdata[2][1]) == ["a &lt;b&gt;bold&lt;/b&gt; bird", "dog", 3]
    assert figures["confusion"].layout.yaxis.autorange == "reversed"


def test_no_word_stands_on_the_confusion(figures):
    """Plotly writes the title of an axis with upright labels over the last row."""
    layout = figures["confusion"].layout
    assert layout.title.text.endswith("rows true, columns predicted")
    assert layout.xaxis.tickangle == -90 and not layout.xaxis.title.text


@pytest.mark.parametrize("most", [0, 2_000_000])
def test_the_picture_of_the_front_shows_every_trained_network_and_the_limit(run, most):
    drawn = front(run.trials, run.front.trials, {"macs": most} if most else {})
    found = {trace.name: trace for trace in drawn.data}
    assert list(found["front"].text) == [f"#{trial.number}" for trial in run.front.trials]
    assert list(found["front"].y) == pytest.approx(
        [100 * trial.score.val_accuracy for trial in run.front.trials], **CLOSE
    )
    trained = sum(trial.status is Status.TRAINED for trial in run.trials)
    assert sum(len(trace.x) for trace in drawn.data) == trained
    assert [line.x0 for line in drawn.layout.shapes] == ([most / 1e6] if most else [])


def test_of_many_classes_the_most_confused_are_shown(run, examined, setting, draw):
    counts = [[10 if true == given else 0 for given in range(25)] for true in range(25)]
    for place in range(5, 25):
        counts[place][(place + 1) % 25 or 5] += 5
    names = tuple(f"kind {place}" for place in range(25))
    seen = examined(run, names, tuple(map(tuple, counts)))
    found = draw(replace(run, examination=seen), setting, known=False)["confusion"]
    assert list(found.layout.xaxis.ticktext) == list(names[5:])
    assert found.layout.title.text.endswith("the 20 of 25 classes that are confused most")


def test_claims_are_counted_by_kind_and_truth(figures, run):
    claims = figures["claims"]
    # one claim of either kind in each
    made = sum(bool(trial.proposal.rationale) for trial in run.trials)
    assert [trace.name for trace in claims.data] == ["true", "false", "cannot be told"]
    assert list(claims.layout.yaxis.ticktext) == ["expected accuracy", "residual in"]
    assert [sum(column) for column in zip(*(trace.x for trace in claims.data), strict=True)] == [
        made,
        made,
    ]
    assert list(claims.data[1].x)[1] > 0 and list(claims.data[2].x)[1] == 0


def test_tokens_are_those_of_the_ledger(figures, run):
    found = {trace.name: sum(trace.x) for trace in figures["ledger"].data}
    assert found == {"prompt": 820 * len(run.trials), "completion": 334 * len(run.trials)}


def test_colour_never_stands_alone(run, setting, draw):
    for name, figure in draw(run, setting).items():
        shown = [
            trace for trace in figure.data if trace.showlegend is not False and len(figure.data) > 1
        ]
        for one, other in combinations(shown, 2):
            assert one.type != other.type or look(one) != look(other), (
                f"{name}: {one.name} and {other.name} look alike"
            )


def test_the_page_chooses_the_colours_of_text_and_paper(figures):
    for name, figure in figures.items():
        layout = figure.layout.to_plotly_json()
        assert not {"paper_bgcolor", "plot_bgcolor"} & set(layout), name
        fonts = [
            layout.get("font", {}),
            *(note.get("font", {}) for note in layout.get("annotations", ())),
        ]
        assert not any("color" in font for font in fonts), name
