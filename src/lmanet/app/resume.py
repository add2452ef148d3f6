"""Command line: ``resume=FOLDER`` -> the overrides that a run or a sweep was first started with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lmanet.app.compose import trusted
from lmanet.app.trust import Trust, refuse_links, typed_here
from lmanet.command import override
from lmanet.errors import ConfigError
from lmanet.files import write_text
from lmanet.run.folder import HYDRA, read_yaml
from lmanet.run.mirror import bring
from lmanet.run.storage import Storage, is_url

MULTIRUN = Path("multirun")
SWEEP, FIRST_SWEEP = "multirun.yaml", "multirun_first.yaml"  # Hydra's own, and ours


class Resumed(NamedTuple):
    """What was typed, with what ``resume=`` brings back.

    Attributes:
        typed: what of it was typed on this machine.
        now: what of it was typed in this start.
        folder: of the run or sweep that goes on; None where a new one starts.
        trust: holds its configuration against what is trusted; None where all of it was typed on
            this machine.
    """

    arguments: list[str]
    typed: list[str]
    now: Sequence[str] = ()
    folder: Path | None = None
    trust: Trust | None = None


def resumed(arguments: Sequence[str]) -> Resumed:
    """Replace ``resume=FOLDER`` by the overrides that the run or sweep in that folder was first
    started with.

    Overrides beside it come after them and hold for this start alone.

    Raises:
        ConfigError: the folder holds neither, or a stranger's overrides reach beyond ``conf/``.
    """
    folders = [
        argument.partition("=")[2] for argument in arguments if argument.startswith("resume=")
    ]
    if not folders or folders[-1] in ("", "null"):
        return Resumed(list(arguments), list(arguments))
    folder = Path(folders[-1]).expanduser()
    rest = [argument for argument in arguments if not argument.startswith("resume=")]
    refuse_links(folder)
    for path in (folder / FIRST_SWEEP, folder / SWEEP):
        if path.is_file():
            before = _read(path)
            overrides = before["hydra"]["overrides"]["task"] if _is_sweep(before) else None
            return _checked(_texts(overrides, path), rest, folder, ["--multirun"])
    single = folder / HYDRA / "overrides.yaml"
    if single.is_file():
        return _checked(_texts(_read(single), single), rest, folder)
    raise ConfigError(
        f"resume={folder}: no run there; pass a folder of multirun/ that has .hydra/overrides.yaml "
        "or multirun.yaml"
    )


def brought(arguments: Sequence[str]) -> list[str]:
    """Replace ``resume=URL`` by the folder to which the run's files were brought from there.

    The run keeps this storage, whatever its first command named.

    Raises:
        ConfigError: no run is there, or another process works on it.
        RemoteStorageError: it cannot be reached.
    """
    given: list[str] = []
    for argument in arguments:
        key, _, url = argument.partition("=")
        if key == "resume" and is_url(url):
            folder = bring(url, MULTIRUN / Storage(url).name)
            given += [f"{key}={folder}", override("storage", url)]
        else:
            given.append(argument)
    return given


def _checked(
    overrides: list[str], typed: list[str], folder: Path, flags: Sequence[str] = ()
) -> Resumed:
    """What was typed on this machine is taken as it is; all else is a stranger's."""
    if typed_here(overrides):
        return Resumed([*flags, *overrides, *typed], [*overrides, *typed], typed, folder)
    trust = trusted(f"resume={folder}", typed)
    return Resumed([*flags, *trust.chosen(overrides), *typed], typed, typed, folder, trust)


def keep_sweep(folder: Path, overrides: Sequence[str]) -> None:
    """Write the overrides of a sweep's first start, whole or not at all; Hydra's own file is
    written anew by each start.
    """
    path = folder / FIRST_SWEEP
    if not path.exists():
        content = {"hydra": {"overrides": {"task": list(overrides)}}}
        write_text(path, yaml.safe_dump(content, allow_unicode=True))


def _read(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read: {str(error).splitlines()[0]}; write into it, as a list, what "
            "was typed first"
        ) from None


def _is_sweep(content: Any) -> bool:
    node = content
    for key in ("hydra", "overrides", "task"):
        node = node.get(key) if isinstance(node, dict) else None
    return isinstance(node, list)


def _texts(overrides: Any, path: Path) -> list[str]:
    if not isinstance(overrides, list) or not all(isinstance(each, str) for each in overrides):
        raise ConfigError(
            f"{path} holds no list of overrides; write into it, as a list, what was typed first"
        )
    return overrides
