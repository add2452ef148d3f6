"""Reasons beside a choice: asked for in words and schema, read leniently, and never at the cost of
the network.
"""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from lmanet.claims.claim import read_claim
from lmanet.claims.kinds import MAX_TEXT_CHARACTERS, ResidualIn
from lmanet.propose.llm.example import example
from lmanet.propose.llm.reply import read_reply
from lmanet.propose.llm.why import claims_text, read_rationale, split, with_reasons, with_why
from lmanet.propose.roles.task import Task
from lmanet.run.brief import Brief, Request
from lmanet.run.records import Trial
from lmanet.space import CellSpace, architecture_id, load_space

ROLES = ("generate", "mutate", "rank")
CHOICE = {
    "type": "object",
    "properties": {"order": {"enum": ["A", "B"]}},
    "required": ["order"],
    "additionalProperties": False,
}
GOOD = {"claims": [{"claim": "residual_in", "stages": [2]}], "text": "It is small."}


def claim_kinds(schema: dict[str, Any]) -> list[str]:
    why = schema["properties"]["why"]
    one = why if "properties" in why else why["items"]
    return [
        kind["properties"]["claim"]["const"]
        for kind in one["properties"]["claims"]["items"]["anyOf"]
    ]


def test_what_the_schema_allows_can_be_read_and_nothing_else_is_allowed(brief: Brief) -> None:
    schema = with_why(CHOICE, brief, 1, has_parent=True)
    kinds = schema["properties"]["why"]["properties"]["claims"]["items"]["anyOf"]
    for kind in kinds:
        claim = {
            name: (spec["const"] if "const" in spec else _first(spec))
            for name, spec in kind["properties"].items()
        }
        jsonschema.validate(
            {"choice": {"order": "A"}, "why": {"claims": [claim], "text": ""}}, schema
        )
        assert read_claim(claim).claim == claim["claim"]
    for wrong in (
        {"claim": "residual_in", "stages": [9]},
        {"claim": "is_beautiful"},
        {"claim": "downsamples_early", "more": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(
                {"choice": {"order": "A"}, "why": {"claims": [wrong], "text": ""}}, schema
            )


def _first(spec: dict[str, Any]) -> Any:
    return [spec["items"]["enum"][0]] if spec.get("type") == "array" else spec["enum"][0]


def test_only_what_the_space_can_choose_may_be_claimed(brief: Brief) -> None:
    plain = load_space(
        "mcu",
        {
            "resolution": [32],
            "num_stages": [3],
            "stem": None,
            "head": None,
            "stage": {"se_ratio": [0], "skip": [False]},
        },
    )
    assert not {"se_in", "residual_in"} & set(
        claim_kinds(with_why(CHOICE, brief.model_copy(update={"space": plain}), 1, True))
    )
    assert {"se_in", "residual_in"} < set(claim_kinds(with_why(CHOICE, brief, 1, True)))
    assert "cheaper_than_parent" not in claim_kinds(with_why(CHOICE, brief, 1, False))
    cells = brief.model_copy(update={"space": CellSpace(), "limits": {}})
    assert claim_kinds(with_why(CHOICE, cells, 1, True)) == [
        "cheaper_than_parent",
        "expected_accuracy",
    ]
    assert "residual_in" not in claims_text(cells) and '"residual_in"' in claims_text(brief)


def test_golden_words(brief: Brief, golden: Callable[[str, str], None]) -> None:
    asked = [
        with_reasons(
            Task("Choose.", '{"order": [...]}', CHOICE, lambda reply: []), brief, count
        ).question
        for count in (1, 3)
    ]
    golden("why.txt", "\n\n".join([claims_text(brief), *asked]) + "\n")


def test_of_several_networks_each_has_its_reasons(brief: Brief) -> None:
    schema = with_why(CHOICE, brief, 3, has_parent=False)
    jsonschema.validate({"choice": {"order": "A"}, "why": [GOOD] * 3}, schema)
    choice, whys = split(
        read_reply(json.dumps({"choice": {"order": "A"}, "why": [GOOD, None, GOOD]}))
    )
    assert choice.values == ({"order": "A"},) and [why is None for why in whys] == [
        False,
        True,
        False,
    ]


def test_what_cannot_be_read_is_kept_as_a_fault_and_the_rest_counts() -> None:
    claims = [
        *GOOD["claims"],
        {"claim": "is_beautiful"},
        "small",
        {"claim": "residual_in", "stages": ["2"]},
        {"claim": "se_in", "stages": []},
    ]
    found = read_rationale({"claims": claims, "text": "x" * 1000})
    assert (
        found
        and found.claims == (ResidualIn(stages=(2,)),)
        and len(found.faults) == 4
        and len(found.text) == MAX_TEXT_CHARACTERS
    )
    assert "is_beautiful" in found.faults[0]


def test_a_claim_said_twice_counts_once_and_half_a_character_breaks_nothing() -> None:
    found = read_rationale({"claims": GOOD["claims"] * 3, "text": json.loads('"\\ud800 small"')})
    assert found and found.claims == (ResidualIn(stages=(2,)),) and found.text == "? small"


def test_reasons_within_the_choice_are_no_part_of_it() -> None:
    choice, (why,) = split(
        read_reply(json.dumps({"order": ["B"], "why": {**GOOD, "text": "A is larger."}}))
    )
    assert choice.values == ({"order": ["B"]},) and why is not None and why.text == "A is larger."


@pytest.mark.parametrize("why", [None, [], "because", 7])
def test_no_reasons_are_none(why: object) -> None:
    assert read_rationale(why) is None


@pytest.mark.parametrize("why", [{}, {"claims": 7, "text": None}, {"claims": {"claim": "se_in"}}])
def test_empty_reasons_are_empty(why: object) -> None:
    found = read_rationale(why)
    assert found is not None and not found.claims and not found.text


WHOLE = json.dumps({"choice": {"order": ["A"]}, "why": GOOD})


@pytest.mark.parametrize(
    "reply",
    [
        WHOLE,
        f"Sure:\n```json\n{WHOLE}\n```",
        WHOLE.removesuffix("}}"),
        f'<think>{{"choice": 1}}</think>{WHOLE}',
    ],
)
def test_however_it_is_wrapped_or_broken_off(reply: str) -> None:
    choice, (why,) = split(read_reply(reply))
    assert choice.values == ({"order": ["A"]},)
    assert (
        why is not None and why.claims == (ResidualIn(stages=(2,)),) and why.text == "It is small."
    )


def test_a_reply_in_the_old_form_is_read_whole() -> None:
    reply = read_reply('{"order": ["A"]}')
    assert split(reply) == (reply, [])


def test_the_network_counts_also_where_its_reasons_are_nonsense(
    endpoint: Any, brief: Brief, configured: Callable[..., Any]
) -> None:
    proposer = configured(
        "llm", brief, "model=m", f"server.base_url={endpoint.base_url}", "strategy.roles=[generate]"
    )
    network = brief.space.write_proposal(example(brief))
    endpoint.answers = [
        (200, f'{{"choice": {network}, "why": "<script>alert(1)</script>"}}'),
        (200, network),
    ]
    for number in (0, 1):
        (proposal,) = proposer.propose(Request(number=number, count=1))
        assert (
            architecture_id(proposal.architecture) == architecture_id(example(brief))
            and proposal.rationale is None
        )
    proposer.close()
    asked = endpoint.requests[0]["messages"][0]["content"]
    assert (
        '"claim": "peak_memory_at"' in asked
        and '{"choice": {"stages": [...]}, "why": {"claims"' in asked
    )


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_the_real_model_gives_claims_that_can_be_read(
    role: str,
    brief: Brief,
    trained: Callable[..., Trial],
    configured: Callable[..., Any],
    embedded_address: str,
) -> None:
    overrides = (
        "model=SmolLM2",
        f"server.base_url={embedded_address}",
        f"strategy.roles=[{role}]",
        "sampling.structured=always",
    )
    proposer = configured("llm", brief, *overrides, "prompt.max_attempts=1")
    history = (trained(brief, 0, example(brief)),)
    (proposal,) = proposer.propose(Request(number=1, count=1, trials=history, front=history))
    proposer.close()
    assert proposal.architecture is not None and proposal.rationale is not None
    assert 1 <= len(proposal.rationale.claims) <= 4 and not proposal.rationale.faults
