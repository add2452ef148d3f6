"""The runs to be compared: found below folders, checked to be comparable, and sorted into
searchers.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmanet.command import command
from lmanet.errors import ConfigError
from lmanet.run.folder import HISTORY, HYDRA, SETTINGS, RunFolder
from lmanet.run.records import Status, Trial

# What makes a searcher: these settings, and of `train` the mini-training. All others may differ
# between its runs.
MAKES_A_SEARCHER = (
    "space",
    "target",
    "data",
    "propose",
    "validate",
    "promote",
    "execute",
    "pareto",
    "feedback",
    "batch",
)
# Files that hold such settings.
WHOLE_SETUPS = ("experiment", "ablation")
# What may differ between searchers: their seeds, and how strictly their proposals are let through.
OF_A_SEARCHER = ("seed", "validate")


@dataclass(frozen=True)
class SearchRun:
    """One search as its folder holds it.

    Attributes:
        config: as Hydra composed it, interpolations as written.
        settings: what its trials share, `lmanet.run.shared_settings.remember_settings`.
        trials: in the order in which they ended.
    """

    folder: Path
    seed: int
    config: Mapping[str, Any]
    overrides: tuple[str, ...]
    settings: Mapping[str, Any]
    trials: tuple[Trial, ...]

    @property
    def evaluations(self) -> int:
        """Networks trained."""
        return sum(trial.status is Status.TRAINED for trial in self.trials)


@dataclass(frozen=True)
class Searcher:
    """The runs that share everything but the seed.

    Attributes:
        label: the overrides that other searchers do not share.
        runs: by seed.
    """

    label: str
    runs: Mapping[int, SearchRun]


def read_runs(folders: str | Sequence[str] | None) -> list[SearchRun]:
    """Every run in the folders or below them, in the order of their names.

    Raises:
        ConfigError: there is none, one has trained nothing, or two cannot be compared.
    """
    given = [folders] if isinstance(folders, str) else list(folders or ())
    if not given:
        raise ConfigError(
            "runs is not set; name a folder of searches, or several: runs=multirun/... or "
            "runs=[A,B]"
        )
    runs = []
    for folder in given:
        found = sorted(
            path.parent
            for path in Path(folder).rglob(HISTORY)
            if (path.parent / HYDRA / "config.yaml").is_file()
        )
        if not found:
            raise ConfigError(
                f"runs={folder}: no search there or below; name folders that hold {HISTORY} and "
                ".hydra/config.yaml"
            )
        runs += [_read_run(path) for path in found]
    runs = list({run.folder.resolve(): run for run in runs}.values())
    for run in runs[1:]:
        _refuse_other_settings(runs[0], run)
    return runs


def searchers(runs: Sequence[SearchRun]) -> list[Searcher]:
    """Sort runs into searchers, in the order in which they come.

    Raises:
        ConfigError: two runs of a searcher have one seed.
    """
    groups: dict[str, list[SearchRun]] = defaultdict(list)
    for run in runs:
        groups[_identity(run)].append(run)
    labels = _labels(list(groups.values()))
    return [
        Searcher(label, _by_seed(label, group))
        for label, group in zip(labels, groups.values(), strict=True)
    ]


def _read_run(folder: Path) -> SearchRun:
    files = RunFolder(folder)
    for path in (folder / HYDRA / "overrides.yaml", folder / SETTINGS):
        if not path.is_file():
            raise ConfigError(
                f"{path} is missing, so that run cannot be compared; leave it out of runs="
            )
    run = SearchRun(
        folder=folder,
        seed=files.config()["seed"],
        config=files.config(),
        overrides=files.overrides(),
        settings=files.settings(),
        trials=tuple(files.trials()),
    )
    if not run.evaluations:
        more = command(f"resume={folder}")
        raise ConfigError(
            f"{folder} has trained no network in {len(run.trials)} proposals; go on with it "
            f"({more}), or leave it out of runs="
        )
    return run


def _refuse_other_settings(first: SearchRun, other: SearchRun) -> None:
    ours, theirs = flat(first.settings), flat(other.settings)
    different = [
        key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)
    ]
    if faults := [key for key in different if key.partition(".")[0] not in OF_A_SEARCHER]:
        key = faults[0]
        more = f" (and {len(faults) - 1} more settings differ)" if len(faults) > 1 else ""
        raise ConfigError(
            f"{other.folder} has {key}={theirs.get(key)} and {first.folder} has "
            f"{key}={ours.get(key)}{more}; only runs with the same space, target, data, pareto and "
            "mini-training are compared: change runs="
        )


def _identity(run: SearchRun) -> str:
    return json.dumps(_of_a_searcher(run), sort_keys=True)


def _labels(groups: Sequence[Sequence[SearchRun]]) -> list[str]:
    """The overrides that tell a group from the others; where they do not, the values of the
    configuration that do.
    """
    named = [
        [
            text
            for text in group[0].overrides
            if _names(text) and all(text in run.overrides for run in group)
        ]
        for group in groups
    ]
    shared = set.intersection(*map(set, named))
    labels = [" ".join(text for text in texts if text not in shared) for texts in named]
    short = [" ".join(_short(text) for text in label.split(" ")) for label in labels]
    labels = short if len(set(short)) == len(short) else labels
    labels = [
        label or group[0].trials[0].proposal.proposer
        for label, group in zip(labels, groups, strict=True)
    ]
    if len(set(labels)) == len(labels):
        return labels
    values = [flat(_of_a_searcher(group[0])) for group in groups]
    differ = [
        key
        for key in sorted(set().union(*values))
        if len({repr(value.get(key)) for value in values}) > 1
    ]
    return [" ".join(f"{key}={value.get(key)}" for key in differ) for value in values]


def _short(override: str) -> str:
    """``propose=tpe`` as ``tpe``, and a setting by the last part of its name."""
    key, _, value = override.partition("=")
    return value if key == "propose" else f"{key.rpartition('.')[2]}={value}" if value else override


def _of_a_searcher(run: SearchRun) -> dict[str, Any]:
    """The part of the configuration that all runs of a searcher share."""
    own = {key: run.config[key] for key in MAKES_A_SEARCHER if key in run.config}
    return own | {"train": {"mini": (run.config.get("train") or {}).get("mini")}}


def _names(override: str) -> bool:
    """Whether an override says something of the searcher."""
    key = override.lstrip("+~").partition("=")[0]
    root = key.partition(".")[0].partition("@")[0]
    return (
        root in (*MAKES_A_SEARCHER, *WHOLE_SETUPS) or key == "train" or key.startswith("train.mini")
    )


def _by_seed(label: str, group: Sequence[SearchRun]) -> dict[int, SearchRun]:
    runs: dict[int, SearchRun] = {}
    for run in group:
        if run.seed in runs:
            raise ConfigError(
                f"{runs[run.seed].folder} and {run.folder} are both {label!r} with "
                f"seed={run.seed}; leave one out of runs="
            )
        runs[run.seed] = run
    return dict(sorted(runs.items()))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with keys such as ``propose.server.threads``."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        result |= (
            flat(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": value}
        )
    return result
