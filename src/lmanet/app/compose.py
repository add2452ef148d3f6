"""Hydra, which is imported here and nowhere else: ``conf/`` and the command line -> configurations,
and configurations -> objects.
"""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import configure_log
from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lmanet.app.mistyped import EXPERIMENT, HINT, missing_option, parsed, refuse_words, with_plus
from lmanet.app.trust import Trust
from lmanet.command import override, quoted
from lmanet.errors import ConfigError, LmanetError
from lmanet.files import replaced
from lmanet.run.folder import HYDRA, read_yaml

CONF = (Path(__file__).parents[1] / "conf").resolve()  # in a checkout a link to its conf/
CONFIG = Path(HYDRA) / "config.yaml"  # of a run's folder
OWN_OPTIONS = "hydra.searchpath="
# Of the configuration of a run that is compared these are built; all else of it is data.
COMPARED_BY = ("pareto", "target")
NOT_THERE = re.compile(r"Could not override '([^']+)'")
Config = DictConfig


class Command(NamedTuple):
    """What was typed.

    Attributes:
        overrides: the settings.
        flags: all else.
        starts: a run or a sweep, and not help or the configuration alone.
        sweeps: a job for each combination of several values.
        elsewhere: the flag that takes the settings from another file; empty without one.
        shows: the configuration is to be shown.
    """

    overrides: list[str]
    flags: list[str]
    starts: bool
    sweeps: bool
    elsewhere: str = ""
    shows: bool = False


