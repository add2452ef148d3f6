"""The command: what was typed -> a run or a sweep; what goes wrong ends in one sentence."""

import os
import sys
from pathlib import Path

from lmanet.app.compose import (
    Command,
    Config,
    compose,
    folder_of,
    in_folder,
    jobs,
    keep_start,
    launch,
    own_options,
    read_command,
    start_log,
    understood,
)
from lmanet.app.lock import claimed
from lmanet.app.resume import keep_sweep, resumed
from lmanet.app.settings import refuse_unread
from lmanet.app.stages import Run
from lmanet.command import at_home
from lmanet.command import command as as_typed
from lmanet.errors import LmanetError
from lmanet.files import write_text
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
    TEST,
)

FILES = {
    PLAN: "what was found in the pictures, what was chosen and why",
    HISTORY: "every trial",
    FRONT: "the networks that no other beats",
    STUDENT: "the best network: lmanet.load_network(path)",
    DEPLOYED: "the best network in int8: .tflite, C, firmware",
    TEST: "accuracy on the test images",
    RELEASED: "networks for timm, Hugging Face, ONNX and the board",
    REPORT_HTML: "the report, in one file for a browser",
    REPORT_MD: "the same for a terminal, plots beside it",
    f"{COMPARED}/compare.html": (
        "which searcher is better, in one file; compare.md and compare.csv beside it"
    ),
}
DIRECTORIES = ("hydra.run.dir=", "hydra.sweep.dir=")


def main() -> None:
    """Do what the command line says."""
    try:
        given = resumed([at_home(argument) for argument in own_options(sys.argv[1:])])
        command = read_command(given.arguments)
        if not command.starts:
            launch(job, command)
            return
        command, config = understood(command)
        told = ""
        if given.folder is None and config.plan_minutes is not None:
            from lmanet.app.plan import planned  # takes seconds

            command, config, told = planned(command, config)
            print(told, flush=True)
        named = given.folder is not None or any(
            text.lstrip("+").startswith(DIRECTORIES) for text in command.overrides
        )
        with claimed(given.folder or folder_of(config, command.sweeps), named) as folder:
            if told:
                write_text(folder / PLAN, told)
            if command.sweeps:
                _sweep(command, folder)
            else:
                _run(command, config, folder)
    except LmanetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def job(cfg: Config, run: Run | None = None) -> None:
    """Run one job.

    Args:
        run: of this configuration, where it was prepared before its folder was there.
    """
    folder = Path(cfg.folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        keep_start(cfg, folder)
        (run or Run(cfg)).start()
        summarise(folder)
    except LmanetError as error:
        print(f"error: {error}", file=sys.stderr)
        if (folder / HISTORY).exists():
            print(
                f"nothing is lost; go on with: {as_typed(f'resume={_short(folder)}')}",
                file=sys.stderr,
            )
        raise SystemExit(1) from None


def summarise(folder: Path) -> None:
    """Print where each file of the run is and what can be done next; whole paths, however narrow
    the terminal.
    """
    shown = _short(folder)
    lines = [
        (str(shown / name), meaning) for name, meaning in FILES.items() if (folder / name).exists()
    ]
    width = max((len(path) for path, _ in lines), default=0)
    for path, meaning in lines:
        print(f"{path:<{width}}  {meaning}")
    if (folder / HISTORY).exists():
        print(
            f"Next: {as_typed(f'resume={shown}')} budget.proposals=... goes on searching; "
            "README.md says what else"
        )


def _run(command: Command, config: Config, folder: Path) -> None:
    start_log(config, folder)
    run = Run(in_folder(config, folder))
    refuse_unread(sys.argv[1:], run.names)
    run.prepare()

    def prepared(cfg: Config) -> None:
        job(cfg, run)

    launch(prepared, command, folder)


def _sweep(command: Command, folder: Path) -> None:
    """Check every job before the first is started; the seed changes nothing of what is checked."""
    checked = set()
    for overrides in jobs(command.overrides):
        config = in_folder(compose(overrides), folder)
        if (seedless := repr({**config, "seed": 0})) not in checked:
            checked.add(seedless)
            Run(config).prepare()
    keep_sweep(folder, command.overrides)
    launch(job, command, folder)


def _short(folder: Path) -> Path:
    return Path(os.path.relpath(folder))
