"""A network's C under a prefix of its own: what all deliveries have in common."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copyfile

from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.deploy.write.packages.senses import COMMON, Sense, Stream, sense_of
from lmanet.errors import ConfigError
from lmanet.network.operators import Shape

PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")
# A library's header is named after it, and must hide none of these.
STANDARD = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|"
    "std[a-z]+|string|tgmath|threads|time|uchar|wchar|wctype"
)
# What begins our names in C; within quotes stand names of classes, which stay as they are.
NAMES = re.compile(r'"[^"\n]*"|\b(lmanet|LMANET|lm)_')
# Between quotes stand files of the network alone; those of C are between angle brackets.
INCLUDE = re.compile(r'#include "(?:lmanet_)?(\w+)\.h"')
VERSION = "1.0.0"
BY_THRESHOLDS = """
`{0}_class()` chooses by the thresholds of the classes. It gives `{1}_UNSURE` where the network is
unsure. `{0}_best()` is the class of the largest logit, whatever the thresholds are.
"""


@dataclass(frozen=True)
class Library:
    """What a delivery is made of.

    Attributes:
        prefix: that all names of its C begin with.
        program: folder of the network's C, with that of `lmanet.deploy.write.sound.write_sound` or
            `lmanet.deploy.write.moments.write_moments` where there is a stream.
        check: text of the example's ``check.h``: an input and its logits.
        classes: their number.
        arena_bytes: of the network's memory.
        output_scale: of the logits: real = scale * (integer - zero point).
        shape: channels, height and width of the network's input.
        stream: what makes the network's input of samples or of a sensor's values.
        url: where the library is published; empty is nowhere.
        by_thresholds: the network's C chooses a class by thresholds.

    Raises:
        ConfigError: the prefix is none.
    """

    prefix: str
    program: Path
    check: str
    classes: int
    arena_bytes: int
    output_scale: float
    shape: Shape
    stream: Stream | None = None
    url: str = ""
    by_thresholds: bool = False

    def __post_init__(self) -> None:
        require_prefix(self.prefix)

    @property
    def sense(self) -> Sense:
        """What is classified."""
        return sense_of(self.shape, self.classes, self.stream)

    @property
    def values(self) -> dict[str, str]:
        """Of the names in templates."""
        word = self.sense.word
        frame = f"{self.prefix}_input_from_rgb565(frame, width, height); // or "
        start = frame if word == "image" else "// "
        return {
            "PREFIX": self.prefix,
            "UPPER": self.prefix.upper(),
            "SENSE": word,
            "A_SENSE": f"{'An' if word == 'image' else 'A'} {word}",
            "CLASSES": str(self.classes),
            "ARENA_BYTES": f"{self.arena_bytes:,}",
            "SCALE": f"{self.output_scale:.9e}",
            "VERSION": VERSION,
            "URL": self.url,
            "DATE": date.today().isoformat(),
            "FILL": f"{start}fill {self.prefix}_input() by {self.prefix}_input_table",
            **self._choosing,
            **self.sense.values,
        }

    @property
    def _choosing(self) -> dict[str, str]:
        """How examples choose a class, and name it."""
        prefix, name = self.prefix, f"{self.prefix}_classes[best]"
        if not self.by_thresholds:
            return {"CHOOSE": f"{prefix}_best()", "NAME": name, "LIKELY": "best", "RULE": ""}
        return {
            "CHOOSE": f"{prefix}_class()",
            "NAME": f'best < 0 ? "unsure" : {name}',
            "LIKELY": f"best < 0 ? {prefix}_best() : best",
            "RULE": BY_THRESHOLDS.format(prefix, self.prefix.upper()),
        }

    def write_sources(self, folder: Path) -> list[str]:
        """Write all C into a folder; gives the names of its files, in order."""
        folder.mkdir(parents=True, exist_ok=True)
        camera = [*(SUPPORT / "firmware").glob("camera.*")] if self.sense.word == "image" else []
        own = [path for path in self.program.glob("*.[ch]") if path.stem != "camera"]
        for source in [*own, *camera]:
            stem = source.stem.removeprefix("lmanet_")
            text = source.read_text(encoding="utf-8")
            # our own files have assembly between quotes; those of a network have names of classes
            renamed = prefixed(text, self.prefix, in_quotes=source.stem != "network")
            (folder / f"{self.prefix}_{stem}{source.suffix}").write_text(renamed, encoding="utf-8")
        headers = sorted(["classify", "network", *self.sense.headers])
        includes = "\n".join(f'#include "{self.prefix}_{each}.h"' for each in headers)
        self.write(folder / f"{self.prefix}.h", self.template("library.h"), INCLUDES=includes)
        self.write(folder / f"{self.prefix}_classify.h", self.template("classify.h"))
        return sorted(path.name for path in folder.glob(f"{self.prefix}*.[ch]"))

    def template(self, name: str) -> Path:
        """The file of that name for what the network reads."""
        return next(each / name for each in self.sense.folders if (each / name).exists())

    def write(self, path: Path, template: Path, **more: str) -> None:
        """Fill a template."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = filled(template.read_text(encoding="utf-8"), {**self.values, **more})
        path.write_text(text, encoding="utf-8")

    def write_readme(self, folder: Path, how_to_open: str) -> None:
        """Write README and licence.

        Args:
            how_to_open: what a user does with the folder.
        """
        opening = filled(how_to_open, self.values)
        self.write(folder / "README.md", self.template("README.md"), OPEN=opening)
        copyfile(COMMON / "LICENSE.txt", folder / "LICENSE.txt")

    def write_example(self, folder: Path, template: str, name: str) -> None:
        """Write a program that classifies, with what checks it beside it."""
        self.write(folder / name, self.template(template))
        (folder / "check.h").write_text(prefixed(self.check, self.prefix), encoding="utf-8")


def require_prefix(prefix: str) -> None:
    """Raise `ConfigError` where names of C cannot begin with a prefix."""
    if not PREFIX.fullmatch(prefix) or STANDARD.fullmatch(prefix):
        raise ConfigError(
            f"deploy.prefix={prefix!r} begins no name of C; legal are a lower-case letter and up "
            "to 30 lower-case letters, digits and underscores, and no header of C (conf/deploy)"
        )


def prefixed(text: str, prefix: str, in_quotes: bool = True) -> str:
    """C whose names begin with a prefix instead of ``lmanet_``, ``LMANET_`` and ``lm_``.

    Args:
        in_quotes: text between quotes is changed, too.
    """
    begins = {"lmanet": f"{prefix}_", "LMANET": f"{prefix.upper()}_", "lm": f"{prefix}_lm_"}
    pattern = re.compile(NAMES.pattern.partition("|")[2]) if in_quotes else NAMES

    def renamed(found: re.Match[str]) -> str:
        return begins[found[1]] if found[1] else found[0]

    def line(text: str) -> str:
        if found := INCLUDE.match(text):
            return f'#include "{prefix}_{found[1]}.h"{text[found.end() :]}'
        return pattern.sub(renamed, text)

    return "".join(map(line, text.splitlines(keepends=True)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its values in place of their names."""
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], template)
