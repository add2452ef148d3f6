"""Which class a line of a history is read as; nothing in the line names it."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from lmanet.cost import CandidateCost, Cost
from lmanet.errors import ConfigError
from lmanet.network import Architecture, Candidate
from lmanet.run.records import Proposal, Verdict
from lmanet.space import Cell, TableCandidate

# As runs wrote them before there was a common base of candidates and of costs.
CELL = '{"operations":["none","skip_connect","nor_conv_1x1","nor_conv_3x3","avg_pool_3x3","none"]}'
STAGE = (
    '{"block":"conv","channels":8,"kernel":3,"stride":1,"expansion":1,"se_ratio":0.0,'
    '"skip":false,"activation":"relu6","layers":1}'
)
NETWORK = f'{{"resolution":32,"padding":"same","stem":null,"stages":[{STAGE}],"head":null}}'
CELL_COST = '{"macs":1,"params":2}'
COST = (
    '{"macs":1,"params":2,"runtime":"tflm","peak_sram_bytes":3,"flash_bytes":4,'
    '"peak_operator":"stem","estimated_instructions":null,"estimated_latency_ms":null}'
)


@dataclass(frozen=True, slots=True)
class Energy(CandidateCost):
    energy_uj: float


class Knot(TableCandidate):
    kind = "a knot"

    loops: tuple[int, ...]
    tight: bool = False

    def cost(self, num_classes: int) -> Energy:
        return Energy(macs=1, params=2, energy_uj=0.5)


def proposal(architecture: str) -> Proposal:
    return Proposal.model_validate_json(f'{{"proposer":"x","architecture":{architecture}}}')


def verdict(cost: str) -> Verdict:
    return Verdict.model_validate_json(f'{{"accepted":true,"cost":{cost}}}')


@pytest.mark.parametrize(("line", "kind"), [(CELL, Cell), (NETWORK, Architecture)])
def test_a_line_of_an_earlier_run_is_read_and_written_to_the_byte(line, kind):
    read = proposal(line)
    assert type(read.architecture) is kind
    assert read.architecture.model_dump_json() == line and line in read.model_dump_json()


@pytest.mark.parametrize(("line", "kind"), [(CELL_COST, CandidateCost), (COST, Cost)])
def test_a_cost_of_an_earlier_run_is_read_and_written_to_the_byte(line, kind):
    read = verdict(line)
    # Later fields come after those that there were.
    assert type(read.cost) is kind and line.removesuffix("}") in read.model_dump_json()


def test_a_line_without_later_fields_is_read():
    assert proposal(f'{{"stages":[{STAGE}]}}').architecture.resolution == 160
    assert proposal('{"loops":[1,2]}').architecture == Knot(loops=(1, 2))
    before = {name: value for name, value in json.loads(COST).items() if "estimated" not in name}
    assert type(verdict(json.dumps(before)).cost) is Cost


def test_a_new_spaces_candidate_and_cost_keep_their_class_and_all_figures():
    knot = Knot(loops=(3,), tight=True)
    assert proposal(knot.model_dump_json()).architecture == knot
    said = Verdict(accepted=True, cost=knot.cost(10))
    read = Verdict.model_validate_json(said.model_dump_json())
    assert type(read.cost) is Energy and read == said and read.cost.energy_uj == 0.5


@pytest.mark.parametrize(
    ("read", "line"),
    [(proposal, '{"rungs":3}'), (proposal, "{}"), (verdict, '{"macs":1,"params":2,"joules":3}')],
)
def test_a_line_of_a_space_that_is_not_loaded_is_refused(read: Any, line: str):
    """And not read as a class that knows a part of it."""
    with pytest.raises(ValidationError, match="no search space that is loaded has the fields"):
        read(line)


def test_a_fault_within_a_candidate_is_named():
    with pytest.raises(ValidationError, match="kernel=4: input should be 1, 3, 5 or 7"):
        proposal(NETWORK.replace('"kernel":3', '"kernel":4'))


def test_a_kind_with_the_fields_of_another_is_refused_when_it_is_written():
    with pytest.raises(
        ConfigError, match=r"has the same fields as lmanet\.space\.cells\.cell\.Cell"
    ):

        class Rope(TableCandidate):
            operations: tuple[str, ...]

            def cost(self, num_classes: int) -> CandidateCost:
                return CandidateCost(1, 2)


def test_a_module_that_is_loaded_again_replaces_its_kind():
    kinds = []
    for _ in range(2):

        class Bead(Candidate):
            size_of_bead: int

            @property
            def network(self) -> Architecture:
                return proposal(NETWORK).architecture

        kinds.append(Bead)
    assert type(proposal('{"size_of_bead":1}').architecture) is kinds[1]
