"""Every setting of `conf/`: unit, values, what is legal, and what it does.

The docstring of the constructor that takes a key says what it does, and so do comments of `conf/`.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import griffe
import yaml
from pydantic.fields import FieldInfo

from lmanet.app.annotations import TARGET, annotations_of, bounded, legal_keys, words
from lmanet.app.compose import CONF
from lmanet.app.settings import GROUPS, OF_HYDRA, PARTS, Root
from lmanet.run.brief import Budget

HEAD = "| key | unit | value | legal | what it does |\n|---|---|---|---|---|"
# The last word of a key -> its unit.
UNITS = {
    "bytes": "bytes",
    "mhz": "MHz",
    "ms": "ms",
    "s": "s",
    "seconds": "s",
    "tokens": "tokens",
    "epochs": "epochs",
    "images": "images",
    "resolution": "pixels",
    "padding": "pixels",
    "fraction": "share of 1",
    "macs": "MACs",
    "processes": "processes",
    "workers": "processes",
    "threads": "threads",
}
MOST_VALUES = 4
PRODUCTS = (*PARTS, "data", "space", "target", "trainers", "platform")  # made by other groups


@dataclass
class Key:
    """A setting.

    Attributes:
        owner: import path of the constructor that takes it; empty where none is named.
        values: option of the group -> the value there.
    """

    path: str
    owner: str = ""
    what: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def unit(self) -> str:
        """By its name; empty where it has none."""
        return UNITS.get(self.name.rpartition("_")[2], "")

    @property
    def legal(self) -> str:
        """In words, as an error of the command line says it."""
        annotation = annotations_of(self.owner).get(self.name) if self.owner else None
        if annotation in (None, inspect.Parameter.empty, Any) or isinstance(annotation, str):
            return "any value" if self.owner else "see the text"
        return words(annotation).replace("typing.", "")

    @property
    def told(self) -> str:
        """What it does: by its constructor, then by the comment in `conf/`."""
        general = _documented(self.owner).get(self.name, "").rstrip(".")
        parts = dict.fromkeys(part for part in (general, self.what) if part)
        other = f"as {self.owner} defines it" if not self.owner.startswith("lmanet.") else ""
        return "; ".join(parts) or other


def page() -> str:
    """All groups, as a page."""
    parts = ["## Beside the groups\n", HEAD, *_root_rows()]
    for group in GROUPS:
        parts += [f"\n## {group}\n", "| option | is |\n|---|---|"]
        parts += [f"| `{group}={path.stem}` | {_first(path)} |" for path in _options(group)]
        parts += ["", HEAD, *(_row(key) for key in keys_of(group))]
    return "\n".join(parts)


@cache
def keys_of(group: str) -> list[Key]:
    """The keys of a group, those of all its options together."""
    keys: dict[str, Key] = {}
    for path in _options(group):
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text)
        if isinstance(node, yaml.MappingNode):
            for key, value in _walk(group, node, text.splitlines()):
                kept = keys.setdefault(key.path, key)
                kept.values[path.stem] = value
                kept.what = kept.what or key.what
                kept.owner = kept.owner or key.owner
    listed = [key for key in keys.values() if key.owner or key.what]
    return sorted([*listed, *_unlisted(keys)], key=lambda key: _order(key.path, keys))


def _order(path: str, keys: Mapping[str, Key]) -> tuple[int, str]:
    """As the files list them; a key that no file lists comes after its neighbours."""
    places = list(keys)
    if path in keys:
        return places.index(path), ""
    above = path.rpartition(".")[0]
    return max(i for i, each in enumerate(places) if each.startswith(f"{above}.")), path


def _walk(path: str, node: yaml.MappingNode, lines: list[str]) -> Iterator[tuple[Key, Any]]:
    owner = next((value.value for key, value in node.value if key.value == TARGET), "")
    for key, value in node.value:
        if key.value in (*OF_HYDRA, "defaults"):
            continue
        name = f"{path}.{key.value}"
        inner = isinstance(value, yaml.MappingNode)
        if inner and _holds_target(value):
            yield from _walk(name, value, lines)
        elif not inner or owner:
            yield Key(name, owner, _comment(key, value, lines)), _source(value)


def _unlisted(keys: Mapping[str, Key]) -> list[Key]:
    """What a constructor of ours takes and no file lists, because it has a default; once, if
    several take it.
    """
    found: dict[str, Key] = {}
    owners = {(key.path.rpartition(".")[0], key.owner) for key in keys.values() if key.owner}
    for above, owner in sorted(owners):
        if not owner.startswith("lmanet.") or legal_keys({TARGET: owner}) is None:
            continue
        for name, each in inspect.signature(_resolved(owner)).parameters.items():
            has_default = each.default is not each.empty
            path = f"{above}.{name}"
            listed = path in keys or any(key.startswith(f"{path}.") for key in keys)
            if has_default and not listed and name not in PRODUCTS:
                found.setdefault(path, Key(path, owner, "", {"": each.default}))
    return list(found.values())


def _comment(key: yaml.Node, value: yaml.Node, lines: list[str]) -> str:
    """Behind the key or its value, and on the lines above it."""
    ends = key if isinstance(value, yaml.MappingNode) else value
    rest = lines[ends.end_mark.line][ends.end_mark.column :] if _one_line(ends) else ""
    behind = re.search(r"(?:^|\s)# ?(.*)", rest)
    above: list[str] = []
    for line in reversed(lines[: key.start_mark.line]):
        if not re.fullmatch(rf" {{{key.start_mark.column}}}#.*", line):
            break
        above.insert(0, line.strip("# "))
    if key.start_mark.line == len(above):
        above = []  # the head of a file is about the whole
    return " ".join([*above, behind.group(1)] if behind else above)


def _one_line(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) or node.start_mark.line == node.end_mark.line


def _source(node: yaml.Node) -> Any:
    return _without_names(yaml.safe_load(yaml.serialize(node)))


def _without_names(value: Any) -> Any:
    """A value without the names of constructors in it."""
    if isinstance(value, list):
        return [_without_names(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_names(each) for key, each in value.items() if key not in OF_HYDRA}
    return value


def _holds_target(node: yaml.MappingNode) -> bool:
    return any(
        key.value == TARGET or (isinstance(value, yaml.MappingNode) and _holds_target(value))
        for key, value in node.value
    )


def _options(group: str) -> list[Path]:
    return sorted((CONF / group).glob("*.yaml"))


def _first(path: Path) -> str:
    """The comment that begins a file, up to its first full stop."""
    text = path.read_text(encoding="utf-8")
    head = re.match(r"(?:#.*\n)+", text)
    if head is None:
        return "see its keys"
    plain = " ".join(line.strip("# ") for line in head.group().splitlines())
    return _cell(re.split(r"(?<=[a-z0-9)])\. |: {2,}|:$", plain)[0])


def _root_rows() -> Iterator[str]:
    lines = (CONF / "config.yaml").read_text(encoding="utf-8")
    node = yaml.compose(lines)
    comments: dict[str, tuple[str, Any]] = {}
    for key, value in node.value:
        comments[key.value] = (_comment(key, value, lines.splitlines()), value)
        if key.value == "budget":
            for inner, each in value.value:
                what = _comment(inner, each, lines.splitlines())
                comments[f"budget.{inner.value}"] = (what, each)
    fields: dict[str, FieldInfo] = {**Root.model_fields}
    fields |= {f"budget.{name}": each for name, each in Budget.model_fields.items()}
    for name, each in fields.items():
        if name == "budget" or name not in comments:
            continue
        what, value = comments[name]
        legal = bounded(each.annotation, each.metadata)
        shown = _value(_source(value))
        unit = UNITS.get(name.rpartition(".")[2].rpartition("_")[2], "")
        yield f"| `{name}` | {unit} | {shown} | {_cell(legal)} | {_cell(what)} |"


def _row(key: Key) -> str:
    cells = (f"`{key.path}`", key.unit, _values(key.values), _cell(key.legal), _cell(key.told))
    return f"| {' | '.join(cells)} |"


def _values(values: Mapping[str, Any]) -> str:
    shown = {option: _value(value) for option, value in values.items()}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    parts = [f"{value} in `{option}`" for option, value in shown.items()]
    rest = len(parts) - MOST_VALUES
    return "<br>".join([*parts[:MOST_VALUES], *([f"and {rest} more"] if rest > 0 else [])])


def _value(value: Any) -> str:
    """As YAML writes it, cut where it is long; an object of another constructor is left out."""
    if isinstance(value, type) or (value is not None and type(value).__module__ != "builtins"):
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).strip()
    text = text.removesuffix("\n...").strip().strip("'")
    return f"`{text if len(text) < 60 else text[:57] + '...'}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _resolved(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(__import__(module, fromlist=[attribute]), attribute)


@cache
def _documented(owner: str) -> dict[str, str]:
    """Argument of a constructor -> what its docstring says of it."""
    if not owner.startswith("lmanet."):
        return {"": ""}
    found: dict[str, str] = {}
    made = _resolved(owner)
    for each in (made, getattr(made, "__init__", None)):
        text = inspect.getdoc(each) if each is not None else None
        for section in griffe.parse_google(griffe.Docstring(text), warnings=False) if text else ():
            if section.kind.value in ("parameters", "attributes"):
                for item in section.value:  # of "mean, std: ..." the second is read as a type
                    listed = (
                        f"{item.name} {item.annotation or ''}" if "," in item.name else item.name
                    )
                    for name in listed.replace(",", " ").split():
                        found.setdefault(name, item.description)
    return found
