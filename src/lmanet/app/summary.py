"""The last screen of a run: what it found, what to open, and how to go on, or that it was stopped.
No path is cut, however narrow the terminal.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from lmanet.command import command
from lmanet.run.folder import (
    COMPARED,
    DEPLOYED,
    FRONT,
    HISTORY,
    PLAN,
    RELEASED,
    REPORT_HTML,
    REPORT_MD,
    STUDENT,
    RunFolder,
)
from lmanet.run.quantities import FLASH, MACS, SRAM, Quantity
from lmanet.run.results import Deployed, TrainedNetwork
from lmanet.space import architecture_id
from lmanet.stop import Stopped
from lmanet.track import front_table

SHOWN = 3  # files
FRONT_SHOWN = 6  # networks
INDENT = "    "
WIDTH = 80  # characters of a line, but for paths
MEANINGS = {  # the first that are there are named
    f"{COMPARED}/compare.html": "which searcher is better",
    REPORT_HTML: "the report, in one file for a browser",
    f"{DEPLOYED}/*/firmware/README.md": "how to build the network in C and flash it",
    STUDENT: "the best network: lmanet.load_network(path)",
    f"{RELEASED}/*/README.md": "the network for timm, the Hugging Face Hub, ONNX and the board",
    REPORT_MD: "the report for a terminal, plots beside it",
    HISTORY: "every trial",
    FRONT: "the networks that no other beats",
    PLAN: "what was found in the pictures, what was chosen and why",
}


def summary(folder: Path) -> Iterator[str]:
    """The front, the best network with its accuracy and costs, and the files to open, in lines."""
    run, shown = RunFolder(folder), Path(os.path.relpath(folder))
    if best := run.best():
        yield from _front(run)
        yield from _words(run, best)
        yield "Open:"
    for path, meaning in _files(folder):
        yield str(shown / path)
        yield INDENT + meaning
    if (folder / HISTORY).exists():
        yield f"Next: {command(f'resume={shown}')} budget.proposals=..."
        yield INDENT + "goes on searching"


def stopped_sentence(stop: Stopped, folder: Path | None) -> str:
    """What became of a run that a signal ended, and how it goes on.

    Args:
        folder: of the run or the sweep, as it is to be typed; None where nothing came of it.
    """
    if folder is None:
        return f"stopped by {stop.name} before anything was done; nothing is left of this start"
    again = command(f"resume={folder}")
    return f"stopped by {stop.name}; nothing is lost, go on with: {again}"


def _front(run: RunFolder) -> Iterator[str]:
    if not (front := run.front.read()):
        return
    console = Console(width=WIDTH)
    with console.capture() as drawn:
        console.print(front_table(front.trials[:FRONT_SHOWN]))
    yield drawn.get().rstrip()
    if (more := len(front.trials) - FRONT_SHOWN) > 0:
        yield f"and {more} more in {FRONT}"


def _words(run: RunFolder, best: TrainedNetwork) -> Iterator[str]:
    """The best network in lines of at most 80 characters."""
    yield f"Best network: {architecture_id(best.architecture)}"
    # a run that went on may hold other trainings of the same architecture, deployed and tested
    deployed = [
        each.deployed for each in run.deployments.read() if each.checkpoint == best.checkpoint
    ]
    forms = {each.folder: "int8" for each in deployed[-1:]} | {best.checkpoint: "float"}
    tests = {test.checkpoint: test for test in run.tests.read()}
    accuracies = [
        f"{100 * tests[name].test_accuracy:.1f} % in {form}"
        for name, form in forms.items()
        if name in tests
    ]
    if accuracies:
        images = max(tests[name].images for name in forms if name in tests)
        yield f"{INDENT}of {images:,} test images right: {', '.join(accuracies)}"
    else:
        yield f"{INDENT}of the validation images right: {100 * best.score.val_accuracy:.1f} %"
    if deployed:
        yield from _costs(deployed[-1])


def _costs(deployed: Deployed) -> Iterator[str]:
    shown = ", ".join(_shown(each, deployed) for each in (MACS, SRAM, FLASH))
    low, high = deployed.estimated_latency_ms
    yield f"{INDENT}{shown}"
    yield f"{INDENT}{low:.0f} to {high:.0f} ms for an image on {deployed.target}, estimated"


def _shown(quantity: Quantity, deployed: Deployed) -> str:
    return f"{quantity.title} {quantity.shown(quantity.of(deployed.cost))} {quantity.shown_unit}"


def _files(folder: Path) -> list[tuple[Path, str]]:
    """The first of those that are there, and what each is."""
    found = (
        (max(paths, key=lambda path: path.stat().st_mtime).relative_to(folder), meaning)
        for pattern, meaning in MEANINGS.items()
        if (paths := list(folder.glob(pattern)))
    )
    return list(found)[:SHOWN]
