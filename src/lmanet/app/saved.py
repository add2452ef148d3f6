"""A run that goes on is the run that was saved, with what is typed now: its own settings count, not
those that ``conf/`` has by now. Settings that came later have today's defaults.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lmanet.app.annotations import TARGET, holds_target, legal_keys
from lmanet.app.compose import Config, as_written, compose, saved_config, trusted, written
from lmanet.app.resume import Resumed
from lmanet.app.settings import OF_HYDRA, ROOT_KEYS
from lmanet.app.trust import OF_THE_PLACE, Override, leaves, read_override
from lmanet.base import FIRST_NAMES
from lmanet.errors import first_of

log = logging.getLogger(__name__)
NOW = {first: now for now, first in FIRST_NAMES.items()}
MOST_NAMED = 5  # settings in a sentence
NOTHING = object()
Tree = dict[str, Any]
Allowed = Callable[[str, str], bool]  # whether a group of conf/ may name a class


def of_the_run(config: Config, folder: Path, given: Resumed, overrides: Sequence[str]) -> Config:
    """The configuration of a job, with what its folder has saved where it goes on.

    Args:
        config: composed of today's ``conf/``.
        folder: of the job.
        overrides: that the configuration is composed of, those of this start with them.

    Raises:
        ConfigError: the folder has saved what cannot be read, or names what is not trusted.
    """
    if given.folder is None:
        return config
    today = as_written(config)
    trust = given.trust or trusted(f"resume={given.folder}", overrides)
    saved = saved_config(folder)
    kept = as_saved(saved, today, trust.allows)
    settings = with_typed(kept, today, given.now, overrides)
    # what was typed on this machine has composed today's, so that only the rest is a stranger's
    trust.check(settings, () if given.trust else leaves(today))
    known = [(path, value) for path, _, value in leaves(today)]
    if others := [path for path, _, value in leaves(settings) if (path, value) not in known]:
        named = first_of(others, MOST_NAMED)
        log.info("the run keeps its own settings where conf/ has others by now: %s", named)
    if saved and (later := _came_later(saved, kept)):
        # such a setting can change what the stages that are left do
        named = first_of(later, MOST_NAMED)
        log.warning("settings that the run did not have have today's values: %s", named)
    return written(settings)


def _came_later(saved: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Paths of what stands in a run's settings and was not saved; null is nothing."""
    known = {path for path, _, _ in leaves(saved)}
    return [
        path
        for path, _, value in leaves(kept)
        if value is not None and path not in known and path.partition(".")[0] not in OF_THE_PLACE
    ]


def as_saved(saved: Mapping[str, Any], today: Mapping[str, Any], allowed: Allowed) -> Tree:
    """Today's settings with those that a run has saved in their place.

    What no constructor takes any more is left out, and so is a class that no file of ``conf/``
    names: today's stands in its place.
    """
    return {
        key: _merged(_current(saved[key]), value, partial(allowed, key))
        if key in saved and key not in OF_THE_PLACE
        else value
        for key, value in today.items()
    }


def with_typed(
    settings: Tree, today: Mapping[str, Any], now: Sequence[str], overrides: Sequence[str]
) -> Tree:
    """Settings with what was typed in this start, as it stands in today's."""
    typed = [each for text in now if (each := read_override(text))]
    keys = [each.key.partition("[")[0].split(".") for each in typed]
    paths = [tuple(key) for key in keys if key[0] in ROOT_KEYS]
    if any(key[0] not in {*ROOT_KEYS, "hydra"} for key in keys):  # an experiment: it sets anything
        before = as_written(compose(_without(overrides, typed)))
        paths += _changed(before, today)
    for path in paths:
        settings = _with(settings, today, path)
    return settings


def _merged(saved: Any, today: Any, allowed: Callable[[str], bool]) -> Any:
    """What is made of classes is merged setting by setting; all else is a value.

    Args:
        today: `NOTHING` where there is no such setting; it is given back where what was saved does
            not count.
    """
    if not isinstance(saved, Mapping) or not (holds_target(saved) or holds_target(today)):
        return saved if all(map(allowed, _classes(saved))) else today
    if not isinstance(today, Mapping) or saved.get(TARGET) != today.get(TARGET):
        if not allowed(str(saved[TARGET])) if TARGET in saved else isinstance(today, Mapping):
            return today
        today = {TARGET: saved[TARGET]} if TARGET in saved else {}
    legal = legal_keys(today) if TARGET in today else None
    found = dict(today)
    for key, value in saved.items():
        if key in today or legal is None or key in legal or key in OF_HYDRA:
            merged = _merged(value, today.get(key, NOTHING), allowed)
            found |= {} if merged is NOTHING else {key: merged}
    return found


def _current(node: Any) -> Any:
    """The same with classes under the names that they have by now."""
    if isinstance(node, list):
        return [_current(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    return {
        key: NOW.get(str(value), value) if key == TARGET else _current(value)
        for key, value in node.items()
    }


def _classes(node: Any) -> set[str]:
    """All that a node names as a class."""
    return {str(value) for _, key, value in leaves({"": node}) if key == TARGET}


def _without(overrides: Sequence[str], typed: Collection[Override]) -> list[str]:
    """Of overrides those that the first start had."""
    return [text for text in overrides if read_override(text) not in typed]


def _changed(before: Any, today: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of what is not the same."""
    if not (isinstance(before, Mapping) and isinstance(today, Mapping)):
        return [] if before == today else [path]
    found: list[tuple[str, ...]] = []
    for key in {**before, **today}:
        if not path and key in OF_THE_PLACE:
            continue
        if key in before and key in today:
            found += _changed(before[key], today[key], (*path, str(key)))
        else:
            found.append((*path, str(key)))
    return found


def _with(settings: Tree, today: Mapping[str, Any], path: Sequence[str]) -> Tree:
    """What stands at a path of today's, or nothing where nothing does."""
    first, *rest = path
    if first not in today:
        return {key: value for key, value in settings.items() if key != first}
    inner, there = today[first], settings.get(first)
    if rest and isinstance(inner, Mapping) and isinstance(there, Mapping):
        return {**settings, first: _with(dict(there), inner, rest)}
    return {**settings, first: inner}
