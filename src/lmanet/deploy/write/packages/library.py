"""A network's C under a prefix of its own: what all deliveries have in common."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copyfile

from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.errors import ConfigError

TEMPLATES = SUPPORT / "packages"
COMMON = TEMPLATES / "common"
PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")
# A library's header is named after it, and must hide none of these.
STANDARD = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|"
    "std[a-z]+|string|tgmath|threads|time|uchar|wchar|wctype"
)
# What begins our names in C; within quotes stand names of classes, which stay as they are.
NAMES = re.compile(r'"[^"\n]*"|\b(lmanet|LMANET|lm)_')
INCLUDE = re.compile(r'#include "(?:lmanet_)?(\w+)\.h"')
VERSION = "1.0.0"
URL = "https://example.org/lmanet/"


@dataclass(frozen=True)
class Library:
    """What a delivery is made of.

    Attributes:
        prefix: that all names of its C begin with.
        program: folder of `lmanet.deploy.write.program.write_program`.
        check: text of the firmware's ``check.h``: an image and its logits.
        classes: their number.
        arena_bytes: of the network's memory.
        output_scale: of the logits: real = scale * (integer - zero point).

    Raises:
        ConfigError: the prefix is none.
    """

    prefix: str
    program: Path
    check: str
    classes: int
    arena_bytes: int
    output_scale: float

    def __post_init__(self) -> None:
        require_prefix(self.prefix)

    @property
    def values(self) -> dict[str, str]:
        """Of the names in templates."""
        return {
            "PREFIX": self.prefix,
            "UPPER": self.prefix.upper(),
            "CLASSES": str(self.classes),
            "ARENA_BYTES": f"{self.arena_bytes:,}",
            "SCALE": f"{self.output_scale:.9e}",
            "VERSION": VERSION,
            "URL": URL,
            "DATE": date.today().isoformat(),
        }

    def write_sources(self, folder: Path) -> list[str]:
        """Write all C into a folder; gives the names of its files, in order."""
        folder.mkdir(parents=True, exist_ok=True)
        found = [*self.program.glob("*.[ch]"), *(SUPPORT / "firmware").glob("camera.*")]
        for source in found:
            stem = source.stem.removeprefix("lmanet_")
            text = source.read_text(encoding="utf-8")
            # our own files have assembly between quotes; those of a network have names of classes
            renamed = prefixed(text, self.prefix, in_quotes=source.stem != "network")
            (folder / f"{self.prefix}_{stem}{source.suffix}").write_text(renamed, encoding="utf-8")
        self.write(folder / f"{self.prefix}.h", COMMON / "library.h")
        self.write(folder / f"{self.prefix}_classify.h", COMMON / "classify.h")
        return sorted(path.name for path in folder.glob(f"{self.prefix}*.[ch]"))

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
        self.write(folder / "README.md", COMMON / "README.md", OPEN=opening)
        copyfile(COMMON / "LICENSE.txt", folder / "LICENSE.txt")

    def write_example(self, folder: Path, template: str, name: str) -> None:
        """Write a program that classifies an image, with the image beside it."""
        self.write(folder / name, COMMON / template)
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

    def renamed(found: re.Match[str]) -> str:
        return begins[found[1]] if found[1] else found[0]

    pattern = re.compile(NAMES.pattern.partition("|")[2]) if in_quotes else NAMES
    text = pattern.sub(renamed, INCLUDE.sub(r"#include <\1.h>", text))
    return re.sub(r"#include <(\w+)\.h>", lambda found: _include(found, prefix), text)


def _include(found: re.Match[str], prefix: str) -> str:
    name = found[1]
    own = name in ("network", "camera", "kernels", "inner")
    return f'#include "{prefix}_{name}.h"' if own else found[0]


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its values in place of their names."""
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], template)
