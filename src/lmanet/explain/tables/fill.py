"""All tables of a report, each only where it has rows."""

from collections.abc import Iterator

from lmanet.explain.facts.best import BestNetwork
from lmanet.explain.facts.facts import Facts
from lmanet.explain.tables.network import examination_tables, network_tables
from lmanet.explain.tables.origin import origin_tables
from lmanet.explain.tables.results import board_tables, result_tables
from lmanet.explain.tables.table import Table
from lmanet.explain.tables.trials import claims_table, search_tables


def fill_tables(facts: Facts) -> dict[str, Table]:
    """Name -> table."""
    return {table.name: table for table in _tables(facts) if table.rows}


def _tables(facts: Facts) -> Iterator[Table]:
    yield from result_tables(facts)
    yield from search_tables(facts)
    yield from origin_tables(facts.run)
    if facts.best:
        yield from _of_network(facts.best, facts)
    for deployed in facts.deployed:
        yield from board_tables(deployed)


def _of_network(best: BestNetwork, facts: Facts) -> Iterator[Table]:
    yield from network_tables(best)
    if facts.run.examination:
        yield from examination_tables(facts.run.examination)
    if best.origin:
        yield claims_table(facts.claims[best.origin.number])
