"""Generate: a whole network, with what the best one so far spends in view."""

from collections.abc import Mapping
from typing import Any

from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.reply import read_architectures
from lmanet.propose.roles.figures import budget_table
from lmanet.propose.roles.task import Choice, Round, Task, parents
from lmanet.space.describe import object_schema


class Generate:
    """Asks for networks in full; that they keep the limits and are new is up to the model."""

    def task(self, given: Round) -> Task:
        brief, count = given.brief, given.count
        best = next((trial.architecture for trial in parents(given, 1) if trial.architecture), None)
        shown = best or given.example
        table = budget_table(shown, brief) if shown else ""
        whose = "best network so far" if best else "example"
        schema = _schema(brief.space.json_schema(given.form), count)
        return Task(
            text=render(
                "generate",
                table=f"Share of each limit, by part of the {whose}:\n{table}\n\n" if table else "",
                niche=f" Aim for {given.niche}." if given.niche else "",
                wanted="one new network, different from every network above"
                if count == 1
                else f"{count} new networks, different from each other and from all above",
            ),
            answer=_shape(schema),
            schema=schema,
            read=lambda reply: [
                Choice(architecture)
                for architecture in read_architectures(reply, brief.space, count)
            ],
        )


def _schema(one: Mapping[str, Any], count: int) -> Mapping[str, Any]:
    if count == 1:
        return one
    networks = {"type": "array", "minItems": count, "maxItems": count, "items": one}
    return object_schema({"networks": networks})


def _shape(schema: Mapping[str, Any]) -> str:
    """An object with the schema's keys and no values."""
    fields = (
        f'"{name}": {"[...]" if "array" in (spec.get("type"), *_types(spec)) else "..."}'
        for name, spec in schema["properties"].items()
    )
    return f"{{{', '.join(fields)}}}"


def _types(spec: Mapping[str, Any]) -> list[str | None]:
    return [one.get("type") for one in spec.get("anyOf", ())]
