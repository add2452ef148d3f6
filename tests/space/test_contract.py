"""What every search space must do: each option of conf/space, and two spaces that keep almost all
defaults.
"""

import json
import pickle
from pathlib import Path
from typing import get_args

import jsonschema
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.cost import CandidateCost, Platform
from lmanet.errors import ArchitectureError, ConfigError
from lmanet.network import Architecture, Candidate, Stage
from lmanet.propose import Prompt
from lmanet.run.brief import Brief
from lmanet.run.records import Proposal, Verdict
from lmanet.space import (
    Form,
    SearchSpace,
    TableCandidate,
    architecture_id,
    estimate_on,
    short_number,
    staged,
)
from lmanet.space.cells.cell import EDGES, Cell
from lmanet.space.cells.space import CellSpace

CONF = Path(__file__).parents[2] / "conf" / "space"
CLASSES = 10


class Column(Candidate):
    """A network of equal stages."""

    kind = "a column"

    channels_of_all: int
    stages_of_all: int

    @property
    def network(self) -> Architecture:
        stage = Stage(
            block="conv",
            channels=self.channels_of_all,
            kernel=3,
            stride=2,
            expansion=1,
            se_ratio=0.0,
            skip=False,
            activation="relu6",
            layers=1,
        )
        return Architecture(resolution=32, stages=(stage,) * self.stages_of_all)


class ColumnSpace(SearchSpace):
    candidate_type = Column
    name: str = "column"

    def choices(self) -> dict[str, tuple[int, ...]]:
        return {"channels_of_all": (8, 16), "stages_of_all": (1, 2, 3)}


class Shelf(TableCandidate):
    kind = "a shelf"

    boards: int
    painted: bool

    def cost(self, num_classes: int) -> CandidateCost:
        return CandidateCost(macs=1000 * self.boards, params=10 * self.boards + num_classes)


class ShelfSpace(SearchSpace):
    candidate_type = Shelf
    name: str = "shelf"

    def choices(self) -> dict[str, tuple[int | bool, ...]]:
        return {"boards": (0, 1, 2), "painted": (False, True)}


def _shipped(option: str) -> SearchSpace:
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        space = instantiate(compose(f"space/{option}").space)
    assert isinstance(space, SearchSpace)
    return space


SPACES = {path.stem: _shipped(path.stem) for path in sorted(CONF.glob("*.yaml"))}
SPACES |= {"column": ColumnSpace(), "shelf": ShelfSpace()}


@pytest.fixture(params=SPACES.values(), ids=SPACES)
def space(request: pytest.FixtureRequest) -> SearchSpace:
    space: SearchSpace = request.param
    return space


@pytest.fixture
def drawn(space: SearchSpace) -> list[Candidate]:
    rng = np.random.default_rng(4)
    return [space.sample(rng) for _ in range(8)]


def test_a_space_bears_the_name_of_its_option(space):
    assert space.name in SPACES and SPACES[space.name] == space


def test_what_a_seed_draws_is_legal_and_the_same_again(space, drawn):
    rng = np.random.default_rng(4)
    assert drawn == [space.sample(rng) for _ in range(8)]
    assert all(type(each) is space.candidate_type and space.contains(each) for each in drawn)


def test_a_mutant_is_another_network_of_the_space(space, drawn):
    rng = np.random.default_rng(5)
    for parent in drawn:
        mutant = space.mutate(parent, rng)
        assert space.contains(mutant) and architecture_id(mutant) != architecture_id(parent)


def test_a_space_with_a_mutation_of_its_own_draws_as_all_others_do(space, drawn):
    for number, parent in enumerate(drawn):
        mutants = [
            mutate(space, parent, np.random.default_rng(number))
            for mutate in (type(space).mutate, SearchSpace.mutate)
        ]
        assert mutants[0] == mutants[1]


def test_a_space_has_the_same_around_a_network_made_at_once_or_when_looked_at(space, drawn):
    around, neighbours = space.around(drawn[0]), list(space.neighbours(drawn[0]))
    assert list(around) == neighbours and len(around) == len(neighbours)
    assert list(around[1:3]) == neighbours[1:3]


def test_every_neighbour_differs_and_says_in_what(space, drawn):
    for other in list(space.neighbours(drawn[0]))[:60]:
        assert other != drawn[0] and space.change_text(drawn[0], other)


def test_a_space_that_says_so_has_legal_neighbours_alone(space, drawn):
    around = [other for each in drawn[:3] for other in space.neighbours(each)]
    assert not space.is_closed or all(map(space.contains, around))


def test_a_narrower_space_checks_the_neighbours_that_it_inherits():
    class Few(CellSpace):
        def violations(self, candidate: Candidate) -> list[str]:
            return ["none"] * ("none" in candidate.operations)

    space, rng = Few(), np.random.default_rng(0)
    cell = Cell(operations=("skip_connect",) * len(EDGES))
    for _ in range(40):
        assert space.contains(cell := space.mutate(cell, rng))


