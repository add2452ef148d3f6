"""Why: a reply that gives its reasons beside the choice, as claims that can be checked; its schema,
its words, and how it is read.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lmanet.claims.kinds import MAX_TEXT_CHARACTERS, Claim, Rationale
from lmanet.network import explain_validation
from lmanet.network.architecture import quoted
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import MAX_REPLY_CHARACTERS, object_with
from lmanet.propose.roles.task import Choice, Task
from lmanet.run.brief import Brief
from lmanet.space import Outline
from lmanet.space.describe import object_schema

MOST_CLAIMS = 4  # asked for; what a server without schemas sends beyond MOST_READ is not read
MOST_READ = 16
MAX_FAULT_CHARACTERS = 200
TEXT_CHARACTERS = 160  # asked for
SAVINGS = (0, 5, 10, 20, 30, 50)
QUANTITIES = ("macs", "params", "peak_sram_bytes", "flash_bytes", "estimated_latency_ms")
CLAIM: TypeAdapter[Claim] = TypeAdapter(Claim)
Schema = dict[str, Any]


def claims_text(brief: Brief) -> str:
    """The claims that may be made of a network of this space, for the prompt's beginning."""
    lines = []
    for name, fields in _claims(brief, has_parent=True).items():
        example = {"claim": name} | {field: _example(schema) for field, schema in fields.items()}
        lines.append(f"- {json.dumps(example)}: {MEANINGS[name]}")
    return render("claims", claims="\n".join(lines))


def with_reasons(task: Task, brief: Brief, count: int) -> Task:
    """The same task, whose reply says why as well; one that does not is read all the same.

    Args:
        count: networks wanted.
    """

    def read(reply: str) -> list[Choice]:
        choice, whys = split(reply)
        reasons = [*whys, *[None] * count]
        return [
            chosen._replace(rationale=why)
            for chosen, why in zip(task.read(choice), reasons, strict=False)
        ]

    of_what = "on the choice" if count == 1 else "on each choice, in their order"
    shape = '{"claims": [...], "text": "..."}'
    question = render("why", why=shape if count == 1 else f"[{shape}, ...]", of_what=of_what)
    return Task(
        f"{task.text}\n{question}",
        with_why(task.schema, brief, count, task.has_parent),
        read,
        task.has_parent,
    )


def with_why(choice: Mapping[str, Any], brief: Brief, count: int, has_parent: bool) -> Schema:
    """The schema of ``{"choice": ..., "why": {"claims": [...], "text": "..."}}``: the choice comes
    first, so that it is drawn as if alone.

    Args:
        choice: schema of the choice.
        count: networks wanted; of several ``why`` is a list.
        has_parent: claims on a parent make sense.
    """
    kinds = [
        object_schema({"claim": {"const": name}, **fields})
        for name, fields in _claims(brief, has_parent).items()
    ]
    claims = {"type": "array", "minItems": 1, "maxItems": MOST_CLAIMS, "items": {"anyOf": kinds}}
    why = object_schema(
        {"claims": claims, "text": {"type": "string", "maxLength": TEXT_CHARACTERS}}
    )
    whys = (
        why if count == 1 else {"type": "array", "minItems": count, "maxItems": count, "items": why}
    )
    return object_schema({"choice": dict(choice), "why": whys})


def split(reply: str) -> tuple[str, list[Rationale | None]]:
    """A reply -> the part that holds the choice, and the reasons in their order; the whole reply
    and none where it gives none.

    Reasons that stand within the choice's object, and not beside it, are found too.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        return reply, []
    found = object_with("choice", reply) or object_with("why", reply)
    if found is None:
        return reply, []
    why = found.pop("why", None)
    choice = found.get("choice", found)
    whys = [read_rationale(one) for one in (why if isinstance(why, list) else [why])]
    return choice if isinstance(choice, str) else json.dumps(choice), whys


def read_rationale(why: object) -> Rationale | None:
    """What can be read as claims, and what cannot; None where there is nothing."""
    if not isinstance(why, dict):
        return None
    given = why.get("claims")
    claims: list[Claim] = []
    faults: list[str] = []
    for item in (given if isinstance(given, list) else [])[:MOST_READ]:
        try:
            claims.append(CLAIM.validate_json(json.dumps(item), strict=True))
        except (ValidationError, RecursionError) as error:
            fault = (
                explain_validation(error, most=1)
                if isinstance(error, ValidationError)
                else "nested too deeply"
            )
            faults.append(f"{quoted(item)}: {fault}"[:MAX_FAULT_CHARACTERS])
    text = (
        " ".join(str(why.get("text") or "").split()).encode(errors="replace").decode()
    )  # half of a pair of surrogates is no text
    return Rationale(
        claims=tuple(dict.fromkeys(claims)), text=text[:MAX_TEXT_CHARACTERS], faults=tuple(faults)
    )


def _claims(brief: Brief, has_parent: bool) -> dict[str, Schema]:
    """Kind of claim -> schemas of its fields: what can be chosen in the space, and what has a
    parent.
    """
    claims = _form_claims(outline) if (outline := brief.space.outline) else {}
    if has_parent:
        quantities = [
            name
            for name in QUANTITIES
            if name in brief.limits or name in {goal.name for goal in brief.objectives}
        ]
        claims["cheaper_than_parent"] = {
            "quantity": {"enum": quantities or ["params"]},
            "by_percent": {"enum": list(SAVINGS)},
        }
    than = ["best", "mean", *(["parent"] if has_parent else [])]
    return claims | {
        "expected_accuracy": {"expected": {"enum": ["higher", "lower"]}, "than": {"enum": than}}
    }


def _form_claims(outline: Outline) -> dict[str, Schema]:
    numbers = list(range(1, outline.num_stages + 1))
    stages = {
        "stages": {
            "type": "array",
            "minItems": 1,
            "maxItems": len(numbers),
            "items": {"enum": numbers},
        }
    }
    fields = outline.stage_fields
    claims: dict[str, Schema] = {
        "residual_in": stages if True in fields["skip"] else {},
        "se_in": stages if any(fields["se_ratio"]) else {},
        "stride_1_in": stages if len(fields["stride"]) > 1 else {},
    }
    claims = {name: schema for name, schema in claims.items() if schema}
    return claims | {
        "downsamples_early": {},
        "widens_late": {},
        "small_expansion": {},
        "peak_memory_at": {"part": {"enum": list(outline.parts)}},
    }


def _example(schema: Schema) -> object:
    values = schema.get("enum")
    if values is None:
        return schema["items"]["enum"][1:3]
    return (
        "|".join(values)
        if isinstance(values[0], str) and len(values) <= len(QUANTITIES)
        else values[len(values) // 2]
    )


MEANINGS = {
    "residual_in": "in each stage named a block's input is added to its output",
    "se_in": "each stage named has squeeze-and-excitation",
    "stride_1_in": "each stage named keeps the size of its image",
    "downsamples_early": "after two stages the image has at most a quarter of its side",
    "widens_late": (
        "the widest stage lies in the second half and has at least twice the first stage's channels"
    ),
    "small_expansion": "no block expands more than 3 times",
    "peak_memory_at": "the part in which the most SRAM is in use",
    "cheaper_than_parent": "at least so many per cent less than the network that it changes",
    "expected_accuracy": "than the best so far, the mean so far, or the network that it changes",
}
