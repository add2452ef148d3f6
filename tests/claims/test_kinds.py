"""Claims as records: what a history of an earlier version holds, and what a model may write."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from lmanet.claims.claim import Claim, Facts, Known, Scope, kinds, read_claim
from lmanet.claims.kinds import Rationale
from lmanet.cost import estimate
from lmanet.network import load_architecture
from lmanet.run.quantities import QUANTITIES, Quantity
from lmanet.space import CellSpace, load_space

# As the version before one class a claim wrote them.
OLD = (
    '{"claims":[{"claim":"residual_in","stages":[2,3]},{"claim":"stride_1_in","stages":[1]},'
    '{"claim":"se_in","stages":[4]},{"claim":"downsamples_early"},{"claim":"widens_late"},'
    '{"claim":"small_expansion"},{"claim":"peak_memory_at","part":"stage2"},'
    '{"claim":"cheaper_than_parent","quantity":"macs","by_percent":20.0},'
    '{"claim":"expected_accuracy","expected":"higher","than":"best"}],'
    '"text":"It is small.","faults":["x"]}'
)


def test_the_rationale_of_an_old_history_is_read_and_written_to_the_letter():
    found = Rationale.model_validate_json(OLD)
    assert found.model_dump_json() == OLD
    assert {type(claim) for claim in found.claims} == set(kinds().values())


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        ({"claim": "se_in", "stages": ["2"]}, "valid integer"),
        ({"claim": "se_in", "stages": [True]}, "valid integer"),
        ({"claim": "se_in", "stages": "2"}, "valid tuple"),
        ({"claim": "se_in", "stages": [17]}, "less than or equal to 16"),
        ({"claim": "cheaper_than_parent", "quantity": "macs", "by_percent": "20"}, "valid number"),
        ({"claim": "widens_late", "stages": [2]}, "not permitted"),
        ({"claim": "peak_memory_at", "part": "\ud800"}, "unicode"),
        ({"claim": ["se_in"]}, "is unknown; legal are residual_in"),
        ("se_in", "is unknown; legal are residual_in"),
    ],
)
def test_what_a_model_writes_is_not_coerced(claim, fault):
    with pytest.raises((ValidationError, ValueError), match=fault):
        read_claim(claim)


@pytest.mark.parametrize("name", ["lmanet", "mcu"])
def test_the_example_in_the_prompt_is_the_claim_with_its_words_side_by_side(name):
    scope = Scope(load_space(name), ("macs", "flash_bytes"), has_parent=True)
    for kind in kinds().values():
        example = json.loads(json.dumps(kind.example_in(scope)))
        said = {k: v.split("|")[0] if isinstance(v, str) else v for k, v in example.items()}
        assert isinstance(read_claim(said), kind) and read_claim(said).words()


def test_of_cells_only_claims_without_stages_are_offered():
    scope = Scope(CellSpace(), (), has_parent=False)
    offered = [name for name, kind in kinds().items() if kind.schema_in(scope)]
    assert offered == ["expected_accuracy"]
    assert all(
        isinstance(kind.meaning, str) and issubclass(kind, Claim) for kind in kinds().values()
    )


def test_a_saving_of_a_quantity_that_was_added_can_be_claimed(monkeypatch):
    claim = {"claim": "cheaper_than_parent", "quantity": "additions", "by_percent": 10}
    with pytest.raises(ValidationError, match="should be macs, params"):
        read_claim(claim)
    added = Quantity("additions", "additions", "additions", "min", "formula", compute=len)
    monkeypatch.setitem(QUANTITIES, added.name, added)
    network = load_architecture("lmanet_elite")
    own, parent = (
        Known(replace(estimate(network, 100), added={"additions": number})) for number in (80, 100)
    )
    found = read_claim(claim).check(Facts(network, own, find_parent=lambda: parent))
    assert found.holds and found.reason == "80 against the parent's 100: 20.0 % less"
