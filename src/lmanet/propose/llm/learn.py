"""Stage after a search: the model states what the search has learned, as rules. The history
confirms or contradicts each of them.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from lmanet.claims.rules import varied
from lmanet.errors import ArchitectureError, EndpointError
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.proposer import LLMProposer
from lmanet.propose.llm.reply import Reply, fault_of, plain_text
from lmanet.propose.llm.talk import TokensSpentError
from lmanet.run.brief import Request
from lmanet.run.folder import RULES, RunFolder, by_these_settings
from lmanet.run.records import Front
from lmanet.run.results import DesignRules, Rule
from lmanet.space.describe import object_schema
from lmanet.steps import Proposer

log = logging.getLogger(__name__)
MOST_RULES = 6  # asked for; what a server without schemas sends beyond MOST_READ is not read
MOST_READ = 24
MAX_NOTE_CHARACTERS = 600
NOTE_CHARACTERS = 300  # asked for
Choices = Mapping[str, Sequence[object]]


class LearnRules:
    """Stage: asks the language model for design rules once, and writes ``rules.json``.

    Args:
        tokens: that the run may spend, those of its search counted; None is no limit.
    """

    settings_id = ""

    def __init__(self, proposer: Proposer, tokens: int | None) -> None:
        self.proposer = proposer
        self.tokens = tokens

    def run(self, folder: RunFolder) -> None:
        before = folder.rules.read()
        if before and by_these_settings(before.settings_id, self.settings_id):
            log.info(
                "%s was asked for rules before, after %d trained networks: %s stays",
                before.proposer,
                before.trials,
                RULES,
            )
            return
        try:
            if found := self._ask(folder):
                folder.rules.write(found.model_copy(update={"settings_id": self.settings_id}))
        finally:
            self.proposer.close()

    def _ask(self, folder: RunFolder) -> DesignRules | None:
        if not isinstance(self.proposer, LLMProposer):
            log.info("no language model proposed, so none is asked for design rules")
            return None
        trials = tuple(folder.trials())
        choices = varied(trials, self.proposer.brief.space)
        if not choices:
            log.info(
                "too few networks were trained to ask for design rules: no choice has two values, "
                "two networks each"
            )
            return None
        front = folder.front.read() or Front(hypervolume=0, trials=())
        spent = sum(trial.proposal.usage.tokens for trial in trials)
        left = None if self.tokens is None else max(self.tokens - spent, 0)
        request = Request(
            number=len(trials), count=1, trials=trials, front=front.trials, tokens_left=left
        )
        try:
            return _rules_by(self.proposer, request, choices)
        except TokensSpentError:
            log.info("the budget of tokens (budget.tokens) is too small to ask for design rules")
        except EndpointError as error:
            # The stages that follow need no model, and its server may be gone by now.
            log.warning("no design rules, the next start of this stage asks again: %s", error)
        return None


def _rules_by(proposer: LLMProposer, request: Request, choices: Choices) -> DesignRules:
    question = render(
        "rules",
        **proposer.figures(request),
        choices="\n".join(f"- {name}: {_values(values)}" for name, values in choices.items()),
    )
    said, usage = proposer.ask(
        request, question, rules_schema(choices), lambda reply: read_rules(reply, choices)
    )
    rules, note, faults = said.value or ((), "", (said.error or "",))
    return DesignRules(
        proposer=proposer.served_model,
        reply=said.answer.text if said.answer else "",
        rules=rules,
        note=note,
        faults=faults,
        trials=sum(trial.eligible for trial in request.trials),
        usage=usage,
    )


def rules_schema(choices: Choices) -> dict[str, Any]:
    """JSON schema of ``{"rules": [{"choice": ..., "value": ..., "effect":
    ...}], "note": "..."}``.
    """
    kinds = [
        object_schema(
            {
                "choice": {"const": name},
                "value": {"enum": list(values)},
                "effect": {"enum": ["raises", "lowers"]},
            }
        )
        for name, values in choices.items()
    ]
    rules = {"type": "array", "minItems": 1, "maxItems": MOST_RULES, "items": {"anyOf": kinds}}
    return object_schema({"rules": rules, "note": {"type": "string", "maxLength": NOTE_CHARACTERS}})


def read_rules(reply: Reply, choices: Choices) -> tuple[tuple[Rule, ...], str, tuple[str, ...]]:
    """Rules, note, and what could not be read as a rule.

    Raises:
        ArchitectureError: there is no rule in it.
    """
    data = reply.with_key("rules") or {}
    given = data.get("rules")
    rules: dict[Rule, None] = {}
    faults: list[str] = []
    for item in (given if isinstance(given, list) else [])[:MOST_READ]:
        try:
            rules[_rule(item, choices)] = None
        except (ValueError, RecursionError) as error:
            faults.append(fault_of(item, error))
    if not rules:
        raise ArchitectureError(
            "; ".join(faults[:2]) or 'the reply holds no JSON object with "rules"'
        )
    return tuple(rules), plain_text(data.get("note"), MAX_NOTE_CHARACTERS), tuple(faults)


def _rule(item: object, choices: Choices) -> Rule:
    rule = Rule.model_validate(item, strict=True)
    legal = choices.get(rule.choice)
    if legal is None:
        raise ValueError(f"{rule.choice[:40]} is no choice that varies")
    # As JSON knows values: 0 is 0.0, and true is not 1.
    value = next(
        (
            each
            for each in legal
            if isinstance(each, bool) == isinstance(rule.value, bool) and each == rule.value
        ),
        None,
    )
    if value is None:
        raise ValueError(f"legal values are {_values(legal)}")
    return rule.model_copy(update={"value": value})


def _values(values: Sequence[object]) -> str:
    return " | ".join(map(json.dumps, values))