def require_conf(folder: Path = CONF) -> None:
    """Raises `ConfigError` where git has written the link to ``conf/`` as a file: on Windows it
    does so unless it may make links.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder: git wrote a link as a file; clone with git clone -c "
            "core.symlinks=true (Windows: in developer mode), or pip install lmanet"
        )


def plainly(arguments: Sequence[str]) -> list[str]:
    """What was typed, with the ``+`` that ``experiment`` and ``ablation`` want.

    Raises:
        ConfigError: a flag is unknown, or a word is no setting.
    """
    given = parsed(get_args_parser(), arguments).overrides
    refuse_words(given, [path.stem for path in sorted((CONF / EXPERIMENT).glob("*.yaml"))])
    folders = [path.name for path in CONF.iterdir() if path.is_dir()]
    return [with_plus(each, folders) if each in given else each for each in arguments]


def own_options(arguments: Sequence[str]) -> list[str]:
    """``--config-dir FOLDER`` as a setting, which is checked and resumed like the others.

    Raises:
        ConfigError: there is no such folder.
    """
    given = parsed(get_args_parser(), arguments).config_dir
    if given is None:
        return list(arguments)
    folder = Path(given).expanduser().absolute()
    if not folder.is_dir():
        raise ConfigError(
            f"--config-dir={given}: there is no such folder; name one that is laid out like conf/"
        )
    flags = ("--config-d", "-cd")  # of a long flag, any beginning that only one has
    place = next(i for i, each in enumerate(arguments) if each.startswith(flags))
    taken = 1 if "=" in arguments[place] else 2
    setting = f"{OWN_OPTIONS}[{quoted(str(folder))}]"
    return [*arguments[:place], setting, *arguments[place + taken :]]


def trusted(run: str, typed: Sequence[str]) -> Trust:
    """What a stranger's run may name, where this was typed beside it.

    Args:
        run: ``resume=FOLDER`` or ``runs=FOLDER``.

    Raises:
        ConfigError: what was typed cannot be read.
    """
    places = [text for text in typed if text.startswith(OWN_OPTIONS)]
    try:
        found = [OverridesParser.create().parse_override(text).value() for text in places]
    except HydraException as error:
        raise ConfigError(_fault(error)) from None
    named = [each for value in found if isinstance(value, list) for each in value]
    folders = [Path(str(each).removeprefix("file://")) for each in named]
    return Trust.of(run, [CONF, *folders], typed)


def as_written(config: Config) -> dict[str, Any]:
    """A job's configuration without Hydra's own part, interpolations as they are written."""
    written = OmegaConf.to_container(config)
    assert isinstance(written, dict)
    return {str(key): value for key, value in written.items() if key != "hydra"}


def as_yaml(config: Config) -> str:
    """A configuration as Hydra shows it, interpolations as they are written."""
    return OmegaConf.to_yaml(config)


def read_command(arguments: Sequence[str]) -> Command:
    """Sort what was typed, as Hydra will.

    Raises:
        ConfigError: a pickle of Hydra's is to be read, which may run anything.
    """
    given = parsed(get_args_parser(), arguments)
    shows = given.help or given.hydra_help or given.cfg or given.info or given.shell_completion
    if given.experimental_rerun:
        raise ConfigError(
            f"--experimental-rerun {given.experimental_rerun} reads a pickle, which may run "
            "anything; go on with a run by resume=FOLDER"
        )
    elsewhere = "--config-path" if given.config_path else "--config-name"
    elsewhere = elsewhere if given.config_path or given.config_name else ""
    flags = [each for each in arguments if each not in given.overrides]
    starts = not (shows or elsewhere)
    sweeps = bool(given.multirun)
    return Command(list(given.overrides), flags, starts, sweeps, elsewhere, bool(given.cfg))


def understood(command: Command) -> tuple[Command, Config]:
    """The command as Hydra takes it, and the configuration of its first job, Hydra's own part with
    it.

    What ``conf/`` does not list is added where it is set: the constructors say what is legal.

    Raises:
        ConfigError: the overrides cannot be read, or name an option that is not there.
    """
    for _ in (*command.overrides, ""):
        first = jobs(command.overrides)[0] if command.sweeps else command.overrides
        try:
            return command, _compose(first)
        except (HydraException, OmegaConfBaseException) as error:
            missing = NOT_THERE.search(str(error))
            added = [
                f"++{text}" if missing and text.startswith(f"{missing[1]}=") else text
                for text in command.overrides
            ]
            if added == command.overrides:
                raise ConfigError(_fault(error)) from None
            command = command._replace(overrides=added)
    raise AssertionError("each override is added at most once")


def compose(overrides: Sequence[str]) -> Config:
    """The configuration of one job, Hydra's own part with it.

    Raises:
        ConfigError: the overrides cannot be read, or name an option that is not there.
    """
    try:
        return _compose(overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_fault(error)) from None


def jobs(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep.

    Raises:
        ConfigError: they cannot be read.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        return [job for batch in BasicSweeper.split_arguments(parsed, None) for job in batch]
    except HydraException as error:
        raise ConfigError(_fault(error)) from None


def folder_of(config: Config, sweeps: bool) -> Path:
    """Where Hydra would put a run or a sweep."""
    return Path(str(OmegaConf.select(config, "hydra.sweep.dir" if sweeps else "hydra.run.dir")))


def in_folder(config: Config, folder: Path) -> Config:
    """The configuration as its job will have it, in a folder that is known by now."""
    config = config.copy()
    OmegaConf.set_struct(config, False)
    typed = OmegaConf.to_container(config)  # with interpolations as they are written
    assert isinstance(typed, dict)
    if str(typed["folder"]).startswith("${hydra:"):
        config.folder = str(folder.absolute())
    config.pop("hydra")
    return config


def saved_config(folder: Path) -> dict[str, Any]:
    """What a run has saved of its first start, as written; nothing where it has not started.

    Raises:
        ConfigError: the file is no configuration.
    """
    path = folder / CONFIG
    try:
        return _saved(path) if path.is_file() else {}
    except (OmegaConfBaseException, YAMLError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read: {str(error).splitlines()[0]}; remove it, and today's conf/ "
            "counts in its place"
        ) from None


def written(settings: Mapping[str, Any]) -> Config:
    """The configuration of a job from what `as_written` gave."""
    return OmegaConf.create(dict(settings))


def resolved(config: Config, changes: Mapping[str, object]) -> Config:
    """A copy with every interpolation resolved, for a process that has no Hydra, and with changes
    at the root.
    """
    return OmegaConf.create({**plain(config), **changes})


def start_log(config: Config, folder: Path) -> None:
    """Log to the terminal and to the run's folder, as Hydra does from its start on."""
    OmegaConf.update(config, "hydra.runtime.output_dir", str(folder.absolute()))
    HydraConfig.instance().set_config(config)
    configure_log(config.hydra.job_logging, config.hydra.verbose)


def launch(task: Callable[[Config], None], command: Command, folder: Path | None = None) -> None:
    """Hand the command line to Hydra, which composes the configuration of each job and calls
    ``task`` with it.
    """
    where = (
        [override("hydra.sweep.dir" if command.sweeps else "hydra.run.dir", folder)]
        if folder
        else []
    )
    sys.argv[1:] = [*command.flags, *command.overrides, *where]  # Hydra reads its arguments there
    hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(task)()


