"""What the trials of one history share, so that they can be compared:
``settings.json`` of a run.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping

from lmanet.base import CHECKSUM_FORM, Notice, under_first_names
from lmanet.errors import HistoryError, first_of
from lmanet.run.folder import RunFolder

log = logging.getLogger(__name__)
# Settings of a training that came later, and what a run without them did: so it can go on as it
# began.
ADDED = {"mini.recipe.batch_norm_images": 0, "mini.inherit": "none"}
ADDED_TO_IMAGES = {"data.channels": 3, "data.width": None}
# What the firmware alone reads of a target, and how a board is reached: no verdict and no training
# depends on it.
OF_FIRMWARE = ("target.flash_address", "target.kit", "validate.measurer.bench")
DATA_CHECKSUM = "data_checksum"
MOST_SHOWN = 3
Settings = dict[str, object]


def remember_settings(run: RunFolder, settings: Settings) -> None:
    """Keep what trials of one history must share in ``settings.json``, and refuse to mix.

    Raises:
        HistoryError: the folder holds trials under other settings, or on other images.
    """
    settings, kept = json.loads(json.dumps(settings)), run.settings()
    if not kept or not run.history.path.exists():
        run.write_settings(settings)
        return
    now, before = (
        _compared(under_first_names(settings)),
        _compared(under_first_names(kept)),
    )
    if "mini.recipe.epochs" in before:
        before = {key: value for key, value in ADDED.items() if key in now} | before
    before = {key: value for key, value in ADDED_TO_IMAGES.items() if key in now} | before
    if _kept_no_checksum_of_contents(before, now):
        log.warning(
            (
                "%s is of an earlier lmanet, which kept no checksum of contents and labels: its "
                "images are taken to be the same"
            ),
            run.path,
        )
        before[DATA_CHECKSUM] = now[DATA_CHECKSUM]
    changed = sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key))
    if changed == [DATA_CHECKSUM] and str(now.get(DATA_CHECKSUM)).startswith(CHECKSUM_FORM):
        raise HistoryError(
            f"{run.path} holds a search on other images: files or labels for training or "
            "validation have changed since; bring them back, or start a new run without resume="
        )
    if changed:
        raise HistoryError(
            f"{run.path} holds a search with another setting of {_shown(changed, before, now)}; "
            "its trials cannot be compared with new ones: take the old setting, or start a new "
            "run without resume="
        )


def other_images(run: RunFolder, checksum: Callable[[], str]) -> Iterator[Notice]:
    """Said where a later stage is given other images than the search of the run had.

    It is no error: a full training may be given more images than a search.

    Args:
        checksum: of the data; asked for where the run keeps one to compare with.
    """
    before = str(run.settings().get(DATA_CHECKSUM))
    if before.startswith(CHECKSUM_FORM) and checksum() != before:
        yield Notice(
            kind="other_images",
            text="The images for training or validation are others than those of the search: "
            "files, labels or settings of data are not the same. Accuracies of the search cannot "
            "be compared with those of later stages.",
        )


def _compared(settings: Mapping[str, object], above: str = "") -> Settings:
    """Nested settings -> dotted name: value, without those that change no trial."""
    flat: Settings = {}
    for name, value in settings.items():
        if (dotted := f"{above}{name}") in OF_FIRMWARE:
            continue
        flat |= (
            _compared(value, f"{dotted}.")
            if isinstance(value, Mapping) and value
            else {dotted: value}
        )
    return flat


def _kept_no_checksum_of_contents(before: Settings, now: Settings) -> bool:
    """The old checksum has no form, and the new one has; a table of trainings has one of its text
    alone, without a form.
    """
    old, new = str(before.get(DATA_CHECKSUM)), str(now.get(DATA_CHECKSUM))
    return (
        DATA_CHECKSUM in before
        and new.startswith(CHECKSUM_FORM)
        and not old.startswith(CHECKSUM_FORM)
    )


def _shown(changed: list[str], before: Settings, now: Settings) -> str:
    shown = [
        f"{_option(key)} ({_short(before.get(key))} before, {_short(now.get(key))} now)"
        for key in changed
    ]
    return first_of(shown, MOST_SHOWN)


def _option(name: str) -> str:
    """Where a setting stands in the configuration."""
    return f"train.{name}" if name.startswith("mini.") else name


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
