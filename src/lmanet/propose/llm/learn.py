"""Stage after a search: the model says what the search has learned, as rules that can be weighed
against the history.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lmanet.claims.rules import varied
from lmanet.errors import ArchitectureError, EndpointError
from lmanet.network import explain_validation
from lmanet.network.architecture import quoted
from lmanet.propose.llm.prompt import render
from lmanet.propose.llm.proposer import LLMProposer
from lmanet.propose.llm.reply import object_with
from lmanet.propose.llm.talk import TokensSpentError
from lmanet.run.brief import Request
from lmanet.run.folder import RULES, RunFolder, by_these_settings
from lmanet.run.records import Trial
from lmanet.run.results import DesignRules, Rule
from lmanet.space.describe import object_schema
from lmanet.steps import Proposer

log = logging.getLogger(__name__)
MOST_RULES = 6  # asked for; what a server without schemas sends beyond MOST_READ is not read
MOST_READ = 24
MAX_FAULT_CHARACTERS = 200
MAX_NOTE_CHARACTERS = 600
NOTE_CHARACTERS = 300  # asked for
Choices = Mapping[str, Sequence[object]]


class LearnRules:
    """Stage: writes ``rules.json``; it is asked once, and only a language model is.

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
                "too few networks were trained to ask for design rules: no choice has "
                "two values, two networks each"
            )
            return None
        request = self._request(folder, trials)
        question = render(
            "rules",
            **self.proposer.figures(request),
            choices="\n".join(f"- {name}: {_values(values)}" for name, values in choices.items()),
        )
        try:
            said, usage = self.proposer.ask(
                request, question, rules_schema(choices), lambda reply: read_rules(reply, choices)
            )
        except TokensSpentError:
            log.info("too few tokens are left to ask for design rules (budget.tokens)")
            return None
        except EndpointError as error:  # later stages need no model, whose server may be gone
            log.warning("no design rules, the next start of this stage asks again: %s", error)
            return None
        rules, note, faults = said.value or ((), "", (said.error or "",))
        return DesignRules(
            proposer=self.proposer.served_model,
            reply=said.answer.text if said.answer else "",
            rules=rules,
            note=note,
            faults=faults,
            trials=sum(trial.eligible for trial in trials),
            usage=usage,
        )

    def _request(self, folder: RunFolder, trials: tuple[Trial, ...]) -> Request:
        """What the model is shown, and how many tokens are left."""
        spent = sum(trial.proposal.usage.tokens for trial in trials)
        found = folder.front.read()
        front = found.trials if found else ()
        left = None if self.tokens is None else max(self.tokens - spent, 0)
        return Request(number=len(trials), count=1, trials=trials, front=front, tokens_left=left)


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


def read_rules(reply: str, choices: Choices) -> tuple[tuple[Rule, ...], str, tuple[str, ...]]:
    """Rules, note, and what could not be read as a rule.

    Raises:
        ArchitectureError: there is no rule in it.
    """
    data = object_with("rules", reply) or {}
    given = data.get("rules")
    rules: dict[Rule, None] = {}
    faults: list[str] = []
    for item in (given if isinstance(given, list) else [])[:MOST_READ]:
        try:
            rules[_rule(item, choices)] = None
        except ValueError as error:
            faults.append(f"{quoted(item)}: {error}"[:MAX_FAULT_CHARACTERS])
    if not rules:
        raise ArchitectureError(
            "; ".join(faults[:2]) or 'the reply holds no JSON object with "rules"'
        )
    return (
        tuple(rules),
        " ".join(str(data.get("note") or "").split())[:MAX_NOTE_CHARACTERS],
        tuple(faults),
    )


def _rule(item: object, choices: Choices) -> Rule:
    try:
        rule = Rule.model_validate_json(json.dumps(item), strict=True)
    except (ValidationError, RecursionError) as error:
        raise ValueError(
            explain_validation(error, most=1)
            if isinstance(error, ValidationError)
            else "nested too deeply"
        ) from error
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
