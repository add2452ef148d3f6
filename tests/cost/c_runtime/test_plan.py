"""The planner of the static arena: small cases by hand, and what must hold of every plan."""

import itertools
import time
from math import prod

import numpy as np
import pytest

from lmanet.cost import CStaticOptions
from lmanet.cost.c_runtime import plan as c_static
from lmanet.cost.c_runtime.plan import ARENA_ALIGNMENT, lay_out, plan_c_static
from lmanet.cost.c_runtime.steps import c_steps
from lmanet.cost.c_runtime.work import Work
from lmanet.network import Operator
from lmanet.network.graph import INPUT, operators
from lmanet.space import load_space

PLAIN = CStaticOptions(fuse=False, in_place=False, reorder=False)
ALL_OPTIONS = [CStaticOptions(*choice) for choice in itertools.product((False, True), repeat=3)]


def operator(name, kind, inputs, channels, outputs, **fields):
    """On a map of 8 x 8 pixels."""
    return Operator(name, kind, inputs, (channels, 8, 8), (outputs, 8, 8), **fields)


DEPTHWISE = operator("a.depthwise", "depthwise", (INPUT,), 4, 4, kernel=3, padding=(1, 1))
WIDEN = operator("a.conv", "conv", (INPUT,), 4, 8)
BLOCK = (
    operator("a.expand", "conv", (INPUT,), 4, 16),
    operator("a.depthwise", "depthwise", ("a.expand",), 16, 16, kernel=3, padding=(1, 1)),
    operator("a.project", "conv", ("a.depthwise",), 16, 4),
    operator("a.add", "add", ("a.project", INPUT), 4, 4),
)
WIDE = operator("a.expand", "conv", (INPUT,), 4, 16, kernel=3, padding=(1, 1))
FUSED = (WIDE, BLOCK[2]._replace(inputs=("a.expand",)), BLOCK[3])
SAME = operator("a.conv", "conv", (INPUT,), 4, 4, kernel=3, padding=(1, 1))
RESIDUAL = (SAME, operator("a.add", "add", ("a.conv", INPUT), 4, 4))


@pytest.mark.parametrize(
    ("graph", "options", "arena_bytes"),
    [
        # 256 image, 256 result; scratch 3 rows x 4 channels x 12 = 144 and 8: 664, up to a multiple
        # of 16
        ((DEPTHWISE,), PLAIN, 672),
        # The result takes the image's place: 256 + 152 = 408.
        ((DEPTHWISE,), CStaticOptions(), 416),
        # 256 image, 512 result; scratch 4 pixels x 4 inputs x 2 = 32
        ((WIDEN,), PLAIN, 800),
        # Before the last block 60 x 8 bytes are written and 60 x 4 read: the image starts 240 after
        # the result, and ends within it.
        ((WIDEN,), CStaticOptions(), 544),
        # The depthwise: 256 image, kept for the sum; 1024 and 1024; scratch 3 x 16 x 12 = 576 and
        # 8: 2888
        (BLOCK, PLAIN, 2896),
        # 256 and 256; scratch 576 rows, 4 x 16 x 2 = 128 column, 4 x 4 = 16 sums: 1232
        (BLOCK, CStaticOptions(in_place=False, reorder=False), 1232),
        # 256 + 720
        (BLOCK, CStaticOptions(), 976),
        # 1024; scratch of the first 4 x 36 x 2 = 288; after it 256 image, kept for the sum; scratch
        # of the second 4 x 16 x 2 = 128
        (FUSED, PLAIN, 1696),
        # 256 and 256; scratch 4 x 36 x 2 = 288 columns, 4 x 16 = 64 between the two convolutions:
        # 864
        (FUSED, CStaticOptions(in_place=False, reorder=False), 864),
        # Row and a half of pixels written before a row is read for the last time: (8 r + 4) x 4 -
        # (r - 1) x 32 = 48; 256 + 48 + 352
        (FUSED, CStaticOptions(), 656),
        # 256 image, kept for the sum; 256; scratch 288
        (RESIDUAL, CStaticOptions(fuse=False), 800),
        # 256 + 48; scratch 288 and 4 x 4 = 16 sums
        (RESIDUAL, CStaticOptions(), 608),
    ],
)
def test_small_arenas_by_hand(graph, options, arena_bytes):
    assert plan_c_static(graph, options).arena_bytes == arena_bytes


