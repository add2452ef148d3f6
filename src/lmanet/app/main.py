"""The command: what was typed -> a run or a sweep; what goes wrong ends in one sentence."""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lmanet.app.compose import Config, launch
from lmanet.app.resume import resumed
from lmanet.app.stages import Run
from lmanet.errors import LmanetError
from lmanet.runfiles import HISTORY

FILES = {
    HISTORY: "every trial",
    "front.json": "the networks that no other beats",
    "student.ckpt": "the best network: lmanet.load_network(path)",
    "deploy": "the best network in int8: .tflite, C, firmware",
    "test.jsonl": "accuracy on the test images",
    "release": "networks for timm, Hugging Face, ONNX and the board",
    "report.html": "the report, in one file for a browser",
    "report.md": "the same for a terminal, plots beside it",
    "comparison/compare.html": "which searcher is better, in one file; compare.md and compare.csv beside it",
}


def main() -> None:
    """Do what the command line says."""
    try:
        arguments = resumed(sys.argv[1:])
    except LmanetError as error:
        sys.exit(f"error: {error}")
    launch(job, arguments)


def job(cfg: Config) -> None:
    """Run one job."""
    folder = Path(cfg.folder)
    try:
        Run(cfg).start()
        summarise(folder)
    except LmanetError as error:
        _end(error, folder)


def summarise(folder: Path) -> None:
    """Print where each file of the run is and what can be done next."""
    shown = Path(os.path.relpath(folder))
    table = Table(show_header=False, box=None)
    for name, meaning in FILES.items():
        if (folder / name).exists():
            table.add_row(str(shown / name), meaning)
    console = Console()
    console.print(table)
    if (folder / HISTORY).exists():
        console.print(
            f"Next: python run.py resume={shown} budget.proposals=... goes on searching; README.md says what else", soft_wrap=True
        )


def _end(error: BaseException | None, folder: Path) -> None:
    print(f"error: {error}", file=sys.stderr)
    if (folder / HISTORY).exists():
        print(f"nothing is lost; go on with: python run.py resume={folder}", file=sys.stderr)
    raise SystemExit(1)
