"""Generate: a whole network, with what the best one so far spends in view."""

from collections.abc import Mapping
from typing import Any

from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import parse_replies
from lmanet.propose.roles.figures import budget_table
from lmanet.propose.roles.task import Choice, Round, Task, parents
from lmanet.space import json_schema
from lmanet.space.describe import object_schema


class Generate:
    """Asks for networks in full; that they keep the limits and are new is up to the model."""

    def task(self, given: Round) -> Task:
        brief, count = given.brief, given.count
        best = next((trial.architecture for trial in parents(given, 1) if trial.architecture), None)
        shown = best or given.example
        table = budget_table(shown, brief) if shown else ""
        whose = "the best network so far" if best else "the example"
        return Task(
            text=render(
                "generate",
                table=f"What {whose} spends of each limit, part by part:\n{table}\n\n"
                if table
                else "",
                niche=f" It should have {given.niche}." if given.niche else "",
                wanted="one new network that differs"
                if count == 1
                else f"{count} new networks that differ from each other and",
                answer="one JSON object of the same form"
                if count == 1
                else f'{{"networks": [...]}} with {count} objects of the same form',
            ),
            schema=_schema(json_schema(brief.space, given.form), count),
            read=lambda reply: [
                Choice(architecture) for architecture in parse_replies(reply, brief.space, count)
            ],
        )


def _schema(one: Mapping[str, Any], count: int) -> Mapping[str, Any]:
    if count == 1:
        return one
    networks = {"type": "array", "minItems": count, "maxItems": count, "items": one}
    return object_schema({"networks": networks})
