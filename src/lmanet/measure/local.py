"""The file of a board whose cycles were measured: ``conf/target/local/<name>.yaml`` of the user."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from lmanet.board import MeasuredCycles, Target, load_target
from lmanet.board.cycles import LEAST_NETWORKS, Point
from lmanet.errors import ConfigError
from lmanet.files import write_text
from lmanet.run.measurement import BoardMeasurement

log = logging.getLogger(__name__)
HEAD = """# Written by the stage measure; estimates of latency for target=local/{name} rest on it.
# {board}: {networks} networks at {clock} MHz, {ratio} cycles an instruction{error}.
"""
CLASSES = {"c_options": "CStaticOptions", "kit": "Kit", "measured": "MeasuredCycles"}
OF_COST = "c_options"


def learn(target: Target, figures: BoardMeasurement, folder: Path) -> Path | None:
    """Add a network to the file of a board; gives its path, None where nothing is to be learned.

    Args:
        target: of the run; one that was fitted before stays as it is, since its searches rest on
            it.
        folder: of such files.

    Raises:
        ConfigError: the file that is there is no board's, or another board's.
    """
    if target.measured:
        log.info("target=%s was fitted before, and stays as it is", target.name)
        return None
    name = f"{target.name}-emulated" if figures.emulated else target.name
    path = folder / f"{name}.yaml"
    clock = round(figures.core_mhz)
    before = _before(path, figures.board, clock)
    point = Point(figures.network, figures.instructions, round(_median(figures)))
    others = tuple(Point(*each) for each in before if each[0] != point.network)
    measured = MeasuredCycles(figures.board, (*others, point))
    made = replace(target, name=name, clock_mhz=clock, measured=measured)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, _head(made, measured) + yaml.safe_dump(_plain(made), sort_keys=False))
    left = LEAST_NETWORKS - len(measured.networks)
    if left > 0:
        log.info("%s: %d more network(s), and estimates rest on it", path, left)
    else:
        log.info("%s: take target=local/%s for estimates of this board", path, name)
    return path


def _before(path: Path, board: str, clock: int) -> tuple[Any, ...]:
    if not path.exists():
        return ()
    found = load_target(path)
    if found.measured is None:
        raise ConfigError(
            f"{path} was not written by the stage measure; move it, or set measure.local to "
            "another folder (conf/measure)"
        )
    if (found.measured.board, found.clock_mhz) != (board, clock):
        raise ConfigError(
            f"{path} is of {found.measured.board!r} at {found.clock_mhz} MHz, and this is "
            f"{board!r} at {clock} MHz; move the file, or set measure.local to another folder "
            "(conf/measure)"
        )
    return tuple(found.measured.networks)


def _median(figures: BoardMeasurement) -> float:
    return figures.cycles_an_instruction * figures.instructions


def _head(target: Target, measured: MeasuredCycles) -> str:
    return HEAD.format(
        name=target.name,
        board=measured.board,
        networks=len(measured.networks),
        clock=target.clock_mhz,
        ratio=f"{measured.ratio:.3f}",
        error=f", each within {measured.error:.1%} of the others" if measured.is_enough else "",
    )


def _plain(target: Target) -> dict[str, Any]:
    """As a file of conf/target, in full: it needs no other file."""
    content: dict[str, Any] = {"_target_": "lmanet.board.Target"}
    for name, value in asdict(target).items():
        if name in CLASSES:
            place = "cost" if name == OF_COST else "board"
            value = {"_target_": f"lmanet.{place}.{CLASSES[name]}", **value}
        elif name == "regions":
            value = [{"_target_": "lmanet.board.Region", **region} for region in value]
        content[name] = value
    content["kit"]["boards"] = list(content["kit"]["boards"])
    content["measured"]["networks"] = [list(each) for each in content["measured"]["networks"]]
    return content
