"""The command: what was typed -> a run or a sweep; what goes wrong ends in one sentence.

It is `lmanet` where the package is installed, and `python run.py` in a checkout.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import NoReturn

from lmanet.app.compose import (
    Command,
    Config,
    as_yaml,
    compose,
    folder_of,
    in_folder,
    jobs,
    keep_start,
    kept_overrides,
    launch,
    overrides_of_job,
    own_options,
    plainly,
    read_command,
    require_conf,
    start_log,
    understood,
)
from lmanet.app.demo import DEMO, demo
from lmanet.app.init import START, write_start
from lmanet.app.lock import claimed
from lmanet.app.mistyped import HELP
from lmanet.app.resume import Resumed, brought, keep_sweep, resumed
from lmanet.app.saved import of_the_run
from lmanet.app.settings import refuse_unread
from lmanet.app.stages import Run
from lmanet.app.summary import stopped_sentence, summary
from lmanet.app.trust import remember
from lmanet.command import at_home, drop_output, printable
from lmanet.command import command as as_typed
from lmanet.errors import ConfigError, LmanetError
from lmanet.files import disk_error, write_text
from lmanet.run.folder import HISTORY, PLAN
from lmanet.stop import Stopped, stop_first, stoppable

log = logging.getLogger(__name__)
DIRECTORIES = ("hydra.run.dir=", "hydra.sweep.dir=")


def main() -> None:
    """Do what the command line says."""
    folder: Path | None = None
    try:
        with stoppable() as stops, stop_first(), _log_may_fail(), ExitStack() as claim:
            arguments = sys.argv[1:] or [HELP]
            if _answered(arguments):
                return
            typed = [at_home(argument) for argument in own_options(plainly(arguments))]
            given = resumed(brought(typed))
            command = read_command(given.arguments)
            if not command.starts:
                _show(command, given)
                return
            command, config = understood(command)
            told = ""
            if given.folder is None and config.plan_minutes is not None:
                from lmanet.app.plan import planned  # takes seconds

                command, config, told = planned(command, config)
                _say(told)
            named = given.folder is not None or any(
                text.lstrip("+").startswith(DIRECTORIES) for text in command.overrides
            )
            wanted = given.folder or folder_of(config, command.sweeps)
            with stops.held():  # or a stop could leave a folder of which nobody knows
                folder = claim.enter_context(claimed(wanted, named))
            if told:
                write_text(folder / PLAN, told)
            if command.sweeps:
                _sweep(command, folder, given)
            else:
                _run(command, config, folder, given)
    except Stopped as stop:
        left = _short(folder) if folder and folder.exists() else None
        _end(stopped_sentence(stop, left), stop.exit_code)
    except (LmanetError, OSError) as error:
        _end(f"error: {_named(error)}", 1)


def job(cfg: Config, run: Run | None = None) -> None:
    """Run one job.

    Args:
        run: of this configuration, where it was prepared before its folder was there.
    """
    folder = Path(cfg.folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with stop_first():
            keep_start(cfg, folder)
            (run or Run(cfg)).start()
            _say(*summary(folder))
    except (LmanetError, OSError) as error:
        sentences = [f"error: {_named(error)}"]
        if (folder / HISTORY).exists():
            sentences.append(f"nothing is lost; go on with: {as_typed(f'resume={_short(folder)}')}")
        _end("\n".join(sentences), 1)


def _show(command: Command, given: Resumed) -> None:
    """What Hydra shows, or runs with another file of settings."""
    if given.folder and command.elsewhere:
        raise ConfigError(
            f"resume={given.folder} does not go with {command.elsewhere}: a run goes on with its "
            "own settings; name one of the two"
        )
    if given.folder and command.shows:
        _say(_own_settings(command, given.folder, given).rstrip("\n"))
        return
    if command.elsewhere:
        launch(job, command)
        return
    shown = StringIO()  # Hydra prints a traceback where its reader leaves
    try:
        with redirect_stdout(shown):
            launch(job, command)
    finally:
        _say(shown.getvalue().rstrip("\n"))


def _own_settings(command: Command, folder: Path, given: Resumed) -> str:
    """What a run goes on with; Hydra would show what ``conf/`` has by now."""
    if command.sweeps or command.flags not in (["--cfg", "job"], ["-c", "job"]):
        raise ConfigError(
            f"resume={folder} does not go with {' '.join(command.flags)}: of a run that goes on, "
            "--cfg job alone shows the settings, each with its interpolations"
        )
    config = understood(command)[1]
    overrides = kept_overrides(config.hydra.overrides)
    return as_yaml(of_the_run(in_folder(config, folder), folder, given, overrides))


def _run(command: Command, config: Config, folder: Path, given: Resumed) -> None:
    overrides = kept_overrides(config.hydra.overrides)
    job_config = of_the_run(in_folder(config, folder), folder, given, overrides)
    _remember(given, [overrides])
    start_log(config, folder)
    run = Run(job_config, given.typed)
    refuse_unread(sys.argv[1:], run.names)
    run.prepare()

    def prepared(cfg: Config) -> None:
        job(cfg, run)

    launch(prepared, command, folder)


def _sweep(command: Command, folder: Path, given: Resumed) -> None:
    """Check every job before the first is started, each seed by its value alone."""
    different: dict[str, Config] = {}
    for number, overrides in enumerate(jobs(command.overrides)):
        composed = compose(overrides)
        kept = kept_overrides(composed.hydra.overrides)
        config = of_the_run(in_folder(composed, folder), folder / str(number), given, kept)
        _remember(given, [kept, command.overrides])
        Run(config, given.typed).check_settings()  # its seed, too; what takes long comes later
        different.setdefault(repr({**config, "seed": 0}), config)
    for config in different.values():
        Run(config, given.typed).prepare()
    keep_sweep(folder, command.overrides)

    def with_typed(cfg: Config) -> None:
        config = of_the_run(cfg, Path(cfg.folder), given, overrides_of_job())
        job(config, Run(config, given.typed))

    launch(with_typed, command, folder)


def _remember(given: Resumed, overrides: Sequence[Sequence[str]]) -> None:
    """Keep in mind what was typed on this machine."""
    for each in () if given.trust else overrides:
        remember(each)


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Go on quietly where who reads a pipe, such as ``head``, has seen enough."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def _say(*lines: str) -> None:
    with _reader_may_leave():
        print(*map(printable, lines), sep="\n")


def _answered(arguments: Sequence[str]) -> bool:
    """Do what is no run: write a start for own settings, show a network, or say the version."""
    require_conf()
    if arguments[:1] == [START]:
        _say(write_start(arguments[1:]))
    elif arguments[:1] == [DEMO]:
        for line in demo(arguments[1:]):
            _say(line)
    elif arguments == ["--version"]:
        _say(f"lmanet {version('lmanet')}")
    else:
        return False
    return True


@contextmanager
def _log_may_fail() -> Iterator[None]:
    """A line that a full disk does not take is lost: the run itself says what it is short of, once,
    where logging would print a traceback for each line.
    """
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def _named(error: Exception) -> Exception:
    """An error whose message is meant for the user.

    Raises:
        OSError: none of a disk or its rights; where it came from must be seen.
    """
    named = disk_error(error) if isinstance(error, OSError) else error
    if named is None:
        raise error
    return named


def _end(words: str, exit_code: int) -> NoReturn:
    log.debug("%s", words)
    with suppress(OSError):  # nobody may read it any more
        print(printable(words), file=sys.stderr)
    raise SystemExit(exit_code) from None


def _short(folder: Path) -> Path:
    return Path(os.path.relpath(folder))