def test_offsets_by_hand():
    plan = plan_c_static((WIDEN,), CStaticOptions())
    assert (plan.offsets, plan.scratch_offsets, plan.step_bytes) == (
        {"a.conv": 0, INPUT: 240},
        (512,),
        (544,),
    )
    assert [step.kind for step in plan_c_static(BLOCK).steps] == ["rows"]
    assert [step.kind for step in plan_c_static(BLOCK, PLAIN).steps] == [
        "conv",
        "rows",
        "conv",
        "add",
    ]


@pytest.mark.parametrize(
    ("stages", "calls"),
    [
        ([{"block": "conv"}], ["conv"]),
        ([{"block": "conv", "skip": True, "layers": 2}], ["conv", "pixels"]),
        ([{"block": "fused", "expansion": 2}], ["pixels"]),
        (
            [{"block": "fused", "expansion": 2, "skip": True, "layers": 2}],
            ["pixels", "conv", "add", "pixels"],
        ),
        (
            [{"block": "fused", "expansion": 2, "se_ratio": 0.5}],
            ["conv", "mean", "conv", "conv", "scale", "conv"],
        ),
        # A projection stays with its own block, the expansion of the next with that.
        ([{"block": "fused", "expansion": 2}, {}], ["pixels", "rows"]),
        ([{"block": "conv"}, {"block": "mbconv", "expansion": 2}], ["conv", "rows"]),
    ],
)
def test_the_operators_of_a_block_run_in_one_call(make, stages, calls):
    assert [step.kind for step in c_steps(operators(make(*stages), 10))] == [*calls, "mean", "conv"]


def test_the_branch_that_needs_less_runs_first():
    """The depthwise needs 1024 and 584 of scratch: beside the block's input of 1024, or where the
    skip ran first, its result of 256.
    """
    graph = (
        operator("stem.conv", "conv", (INPUT,), 3, 16),
        operator("a.expand", "conv", ("stem.conv",), 16, 16),
        operator("a.depthwise", "depthwise", ("a.expand",), 16, 16, kernel=3, padding=(1, 1)),
        operator("a.project", "conv", ("a.depthwise",), 16, 4),
        operator("a.skip", "conv", ("stem.conv",), 16, 4),
        operator("a.add", "add", ("a.project", "a.skip"), 4, 4),
    )
    given, moved = (
        plan_c_static(graph, CStaticOptions(fuse=False, reorder=reorder))
        for reorder in (False, True)
    )
    assert (given.arena_bytes, moved.arena_bytes) == (2640, 1872)
    assert [step.output for step in given.steps] == [each.name for each in graph]
    assert [step.output for step in moved.steps] == [graph[i].name for i in (0, 4, 1, 2, 3, 5)]


def random_graphs(number):
    for space, seed in itertools.product(("lmanet", "mcu"), range(number)):
        choices = {"padding": [("same", "torch")[seed % 2]]}
        yield operators(load_space(space, choices).sample(np.random.default_rng(seed)), 100)


def buffers(plan, graph):
    """Name, first and last step, first byte and end of all tensors and scratch; a name of scratch
    is its step's number.
    """
    last = {name: i for i, step in enumerate(plan.steps) for name in step.inputs}
    yield INPUT, -1, last[INPUT], plan.offsets[INPUT], plan.offsets[INPUT] + prod(graph[0].in_shape)
    for i, step in enumerate(plan.steps):
        start, scratch = plan.offsets[step.output], plan.scratch_offsets[i]
        yield (
            step.output,
            i,
            last.get(step.output, len(plan.steps)),
            start,
            start + step.output_bytes,
        )
        yield i, i, i, scratch, scratch + step.scratch_bytes


