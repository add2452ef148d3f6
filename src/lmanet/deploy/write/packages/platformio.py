"""A PlatformIO library."""

from pathlib import Path

from lmanet.deploy.write.packages.library import Library
from lmanet.deploy.write.packages.senses import TEMPLATES

OPEN = """A PlatformIO library. Copy this folder into `lib` of your project, or name it in
`lib_deps` of `platformio.ini` as `file://` and its path. `examples/classify/main.cpp`
prints class, probability and milliseconds with the Arduino framework."""


def write(library: Library, folder: Path) -> None:
    """Write the library into ``folder``."""
    own = folder / library.prefix
    library.write_sources(own / "src")
    library.write(own / "library.json", TEMPLATES / "platformio" / "library.json")
    library.write_example(own / "examples" / "classify", "classify.ino", "main.cpp")
    library.write_readme(own, OPEN)
