"""Words that are no settings, and options that are not there: what was meant, in one sentence."""

import argparse
import io
import re
from collections.abc import Collection, Sequence
from contextlib import redirect_stderr

from lmanet.app.demo import DEMO
from lmanet.app.init import START
from lmanet.app.settings import GROUPS, ROOT_KEYS, STAGES, close, nearest
from lmanet.errors import ConfigError

HINT = (
    "a value with a space or one of = , : ( [ { ~ stands in quotes within quotes: \"key='a value'\""
)
HELP = "--help"
EXPERIMENT = "experiment"


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """What a parser reads; by itself it would print all its flags and leave.

    Raises:
        ConfigError: a flag is unknown, or its value is not legal.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return parser.parse_intermixed_args(list(arguments))
    except SystemExit as end:
        if not end.code:
            raise
    fault = said.getvalue().strip().splitlines()[-1].partition("error: ")[2]
    what, _, flags = fault.partition(": ")
    if what == "unrecognized arguments":
        flag, legal = flags.split()[0], re.findall(r"--[a-z-]+", parser.format_usage())
        raise ConfigError(f"unknown flag {flag}; {nearest(flag, legal)} (--hydra-help)")
    raise ConfigError(f"{fault.removeprefix('argument ')} (--hydra-help)")


def with_plus(override: str, folders: Collection[str]) -> str:
    """A setting with the ``+`` that Hydra wants before a group that the configuration does not
    name, such as ``experiment``.

    Args:
        folders: of ``conf/``.
    """
    group = override.partition("=")[0]
    return f"+{override}" if group in set(folders) - set(GROUPS) else override


def refuse_words(overrides: Sequence[str], experiments: Collection[str]) -> None:
    """Refuse a word without a value, which a newcomer types as a command.

    Raises:
        ConfigError: it says what may have been meant.
    """
    bare = [place for place, text in enumerate(overrides) if not re.match(r"~|.*=", text, re.S)]
    if not bare:
        return
    word = overrides[bare[0]]
    names = {
        DEMO: DEMO,
        START: f"{START} FOLDER",
        HELP.strip("-"): HELP,
        **{f"{name}": f"{name}=..." for name in sorted(ROOT_KEYS)},
        **{name: f"stages=[{name}]" for name in STAGES},
        EXPERIMENT: f"+{EXPERIMENT}=...",
        **{name: f"+{EXPERIMENT}={name}" for name in experiments},
    }
    near = [names[name] for name in close(word.lstrip("+"), names)]
    hints = [f"did you mean {' or '.join(near)}?"] if near else []
    if bare[0] or not near:  # it may be the rest of a value
        hints.append(HINT)
    raise ConfigError(f"{word}: a setting is written name=value; {' Or: '.join(hints)}")


def missing_option(option: str, legal: Collection[str], said: str) -> str:
    """What is told of an option that ``conf/`` does not have.

    Args:
        option: ``group/name``.
        legal: names of the group.
        said: by Hydra, which begins with the file that names the option.
    """
    group, _, name = option.rpartition("/")
    by = re.match(r"In '(.+?)'", said)
    named = f", named in {by[1]}" if by and by[1] != "config" else ""
    return f"{group}={name}: there is no such option; {nearest(name, legal)} (conf/{group}{named})"