def may_overlap(plan, options, first, second):
    """Whether ``second`` is made over ``first``, which dies there, as far before it as the kernel
    needs.
    """
    (name, _, last, start, _), (made, step_number, _, made_start, _) = first, second
    if not options.in_place or not isinstance(made, str) or last != step_number:
        return False
    step = plan.steps[step_number]
    dying = [each for each in step.inputs[: 2 if step.kind == "add" else 1] if each == name]
    distance = step.distance
    return bool(dying) and distance is not None and made_start + distance <= start


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=str)
def test_what_is_kept_is_not_overwritten(options):
    for graph in random_graphs(8):
        plan = plan_c_static(graph, options)
        placed = list(buffers(plan, graph))
        made = [INPUT]
        for step in plan.steps:
            assert set(step.inputs) <= set(made)
            made.append(step.output)
        assert [
            each.name for step in plan.steps for each in step.operators if each.name == step.output
        ] == made[1:]
        for first, second in itertools.combinations(placed, 2):
            together = first[1] <= second[2] and second[1] <= first[2]
            if together and first[3] < second[4] and second[3] < first[4]:
                assert may_overlap(plan, options, first, second) or may_overlap(
                    plan, options, second, first
                ), (first, second)
        assert all(
            start % 4 == 0 and start >= 0 and end <= plan.arena_bytes
            for _, _, _, start, end in placed
        )
        assert (
            plan.arena_bytes <= sum(end - start + 3 for *_, start, end in placed) + ARENA_ALIGNMENT
        )
        if not options.in_place:
            alive = [
                sum(end - start for _, one, other, start, end in placed if one <= i <= other)
                for i in range(len(plan.steps))
            ]
            assert max(alive) <= plan.arena_bytes


def test_every_option_saves_memory_and_none_costs_any():
    saved = {"fuse": 0, "in_place": 0, "reorder": 0}
    for graph in random_graphs(25):
        most = plan_c_static(graph, CStaticOptions()).arena_bytes
        for name in saved:
            without = plan_c_static(graph, CStaticOptions(**{name: False})).arena_bytes
            assert most <= without, (name, graph[0])
            saved[name] += most < without
    assert saved["fuse"] > 15 and saved["in_place"] > 40 and saved["reorder"] > 0, saved


class Thorough(Work):
    """Every buffer is placed, and nothing is known beforehand of what a layout takes."""

    least_bytes = 0

    def __init__(self, steps, in_place):
        super().__init__(steps, in_place)
        self.bound = [0] * len(steps)

    def decisive(self, order):
        return order


@pytest.mark.parametrize(
    ("options", "count"),
    [(CStaticOptions(), 60), *((options, 8) for options in ALL_OPTIONS)],
    ids=str,
)
def test_what_is_left_out_decides_nothing(options, count, monkeypatch):
    graphs = list(random_graphs(count))
    quick = [lay_out(graph, options) for graph in graphs]
    plans = [layout.plan for layout in quick]
    monkeypatch.setattr(c_static, "Work", Thorough)
    for graph, layout, plan in zip(graphs, quick, plans, strict=True):
        thorough = lay_out(graph, options)
        assert plan == thorough.plan
        assert (layout.arena_bytes, layout.peak, layout.peak_operators) == (
            plan.arena_bytes,
            thorough.peak,
            thorough.peak_operators,
        )
    placed = sum(len(layout.work.decisive(layout.order)) for layout in quick)
    assert placed < 0.6 * sum(len(layout.order) for layout in quick)


def test_a_layout_takes_few_milliseconds():
    graphs = list(random_graphs(20))
    start = time.process_time()
    for graph in graphs:
        lay_out(graph, CStaticOptions())
    # six times what it takes on a busy machine
    assert time.process_time() - start < 0.012 * len(graphs)
