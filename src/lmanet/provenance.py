"""Where a run was computed: a line in ``provenance.jsonl`` each time that a run is started."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lmanet.base import Record


class Provenance(Record):
    """One start of a run.

    Attributes:
        started_at: UTC, ISO 8601.
        stages: that were asked for.
        machine: in words: processor, cores, memory, operating system, GPU.
        commit: of the source's git repository; None where it is installed from elsewhere.
        modified: files of the repository had changes that were not committed.
        versions: package -> version.
    """

    started_at: str
    stages: tuple[str, ...]
    machine: Mapping[str, str]
    commit: str | None
    modified: bool
    versions: Mapping[str, str]


def remember_provenance(folder: Path, stages: Sequence[str]) -> None:
    """Add a line for this start."""
    raise NotImplementedError
