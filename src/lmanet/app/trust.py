"""Whose settings these are. What was typed on this machine is trusted. A run's folder of anyone
else may choose among the options of ``conf/`` and set their values, and reaches nothing outside.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from lmanet.base import FIRST_NAMES, NAMED_ONCE
from lmanet.command import command
from lmanet.errors import ConfigError
from lmanet.files import cache_folder

TARGET = "_target_"
# What Hydra reads of a node beside a class and its arguments; `_args_` would be arguments unnamed.
OF_A_NODE = (TARGET, "_partial_", "_convert_", "_recursive_")
OVERRIDE = re.compile(r"(?:\+\+?|~)?([A-Za-z_]\w*(?:\.[\w-]+|\[\d+\])*)(?:=(.*))?", re.DOTALL)
NAMED = re.compile(r"_target_['\"]?\s*[:=]\s*['\"]?([A-Za-z_][\w.]*)")
NO_OPTION = re.compile(r"[/\\$]|\.\.")
# Where a run stands is said by resume=, and never by what stands in its folder.
OF_THE_PLACE = ("folder", "resume", "hydra.run.dir", "hydra.sweep.dir")
# Files of conf/ that are no step's options, but set anything.
WHOLE_SETUPS = ("experiment", "ablation")
ASKING = {"search", "rules"}  # stages that talk to a language model
ENGINE = "execute.engine."  # settings of other machines that compute
OUTWARD = ("base_url", "api_key_env")
# What runs on this machine, or on a board of its, and where files of boards are written.
OF_A_BOARD = ("port", "flash", "chip", "source", "local")
TYPED = "typed"
MOST_SHOWN = 200  # characters of a setting in a message


class Override(NamedTuple):
    """``key=value``; without a value it takes the key out."""

    key: str
    value: str


def refuse_links(folder: Path) -> None:
    """Raises `ConfigError` where what stands in a run's folder is elsewhere, or no file: a link
    would be written through, and a pipe never ends. W&B links a log of its own out of each of its
    folders, which nobody here reads or writes again.
    """
    inside = folder.resolve()
    for path in folder.rglob("*"):
        if fnmatch(str(path.relative_to(folder)), "wandb/*run-*/logs/*"):
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise ConfigError(
                f"{path} is a link out of the run's folder; put what it names there, or remove it"
            )
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ConfigError(f"{path} is no file and no folder; remove it")


def remember(overrides: Sequence[str]) -> None:
    """Keep a checksum of what was typed on this machine, so that `resume=` knows it again."""
    with suppress(ConfigError, OSError):  # it is then checked as a stranger's
        (cache_folder(TYPED) / _checksum(overrides)).touch()


def typed_here(overrides: Sequence[str]) -> bool:
    """Whether these very overrides were once typed on this machine."""
    try:
        return (cache_folder(TYPED) / _checksum(overrides)).exists()
    except (ConfigError, OSError):
        return False


@dataclass(frozen=True)
class Trust:
    """What the settings of a stranger's run may name.

    Attributes:
        run: how it was named: ``resume=FOLDER`` or ``runs=FOLDER``.
        names: group of ``conf/`` -> classes that its files name.
        anywhere: classes that files for whole setups name.
        texts: the files of ``conf/``.
        typed: keys that were typed in this start.
    """

    run: str
    names: Mapping[str, frozenset[str]]
    anywhere: frozenset[str]
    texts: str
    typed: frozenset[str]

    @classmethod
    def of(cls, run: str, folders: Sequence[Path], typed: Sequence[str]) -> "Trust":
        """Of folders that are laid out like ``conf/``, and of what was typed in this start."""
        names = {group: {*once} for group, once in NAMED_ONCE.items()}
        texts = []
        for folder in folders:
            for path in sorted(folder.rglob("*.yaml")):
                text = path.read_text(encoding="utf-8", errors="replace")
                group = path.relative_to(folder).parts[0]
                names.setdefault(group, set()).update(NAMED.findall(text))
                texts.append(text)
        of_all = {name for group in WHOLE_SETUPS for name in names.get(group, ())}
        return cls(
            run,
            {group: frozenset(found) for group, found in names.items()},
            frozenset(of_all),
            "\n".join(texts),
            frozenset(each.key for text in typed if (each := read_override(text))),
        )

    def chosen(self, overrides: Sequence[str]) -> list[str]:
        """Of a stranger's overrides those that count; what was typed anew in this start has taken
        the place of the others.

        Raises:
            ConfigError: one reaches beyond the options of ``conf/`` and their values.
        """
        kept = []
        for text in overrides:
            each = read_override(text)
            if each is None:
                raise self._refusal(text, "that is no plain key=value")
            if each.key in self.typed | {*OF_THE_PLACE}:
                continue
            if each.key.partition(".")[0] == "hydra":
                raise self._refusal(text, "it sets what Hydra itself does")
            if each.key in self.names and NO_OPTION.search(each.value):
                raise self._refusal(text, f"conf/{each.key} has no such file")
            kept.append(text)
        return kept

    def check(self, config: Mapping[str, Any], known: Iterable[tuple[str, str, Any]] = ()) -> None:
        """Hold a configuration, with its interpolations as written, against what is trusted.

        Args:
            known: `leaves` of a configuration that is trusted; where this one has the same, it is.

        Raises:
            ConfigError: it names a class, a variable, a folder or a server that is not.
        """
        stages = config.get("stages", ())
        asks = bool(ASKING & {*([stages] if isinstance(stages, str) else stages)})
        embedded = asks and _is_embedded(config)
        downloads = _is_downloaded(config)
        known = list(known)
        for path, key, value in leaves(config):
            if (path, key, value) in known or path in self.typed or value is None:
                continue
            fault = self._fault(path, key, value)
            if asks and not fault:
                fault = self._outward(key, value)
            if embedded and path == "propose.model" and value:
                fault = "that file is read by code which trusts it"
            if downloads and path == "data.root" and not self._stands(key, value):
                fault = fault or "images are downloaded to there"
            if fault:
                raise self._refusal(f"{path}={value}", fault)

    def _fault(self, path: str, key: str, value: Any) -> str:
        group = path.partition(".")[0]
        if isinstance(value, str) and "${" in value:
            return "" if value in self.texts else "no file of conf/ reads that"
        if key == TARGET and not self.allows(group, value):
            return f"no file of conf/{group} names that class"
        if key.startswith("_") and key.endswith("_") and key not in OF_A_NODE:
            return "no file of conf/ has such a key"
        if path.endswith(".folder") or path == "storage":
            return "it writes elsewhere"
        if path.startswith(ENGINE) and isinstance(value, str) and not self._is_told(value):
            return "it says which machines compute"
        if key in OF_A_BOARD and group in ("measure", "validate") and not self._stands(key, value):
            return "it says what is run for a board, or where"
        return ""

    def _outward(self, key: str, value: Any) -> str:
        if key not in OUTWARD or self._is_told(str(value)):
            return ""
        return "it says whom this machine talks to, or with which key"

    def _is_told(self, value: str) -> bool:
        """A file of ``conf/`` has this very value."""
        return value in self.texts.split()

    def _stands(self, key: str, value: Any) -> bool:
        """A file of ``conf/`` sets this key to this value."""
        return any(
            line.split(" # ")[0].strip() == f"{key}: {value}" for line in self.texts.splitlines()
        )

    def allows(self, group: str, name: Any) -> bool:
        """Whether a file of a group names this class, or a file for whole setups does."""
        known = self.names.get(group, frozenset()) | self.anywhere
        return name in known or any(
            now in known and name == first for now, first in FIRST_NAMES.items()
        )

    def _refusal(self, given: str, fault: str) -> ConfigError:
        shown = "".join(each if each.isprintable() else "?" for each in given)
        shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."
        if self.run.startswith("resume=") and shown == given and not given.startswith("hydra."):
            way = f"type it anew: {command(self.run, given)}"
        else:
            way = "add --config-dir FOLDER with options of your own that say so"
        return ConfigError(
            f"{self.run}: {shown} was not typed on this machine, and {fault}; if you trust it, "
            f"{way}"
        )


def _is_embedded(config: Mapping[str, Any]) -> bool:
    """Whether a file with a language model is to be read here."""
    propose = config.get("propose")
    server = propose.get("server") if isinstance(propose, Mapping) else None
    return isinstance(server, Mapping) and str(server.get(TARGET)).endswith("EmbeddedServer")


def _is_downloaded(config: Mapping[str, Any]) -> bool:
    """Whether images are brought from the internet into ``data.root``."""
    data = config.get("data")
    target = str(data.get(TARGET)) if isinstance(data, Mapping) else ""
    return target.startswith("lmanet.data.Cifar")


def leaves(node: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str, Any]]:
    """Dotted path, last key and value of all that is no mapping and no list."""
    if isinstance(node, Mapping):
        for name, each in node.items():
            if str(name) == "_args_":
                yield f"{path}.{name}", str(name), str(each)
            yield from leaves(each, f"{path}.{name}" if path else str(name), str(name))
    elif isinstance(node, list):
        for place, each in enumerate(node):
            yield from leaves(each, f"{path}[{place}]", key)
    else:
        yield path, key, node


def read_override(text: str) -> Override | None:
    """What was typed, or None where that is no plain ``key=value``."""
    found = OVERRIDE.fullmatch(text)
    return Override(found[1], found[2] or "") if found else None


def _checksum(overrides: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(overrides)).encode()).hexdigest()
