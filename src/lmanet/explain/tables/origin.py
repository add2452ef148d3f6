"""Tables of how to make a run again: where and with what it was computed."""

from lmanet.explain.facts.contents import RunFiles
from lmanet.explain.tables.table import Column, Table

COMMIT_DIGITS = 12


def origin_tables(run: RunFiles) -> list[Table]:
    """Each start of the run, and the versions of the last."""
    return [_starts(run), _versions(run)]


def _starts(run: RunFiles) -> Table:
    columns = (
        Column("started_at", "started (UTC)"),
        Column("stages", "stages"),
        Column("machine", "machine"),
        Column("commit", "git commit", "code"),
        Column("modified", "uncommitted changes"),
    )
    rows = [
        (
            start.started_at[:19].replace("T", " "),
            ", ".join(start.stages),
            "; ".join(f"{name} {words}" for name, words in start.machine.items()),
            start.commit[:COMMIT_DIGITS] if start.commit else None,
            start.modified if start.commit else None,
        )
        for start in run.provenance
    ]
    return Table("starts", "Starts of this run", columns, rows)


def _versions(run: RunFiles) -> Table:
    last = run.provenance[-1].versions if run.provenance else {}
    return Table(
        "versions",
        "Versions",
        (Column("package", "package"), Column("version", "version")),
        list(last.items()),
    )
