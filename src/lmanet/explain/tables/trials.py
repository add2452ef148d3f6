"""Tables of the search: the front, what was rejected, what proposals cost, what models claimed,
what accuracy depends on.
"""

from collections.abc import Sequence

from lmanet.claims.check import check_claims
from lmanet.claims.rates import ALL, rates, unreadable
from lmanet.claims.rules import weigh
from lmanet.cost import Cost
from lmanet.explain.facts import ledger
from lmanet.explain.facts.contents import RunFiles
from lmanet.explain.facts.importance import Importance
from lmanet.explain.facts.rows import reasons
from lmanet.explain.tables.table import Column, Table
from lmanet.run.records import Trial
from lmanet.run.results import Rule
from lmanet.space import AnySpace

COSTS = (
    Column("macs", "MACs (M)", "millions"),
    Column("peak_sram_bytes", "peak SRAM (KiB)", "kib"),
    Column("flash_bytes", "flash (KiB)", "kib"),
    Column("params", "parameters", "count"),
)


def search_sheets(run: RunFiles, important: Sequence[Importance]) -> list[Table]:
    """Those that have rows."""
    trials = run.trials
    sheets = [
        _front(run),
        _reasons(trials),
        _importances(important),
        _ledger(trials),
        _roles(trials),
        _rates(trials),
    ]
    return [table for table in sheets if table.rows]


def claims_sheet(trial: Trial, trials: Sequence[Trial]) -> Table:
    """What was claimed of a network when it was proposed."""
    columns = (Column("claim", "claim"), Column("truth", "it is"), Column("reason", "since"))
    rows = [
        (checked.words, checked.truth.value, checked.reason)
        for checked in check_claims(trial, trials)
    ]
    return Table("claims", "What was claimed of it when it was proposed", columns, rows)


def rules_sheet(rules: Sequence[Rule], trials: Sequence[Trial], space: AnySpace) -> Table:
    """Design rules, each with the trials for and against it."""
    columns = (
        *(
            Column("rule", "rule"),
            Column("truth", "it is"),
            Column("difference", "difference of the means (points)", "points"),
        ),
        *(
            Column("supporting", "candidates for it"),
            Column("opposing", "against it"),
            Column("others", "held against", "count"),
        ),
        *(
            Column("pairs_for", "pairs for it", "count"),
            Column("pairs_against", "pairs against", "count"),
        ),
    )
    rows = [
        (
            *(
                found.words,
                found.truth.value,
                found.difference,
                _candidates(found.supporting),
                _candidates(found.opposing),
                found.others,
            ),
            *(found.pairs_for, found.pairs_against),
        )
        for found in (weigh(rule, trials, space) for rule in rules)
    ]
    return Table("rules", "What the model says that the search has learned", columns, rows)


def _candidates(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"


def _front(run: RunFiles) -> Table:
    columns = (
        Column("candidate", "candidate", "count"),
        Column("network", "network", "code"),
        Column("val_accuracy", "accuracy", "share"),
        *COSTS,
    )
    rows = []
    for trial in run.front.trials:
        cost = trial.verdict.cost if trial.verdict else None
        assert isinstance(cost, Cost) and trial.score is not None
        rows.append(
            (
                trial.number,
                trial.id,
                trial.score.val_accuracy,
                *(getattr(cost, column.key) for column in COSTS),
            )
        )
    return Table("front", "The front, after mini-training", columns, rows)


def _reasons(trials: Sequence[Trial]) -> Table:
    columns = (
        Column("kind", "rule broken, or failure"),
        Column("trials", "trials", "count"),
        Column("example", "the first of them"),
    )
    return Table(
        "reasons", "What was rejected for what", columns, [tuple(row) for row in reasons(trials)]
    )


def _importances(rows: Sequence[Importance]) -> Table:
    columns = (
        Column("choice", "choice", "code"),
        Column("share", "share", "share"),
        Column("spread", "spread", "share"),
    )
    return Table(
        "importances",
        "What the accuracy depends on",
        columns,
        [(row.parameter, row.share, row.spread) for row in rows],
    )


def _ledger(trials: Sequence[Trial]) -> Table:
    columns = (
        *(
            Column("status", "status"),
            Column("trials", "trials", "count"),
            Column("epochs", "epochs", "count"),
        ),
        *(Column("requests", "requests", "count"), Column("retries", "retries", "count")),
        *(
            Column("prompt_tokens", "prompt tokens", "count"),
            Column("cached_tokens", "of these cached", "count"),
        ),
        *(
            Column("completion_tokens", "completion tokens", "count"),
            Column("seconds", "time (s)", "decimal1"),
        ),
        Column("price", "price", "decimal4"),
    )
    rows = [
        (
            *(
                row.name,
                row.trials,
                row.epochs,
                row.usage.requests,
                row.usage.retries,
                row.usage.prompt_tokens,
            ),
            *(
                row.usage.cached_tokens,
                row.usage.completion_tokens,
                row.usage.seconds,
                row.usage.price,
            ),
        )
        for row in ledger.by_status(trials)
        if row.trials
    ]
    return Table("ledger", "What the proposals cost", columns, rows)


def _roles(trials: Sequence[Trial]) -> Table:
    columns = (
        *(
            Column("role", "role"),
            Column("proposals", "proposals", "count"),
            Column("valid", "valid", "share"),
        ),
        *(
            Column("useful", "new and feasible", "share"),
            Column("stale", "not knowing all earlier results", "count"),
        ),
        *(
            Column("best_val_accuracy", "best accuracy", "share"),
            Column("tokens", "completion tokens a proposal", "count"),
        ),
    )
    rows = [
        (
            *(row.name, row.trials, row.valid / row.trials, row.useful / row.trials, row.stale),
            *(row.best_accuracy, row.usage.completion_tokens / row.trials),
        )
        for row in ledger.by_role(trials)
    ]
    return Table("roles", "What the model was asked to do", columns, rows)


def _rates(trials: Sequence[Trial]) -> Table:
    columns = (
        *(Column("proposer", "model"), Column("kind", "claim")),
        *(
            Column("true", "true", "count"),
            Column("false", "false", "count"),
            Column("unknown", "cannot be told", "count"),
        ),
        *(
            Column("unreadable", "not readable", "count"),
            Column("rate", "rate of true ones", "share"),
        ),
        *(Column("low", "95 % interval from", "share"), Column("high", "to", "share")),
        *(
            Column("form_rate", "rate, claims on form alone", "share"),
            Column("chance", "chance", "share"),
        ),
    )
    faults = unreadable(trials)
    rows = [
        (
            *(
                rate.proposer,
                rate.kind,
                rate.true,
                rate.false,
                rate.unknown,
                faults[rate.proposer] if rate.kind == ALL else None,
            ),
            *(rate.rate, *(rate.interval or (None, None)), rate.form_rate, rate.chance),
        )
        for rate in rates(trials)
    ]
    return Table("claim_rates", "How often what a model says of its network is true", columns, rows)
