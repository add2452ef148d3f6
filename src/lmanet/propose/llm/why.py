"""Why: a reply gives its reasons beside the choice, as claims that are checked. Here are their
schema, their words, and how they are read.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lmanet.claims.claim import Claim, Scope, kinds, read_claim
from lmanet.claims.kinds import MAX_TEXT_CHARACTERS, Rationale
from lmanet.errors import ArchitectureError
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import Reply, fault_of, plain_text
from lmanet.propose.roles.task import Choice, Task
from lmanet.run.brief import Brief
from lmanet.run.quantities import names
from lmanet.space.describe import object_schema

MOST_CLAIMS = 4  # asked for; what a server without schemas sends beyond MOST_READ is not read
MOST_READ = 16
TEXT_CHARACTERS = 160  # asked for
Schema = dict[str, Any]


def claims_text(brief: Brief) -> str:
    """The claims that may be made of a network of this space, for the prompt's beginning."""
    scope = _scope(brief, has_parent=True)
    shown = ((kind.example_in(scope), kind.meaning) for kind in kinds().values())
    lines = [f"- {json.dumps(example)}: {meaning}" for example, meaning in shown if example]
    return render("claims", claims="\n".join(lines))


def with_reasons(task: Task, brief: Brief, count: int) -> Task:
    """The same task, and its reply also says why. A reply that does not is read all the same.

    Args:
        count: networks wanted.
    """

    def read(reply: Reply) -> list[Choice]:
        choice, whys = split(reply)
        reasons = [*whys, *[None] * count]
        return [
            chosen._replace(rationale=why)
            for chosen, why in zip(task.read(choice), reasons, strict=False)
        ]

    why = '{"claims": [...], "text": "..."}'
    return replace(
        task,
        answer=f'{{"choice": {task.answer}, "why": {why if count == 1 else f"[{why}, ...]"}}}',
        hint=render("why" if count == 1 else "whys"),
        schema=with_why(task.schema, brief, count, task.has_parent),
        read=read,
    )


def ask_why(choice: Choice, written: str, brief: Brief) -> Task:
    """A question of its own for the reasons of a choice that is made, where the reply that made it
    could not hold them.

    Args:
        written: the network as the prompt shows it.
    """

    def read(reply: Reply) -> list[Choice]:
        objects = (each if "why" in each else {"why": each} for each in reply.values)
        _, whys = split(Reply(reply.text, tuple(objects)))
        if not whys or whys[0] is None:
            raise ArchitectureError("the reply gives no reasons")
        return [choice._replace(rationale=whys[0])]

    text = render("why_apart", network=written, hint=render("why"))
    return Task(text, "", _reasons(brief, choice.parent is not None), read)


def with_why(choice: Mapping[str, Any], brief: Brief, count: int, has_parent: bool) -> Schema:
    """The schema of ``{"choice": ..., "why": {"claims": [...], "text": "..."}}``: the choice comes
    first, so that it is drawn as if alone.

    Args:
        choice: schema of the choice.
        count: networks wanted; of several ``why`` is a list.
        has_parent: claims on a parent make sense.
    """
    why = _reasons(brief, has_parent)
    whys = (
        why if count == 1 else {"type": "array", "minItems": count, "maxItems": count, "items": why}
    )
    return object_schema({"choice": dict(choice), "why": whys})


def _reasons(brief: Brief, has_parent: bool) -> Schema:
    scope = _scope(brief, has_parent)
    forms = [
        object_schema(schema) for kind in kinds().values() if (schema := kind.schema_in(scope))
    ]
    claims = {"type": "array", "minItems": 1, "maxItems": MOST_CLAIMS, "items": {"anyOf": forms}}
    return object_schema(
        {"claims": claims, "text": {"type": "string", "maxLength": TEXT_CHARACTERS}}
    )


def split(reply: Reply) -> tuple[Reply, list[Rationale | None]]:
    """A reply -> the part that holds the choice, and the reasons in their order; the whole reply
    and none where it gives none.

    Reasons that stand within the choice's object, and not beside it, are found too.
    """
    found = reply.with_key("choice") or reply.with_key("why")
    if found is None:
        return reply, []
    why = found.pop("why", None)
    whys = [read_rationale(one) for one in (why if isinstance(why, list) else [why])]
    return reply.part(found.get("choice", found)), whys


def read_rationale(why: object) -> Rationale | None:
    """What can be read as claims, and what cannot; None where there is nothing."""
    if not isinstance(why, dict):
        return None
    given = why.get("claims")
    claims: list[Claim] = []
    faults: list[str] = []
    for item in (given if isinstance(given, list) else [])[:MOST_READ]:
        try:
            claims.append(read_claim(item))
        except (ValueError, RecursionError) as error:
            faults.append(fault_of(item, error))
    return Rationale(
        claims=tuple(dict.fromkeys(claims)),
        text=plain_text(why.get("text"), MAX_TEXT_CHARACTERS),
        faults=tuple(faults),
    )


def _scope(brief: Brief, has_parent: bool) -> Scope:
    asked = {*brief.limits, *(goal.name for goal in brief.objectives)}
    return Scope(brief.space, tuple(name for name in names("formula") if name in asked), has_parent)
