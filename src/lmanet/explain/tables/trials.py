"""Tables of the search: the front, what was rejected, what proposals cost, what models claimed,
what accuracy depends on.
"""

from collections.abc import Sequence

from lmanet.claims.check import CheckedClaim
from lmanet.claims.rates import ALL
from lmanet.claims.rules import WeighedRule
from lmanet.explain.facts.facts import Facts
from lmanet.explain.facts.rows import fold_ends
from lmanet.explain.tables.table import FOLDS, Column, Table, column
from lmanet.run.quantities import FLASH, MACS, ON_BOARD, PARAMS, SRAM, computed


def search_tables(facts: Facts) -> list[Table]:
    """The front, and how the search went."""
    return [
        _front(facts),
        _reasons(facts),
        _importances(facts),
        _ledger(facts),
        _roles(facts),
        _rates(facts),
        _rules(facts.rules),
    ]


def claims_table(claims: Sequence[CheckedClaim]) -> Table:
    """What was claimed of a network when it was proposed."""
    columns = (Column("claim", "claim"), Column("truth", "it is"), Column("reason", "because"))
    rows = [(checked.words, checked.truth.value, checked.reason) for checked in claims]
    return Table("claims", "What its proposer claimed", columns, rows)


def _rules(weighed: Sequence[WeighedRule]) -> Table:
    """Design rules, each with the trials for and against it."""
    columns = (
        Column("rule", "rule"),
        Column("truth", "it is"),
        Column("difference", "difference of the means (points)", "points"),
        Column("supporting", "candidates for it"),
        Column("opposing", "against it"),
        Column("others", "compared with", "count"),
        Column("pairs_for", "pairs for it", "count"),
        Column("pairs_against", "pairs against", "count"),
    )
    rows = [
        (
            found.words,
            found.truth.value,
            found.difference,
            _candidates(found.supporting),
            _candidates(found.opposing),
            found.others,
            found.pairs_for,
            found.pairs_against,
        )
        for found in weighed
    ]
    return Table("rules", "Design rules that the model stated", columns, rows)


def _candidates(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"


def _front(facts: Facts) -> Table:
    trials = facts.run.front.trials
    folded = any(trial.score and trial.score.fold_accuracies for trial in trials)
    on_board = any(trial.value(ON_BOARD) is not None for trial in trials)
    costs = (MACS, SRAM, FLASH, PARAMS, *((ON_BOARD,) if on_board else ()), *computed())
    columns = (
        Column("candidate", "candidate", "count"),
        Column("network", "network", "code"),
        Column("val_accuracy", "accuracy", "share"),
        *(FOLDS if folded else ()),
        *map(column, costs),
    )
    rows = []
    for trial in trials:
        assert trial.score is not None
        rows.append(
            (
                trial.number,
                trial.id,
                trial.score.val_accuracy,
                *(fold_ends(trial.score) if folded else ()),
                *map(trial.value, costs),
            )
        )
    return Table("front", "The front, after mini-training", columns, rows)


def _reasons(facts: Facts) -> Table:
    columns = (
        Column("kind", "rule broken, or failure"),
        Column("trials", "trials", "count"),
        Column("example", "the first of them"),
    )
    rows = [(row.kind, row.trials, row.example) for row in facts.reasons]
    return Table("reasons", "Why candidates were rejected or failed", columns, rows)


def _importances(facts: Facts) -> Table:
    columns = (
        Column("choice", "choice", "code"),
        Column("share", "share", "share"),
        Column("spread", "spread", "share"),
    )
    rows = [(row.parameter, row.share, row.spread) for row in facts.importances]
    return Table("importances", "What the accuracy depends on", columns, rows)


def _ledger(facts: Facts) -> Table:
    columns = (
        Column("status", "status"),
        Column("trials", "trials", "count"),
        Column("epochs", "epochs", "count"),
        Column("requests", "requests", "count"),
        Column("retries", "retries", "count"),
        Column("prompt_tokens", "prompt tokens", "count"),
        Column("cached_tokens", "of these cached", "count"),
        Column("completion_tokens", "completion tokens", "count"),
        Column("seconds", "time (s)", "decimal1"),
        Column("price", "price", "decimal4"),
    )
    rows = [
        (
            row.name,
            row.trials,
            row.epochs,
            row.usage.requests,
            row.usage.retries,
            row.usage.prompt_tokens,
            row.usage.cached_tokens,
            row.usage.completion_tokens,
            row.usage.seconds,
            row.usage.price,
        )
        for row in facts.ledger
        if row.trials
    ]
    return Table("ledger", "What the proposals cost", columns, rows)


def _roles(facts: Facts) -> Table:
    columns = (
        Column("role", "role"),
        Column("proposals", "proposals", "count"),
        Column("valid", "valid", "share"),
        Column("useful", "new and within the limits", "share"),
        Column("stale", "proposed before all earlier results were known", "count"),
        Column("best_val_accuracy", "best accuracy", "share"),
        Column("tokens", "completion tokens per proposal", "count"),
    )
    rows = [
        (
            row.name,
            row.trials,
            row.valid / row.trials,
            row.useful / row.trials,
            row.stale,
            row.best_accuracy,
            row.usage.completion_tokens / row.trials,
        )
        for row in facts.roles
    ]
    return Table("roles", "What the model was asked to do", columns, rows)


def _rates(facts: Facts) -> Table:
    columns = (
        Column("proposer", "model"),
        Column("kind", "claim"),
        Column("true", "true", "count"),
        Column("false", "false", "count"),
        Column("unknown", "cannot be told", "count"),
        Column("unreadable", "not readable", "count"),
        Column("rate", "share that is true", "share"),
        Column("low", "95 % interval from", "share"),
        Column("high", "to", "share"),
        Column("form_rate", "share of claims on form", "share"),
        Column("chance", "by chance", "share"),
    )
    rows = [
        (
            rate.proposer,
            rate.kind,
            rate.true,
            rate.false,
            rate.unknown,
            facts.unreadable[rate.proposer] if rate.kind == ALL else None,
            rate.rate,
            *(rate.interval or (None, None)),
            rate.form_rate,
            rate.chance,
        )
        for rate in facts.rates
    ]
    return Table("claim_rates", "How often the model's claims are true", columns, rows)
