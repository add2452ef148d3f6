"""Cells of NAS-Bench-201: their edges, how they are written and read, their space, and what they
cost.
"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.cost import CandidateCost, Cost, Platform
from lmanet.errors import ArchitectureError, ConfigError
from lmanet.propose.llm.reply import parse_reply
from lmanet.run.records import Proposal, Verdict
from lmanet.space import Cell, CellSpace, architecture_id, estimate_on, load_space, staged
from lmanet.space.cells.cell import OPERATIONS
from lmanet.train.lookup.nasbench import NUM_CLASSES, load_table

CELLS = CellSpace()
SPACES = {"nasbench201": CELLS, **{name: load_space(name) for name in ("lmanet", "mcu")}}
SEEDS = st.integers(0, 2**32 - 1)
BEST = Cell(
    operations=(
        "nor_conv_3x3",
        "nor_conv_3x3",
        "nor_conv_3x3",
        "skip_connect",
        "nor_conv_3x3",
        "nor_conv_3x3",
    )
)
NEEDS_A_KEY = "01 missing; 02 missing; 12 missing; 03 missing; 13 missing; 23 missing"


def cell_of(key: str) -> Cell:
    return Cell(operations=tuple(OPERATIONS[int(digit)] for digit in key))


def test_a_cell_is_written_as_its_authors_write_it():
    """The first network of the benchmark's own list, which is the first of the table, too."""
    first = cell_of(next(iter(load_table("cifar100"))))
    assert (
        first.text == "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )


def test_the_table_counts_edges_as_we_do():
    """Without a way from node 0 to node 3 nothing can be learnt, and only then."""
    ways = ((3,), (0, 4), (1, 5), (0, 2, 5))
    for key, row in load_table("cifar100").items():
        connected = any(all(key[edge] != "0" for edge in way) for way in ways)
        assert (max(row["val_acc"]) > 2) == connected


@pytest.mark.parametrize(("dataset", "num_classes"), NUM_CLASSES.items())
def test_the_formula_gives_the_parameters_of_every_network_of_the_table(dataset, num_classes):
    """Of 204 networks the table gives two sizes, one of them another network's; ours is always
    among them.
    """
    mixed = 0
    for key, row in load_table(dataset).items():
        millions = estimate_on(cell_of(key), num_classes, Platform()).params / 1e6
        assert min(abs(millions - size) for size in row["model_size"]) < 1e-9, key
        mixed += len(set(row["model_size"])) > 1
    assert mixed == 204


def test_macs_are_the_published_ones():
    """15.64737 and 220.12 million with the ten biases of the classifier, by the authors' own count
    for CIFAR-10.
    """
    assert estimate_on(cell_of("421211"), 10, Platform()) == CandidateCost(
        macs=15_647_370 - 10, params=129_306
    )
    assert estimate_on(cell_of("333333"), 10, Platform()).macs / 1e6 == pytest.approx(
        220.12, abs=0.005
    )


def test_a_cell_for_small_images_costs_a_quarter_of_the_macs():
    small, large = (estimate_on(BEST, classes, Platform()).macs for classes in (120, 100))
    assert 4 * (small - 64 * 120) == large - 64 * 100


def test_a_cell_for_images_of_unknown_size_has_no_cost():
    with pytest.raises(ConfigError, match="no data set of 7 classes; legal are 10, 100, 120"):
        estimate_on(BEST, 7, Platform())


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@given(seed=SEEDS)
def test_every_space_reads_back_what_it_has_flattened(space, seed):
    rng = np.random.default_rng(seed)
    drawn = space.sample(rng)
    values = space.flatten(drawn)
    assert all(value in space.choices()[name] for name, value in values.items())
    assert space.unflatten(values) == drawn
    assert space.contains(mutant := space.mutate(drawn, rng)) and mutant != drawn
    assert space.parse(json.loads(space.write_proposal(drawn, "json"))) == drawn


def test_choices_have_flat_names():
    assert list(CELLS.choices()) == ["edge01", "edge02", "edge12", "edge03", "edge13", "edge23"]
    mcu = SPACES["mcu"].choices()
    assert mcu["stem.present"] == (False, True)
    assert {"num_stages", "resolution", "stem.channels", "stage3.kernel"} <= set(mcu)
    assert (
        f"stage{max(mcu['num_stages'])}.kernel" in mcu
        and f"stage{max(mcu['num_stages']) + 1}.kernel" not in mcu
    )


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_missing_or_illegal_choice_is_refused(space):
    values = space.flatten(space.sample(np.random.default_rng(0)))
    name = next(iter(values))
    with pytest.raises(ArchitectureError, match="missing"):
        space.unflatten({key: value for key, value in values.items() if key != name})
    with pytest.raises(ArchitectureError):
        space.unflatten({**values, name: "nonsense"})


def test_a_proposal_is_short_and_reads_back():
    reply = CELLS.write_proposal(BEST)
    assert reply == '{"01":"conv3","02":"conv3","12":"conv3","03":"skip","13":"conv3","23":"conv3"}'
    assert parse_reply(f"Sure: {reply}", CELLS) == BEST
    assert (
        CELLS.parse(BEST.model_dump(mode="json"))
        == CELLS.parse(dict(zip(json.loads(reply), BEST.operations, strict=True)))
        == BEST
    )
    assert list(CELLS.json_schema()["properties"]) == list(json.loads(reply))
    assert CELLS.describe().splitlines()[0] == '01: "none" | "skip" | "conv1" | "conv3" | "pool3"'


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("{}", 'no JSON object with "01"'),
        (
            '{"01": "conv5"}',
            '02 missing.*01="conv5", legal values are none, skip, conv1, conv3, pool3',
        ),
        ('{"01": ["conv3"], "99": "skip"}', '"99" is no edge, legal are 01, 02'),
        ('{"operations": ["none"]}', NEEDS_A_KEY),
        ('{"operations": 3}', NEEDS_A_KEY),
        ("no", 'no JSON object with "01"'),
    ],
)
def test_what_is_no_cell_is_refused_with_its_reason(reply, reason):
    with pytest.raises(ArchitectureError, match=reason):
        parse_reply(reply, CELLS)


def test_there_are_15625_cells_each_with_24_neighbours():
    assert CELLS.size == 15_625 == len({cell_of(key).key for key in load_table("cifar10")})
    assert (
        len({architecture_id(cell) for cell in CELLS.neighbours(BEST)} - {architecture_id(BEST)})
        == 24
    )


def test_neither_space_takes_the_other_kind():
    network = SPACES["lmanet"].sample(np.random.default_rng(0))
    assert CELLS.violations(network) and SPACES["lmanet"].violations(BEST)
    with pytest.raises(ArchitectureError, match="not a cell"):
        CELLS.flatten(network)
    with pytest.raises(ConfigError, match=r"stages=\[search\]"):
        staged(BEST)


def test_both_kinds_survive_the_history():
    for space in SPACES.values():
        drawn = space.sample(np.random.default_rng(1))
        proposal = Proposal(proposer="test", architecture=drawn)
        verdict = Verdict(accepted=True, cost=estimate_on(drawn, 10, Platform()))
        assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal
        read = Verdict.model_validate_json(verdict.model_dump_json())
        assert read == verdict and type(read.cost) is (CandidateCost if space is CELLS else Cost)