def test_the_fields_of_a_neighbour_are_changes_of_choices(space, drawn):
    for other in list(space.neighbours(drawn[0]))[:60]:
        changed = space.changes(drawn[0], other)
        assert all(space.write_choices(other)[name] == value for name, value in changed.items())


def test_legal_values_are_read_back_from_the_flat_choices(space, drawn):
    legal = space.choices()
    for each in drawn:
        values = space.flatten(each)
        assert all(value in legal[name] for name, value in values.items())
        assert space.unflatten(values) == each
    assert len({architecture_id(each) for each in drawn}) <= space.size


@pytest.mark.parametrize("form", get_args(Form))
def test_a_written_proposal_keeps_the_schema_and_reads_back(space, drawn, form):
    schema = space.json_schema(form)
    jsonschema.Draft202012Validator.check_schema(schema)
    for each in drawn:
        text = space.write_proposal(each, form)
        data = json.loads(text)
        jsonschema.validate(data, schema)
        read = space.parse(data)  # but for fields without effect, which a line leaves out
        assert "\n" not in text and architecture_id(read) == architecture_id(each)
        assert space.write_proposal(read, form) == text
        assert any(mark in data for mark in space.marks)


@pytest.mark.parametrize("data", [None, [], "x", 3, {}, {"nonsense": 1}], ids=repr)
def test_what_is_no_proposal_is_refused_with_a_reason(space, data):
    with pytest.raises(ArchitectureError, match=r"not an? |missing"):
        space.parse(data)


def test_a_value_that_is_not_legal_is_refused(space, drawn):
    values = space.flatten(drawn[0])
    for name in values:
        with pytest.raises(ArchitectureError):
            space.unflatten({**values, name: "nonsense"})


def test_a_space_takes_no_other_kind_of_candidate(space):
    for other in SPACES.values():
        candidate = other.sample(np.random.default_rng(0))
        if type(candidate) is not space.candidate_type:
            (reason,) = space.violations(candidate)
            assert reason == f"{candidate.kind}, not {space.candidate_type.kind}"
            assert not space.contains(candidate)


def test_a_candidate_and_its_cost_survive_the_history(space, drawn):
    for each in drawn:
        proposal = Proposal(proposer="test", architecture=each)
        read = Proposal.model_validate_json(proposal.model_dump_json())
        assert read == proposal and type(read.architecture) is type(each)
        assert Proposal.model_validate(proposal.model_dump()) == proposal
        cost = estimate_on(each, CLASSES, Platform())
        verdict = Verdict(accepted=True, cost=cost)
        again = Verdict.model_validate_json(verdict.model_dump_json())
        assert again == verdict and type(again.cost) is type(cost)
        assert pickle.loads(pickle.dumps(each)) == each and len(architecture_id(each)) == 12


def test_the_space_says_what_is_known_of_its_candidates(space, drawn):
    cost = estimate_on(drawn[0], CLASSES, Platform())
    assert cost.names() == space.quantities and set(cost.told) <= cost.quantities().keys()
    assert {"macs", "params"} <= cost.quantities().keys()
    if space.has_networks:
        assert architecture_id(staged(drawn[0])) == architecture_id(drawn[0])
        return
    with pytest.raises(ConfigError, match=rf"is {drawn[0].kind}, which cannot be trained"):
        staged(drawn[0])


def test_the_beginning_of_the_prompt_holds_the_task_the_space_and_an_example(space, drawn):
    brief = Brief(space=space, seed=0, images="pictures of hats", num_classes=CLASSES, limits={})
    opening = Prompt(max_attempts=1).opening(brief, drawn[0])
    parts = ("pictures of hats", "- none", space.describe(), space.write_proposal(drawn[0]))
    assert all(part in opening for part in (*parts, space.guidance))
    cost = estimate_on(drawn[0], CLASSES, brief.platform)
    assert f"macs {short_number(cost.macs)}, params {short_number(cost.params)}" in opening


def test_what_was_never_tried_is_told_by_the_names_of_the_coverage(space, drawn):
    legal = dict(space.coverage())
    for name, value in space.covered(drawn[0]):
        assert name not in legal or value in legal[name]
    assert set(legal) & {name for name, _ in space.covered(drawn[0])}


def test_a_parts_name_in_a_claim_is_that_of_its_cost(space, drawn):
    if space.outline is None:
        return
    assert estimate_on(drawn[0], CLASSES, Platform()).peak.operator.partition(".")[0] in (
        space.outline.parts
    )


def test_true_is_not_1():
    shelf = SPACES["shelf"]
    assert shelf.parse({"boards": 1.0, "painted": True}) == Shelf(boards=1, painted=True)
    for data in ({"boards": True, "painted": True}, {"boards": 1, "painted": 1}):
        with pytest.raises(ArchitectureError, match="legal values are"):
            shelf.parse(data)