def keep_start(config: Config, folder: Path) -> None:
    """Write configuration and overrides of a job's first start to ``.hydra/``, whole or not at all;
    no later start changes them.
    """
    kept = folder / HYDRA
    if kept.is_dir() or not HydraConfig.initialized():
        return
    own = HydraConfig.get()
    contents = {
        "config": config,
        "hydra": {"hydra": own},
        "overrides": kept_overrides(own.overrides),
    }
    with replaced(kept) as partial:
        partial.mkdir()
        for name, content in contents.items():
            (partial / f"{name}.yaml").write_text(OmegaConf.to_yaml(content), encoding="utf-8")


def kept_overrides(overrides: Any) -> list[str]:
    """What a run keeps of ``hydra.overrides``; variables of the environment as they are named, not
    what they hold.
    """
    typed = OmegaConf.to_container(overrides)
    assert isinstance(typed, dict)
    return [*(text for text in typed["hydra"] if text.startswith(OWN_OPTIONS)), *typed["task"]]


def overrides_of_job() -> list[str]:
    """What `kept_overrides` gives of the job that Hydra has started."""
    return kept_overrides(HydraConfig.get().overrides)


def plain(config: Any) -> Any:
    """A part of the configuration as lists, dictionaries and values.

    Raises:
        ConfigError: a value refers to another that is not there.
    """
    try:
        return (
            OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config
        )
    except OmegaConfBaseException as error:
        raise ConfigError(f"{_fault(error)} ({error.full_key}, conf/)") from None


def compared_config(folder: Path, typed: Sequence[str]) -> Config:
    """Of the configuration of a run that is compared what is built of it, held against what a
    stranger's may name.

    Args:
        typed: in this start.

    Raises:
        ConfigError: the file is no configuration, or names what it may not.
    """
    try:
        saved = _saved(folder / CONFIG)
        config = OmegaConf.create({key: saved[key] for key in COMPARED_BY})
    except (OmegaConfBaseException, YAMLError, KeyError, ValueError) as error:
        raise ConfigError(
            f"{folder / CONFIG} holds no configuration of a run: {str(error).splitlines()[0]}; "
            "leave the run out of runs="
        ) from None
    config.update(folder=str(folder), stages=["compare"])
    # A key that was typed is one of this start, not of that run.
    replace(trusted(f"runs={folder}", typed), typed=frozenset()).check(as_written(config))
    plain(config)  # says where a value refers to what is not built
    return config


def make(config: Config, **parts: Any) -> Any:
    """Build what a group of ``conf/`` describes, with parts that other groups made.

    Raises:
        ConfigError: a key that its constructor does not know, or lacks.
        LmanetError: what a constructor raised.
    """
    # Not as keywords of `instantiate`: it would turn a dataclass into a configuration.
    factory = build(config, partial=True)
    try:
        inspect.signature(factory.func).bind(*factory.args, **factory.keywords, **parts)
    except TypeError as error:
        raise ConfigError(
            f"{config._target_} does not take these settings: {error} (conf/)"
        ) from error
    return factory(**parts)


def build(config: Config, partial: bool = False) -> Any:
    """Build what a group of ``conf/`` describes.

    Raises:
        LmanetError: what a constructor raised, or `ConfigError` in place of any other error.
    """
    try:
        return instantiate(config, _partial_=True) if partial else instantiate(config)
    except InstantiationException as error:  # Hydra wraps what a constructor raised
        cause = error.__cause__
        if isinstance(cause, LmanetError):
            raise cause from None
        raise ConfigError(" ".join(f"{error} {cause or ''}".split())) from error


def _saved(path: Path) -> dict[str, Any]:
    read_yaml(path.read_text(encoding="utf-8"))
    whole = OmegaConf.load(path)
    if not isinstance(whole, DictConfig):
        raise ValueError("it is no mapping")
    return as_written(whole)


def _compose(overrides: Sequence[str]) -> Config:
    with hydra.initialize_config_dir(str(CONF), job_name="run", version_base="1.3"):
        return hydra.compose("config", list(overrides), return_hydra_config=True)


def _fault(error: Exception) -> str:
    """What Hydra says over several lines, without the paths that it searched."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        return missing_option(error.missing_cfg_file, error.options, str(error))
    text = str(error).partition("Config search path")[0].partition("See https://")[0]
    hint = f"; {HINT}" if isinstance(error, OverrideParseException) else ""
    return " ".join(text.split()).rstrip(" .") + hint
