"""Mutate: one change of a good network, chosen among those that are legal and untried."""

from collections.abc import Iterator
from itertools import islice

from lmanet.errors import ConfigError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.candidates import neighbours
from lmanet.propose.roles.figures import budget_table, cost_text
from lmanet.propose.roles.options import options_schema, read_options
from lmanet.propose.roles.past import accuracy
from lmanet.propose.roles.task import Choice, Round, Task, parents
from lmanet.run.records import Trial
from lmanet.space.describe import assignments

TOLD = 8  # changes of the parent that were tried, at most


class Mutate:
    """Lets the model pick edits of a parent; every edit on offer leads to a legal, untried network.

    Args:
        edits: on offer at most, drawn at random from all that are legal.
        parents: of so many good networks one is changed, drawn at random; the next one where
            nothing legal is left around it.
    """

    def __init__(self, edits: int, parents: int) -> None:
        if edits < 2 or parents < 1:
            raise ConfigError(
                f"propose.team.mutate: edits={edits} must be at least 2 and parents={parents} at "
                "least 1"
            )
        self.edits = edits
        self.parents = parents

    def task(self, given: Round) -> Task | None:
        good = parents(given, self.parents)
        shuffled: list[Trial | None] = [good[int(i)] for i in given.rng.permutation(len(good))]
        for parent in shuffled or [None]:
            if task := self._around(given, parent):
                return task
        return None

    def _around(self, given: Round, parent: Trial | None) -> Task | None:
        brief = given.brief
        origin = parent.architecture if parent and parent.architecture else given.example
        if origin is None:
            return None
        legal = {
            brief.space.change_text(origin, other): other
            for other in neighbours(given, origin, self.edits)
        }
        if not legal:
            return None
        identity = parent.id if parent else None
        told = list(islice(_tried_changes(given, parent), TOLD)) if parent else []
        table = budget_table(origin, brief)
        reached = f"accuracy {accuracy(parent):.3f}" if parent else "not trained yet"
        return Task(
            text=render(
                "mutate",
                parent=(
                    f"{reached}, {cost_text(origin, brief)}: "
                    f"{brief.space.write_proposal(origin, given.form)}"
                ),
                table=f"Share of each limit, by part:\n{table}\n" if table else "",
                told="\n".join(["Changes of it already tried:", *told, ""]) if told else "",
                edits="\n".join(f"- {text}" for text in legal),
                niche=f" Aim for {given.niche}." if given.niche else "",
                wanted="the change that will raise the accuracy most."
                if given.count == 1
                else f"the {given.count} changes that will raise the accuracy most. Each one alone "
                "makes a new network.",
            ),
            answer='{"edits": ["..."]}',
            schema=options_schema("edits", list(legal), given.count),
            read=lambda reply: [
                Choice(legal[text], identity)
                for text in read_options(reply, list(legal), given.count)
            ],
            has_parent=parent is not None,
        )


def _tried_changes(given: Round, parent: Trial) -> Iterator[str]:
    """What networks that differ from the parent in one choice have reached, the newest first."""
    for trial, found in reversed(given.past.around(parent)):
        gained = accuracy(trial) - accuracy(parent)
        yield f"- {assignments(found)}: accuracy {accuracy(trial):.3f} ({gained:+.3f})"
