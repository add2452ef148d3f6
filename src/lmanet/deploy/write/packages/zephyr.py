"""A Zephyr module."""

from pathlib import Path

from lmanet.deploy.write.packages.library import Library
from lmanet.deploy.write.packages.senses import TEMPLATES

OPEN = """A Zephyr module. Name this folder in `ZEPHYR_EXTRA_MODULES`, and set
`CONFIG_@UPPER@_NETWORK=y`. `west build -b <board> examples/classify` builds the
example, which prints class and probability."""


def write(library: Library, folder: Path) -> None:
    """Write the module into ``folder``."""
    own, templates = folder / library.prefix, TEMPLATES / "zephyr"
    names = library.write_sources(own / "src")
    sources = " ".join(f"src/{name}" for name in names if name.endswith(".c"))
    library.write(own / "zephyr" / "module.yml", templates / "module.yml")
    library.write(own / "Kconfig", templates / "Kconfig")
    library.write(own / "CMakeLists.txt", templates / "CMakeLists.txt", SOURCES=sources)
    example = own / "examples" / "classify"
    library.write(example / "CMakeLists.txt", templates / "example.txt")
    library.write(example / "prj.conf", templates / "prj.conf")
    library.write_example(example / "src", "main.c", "main.c")
    library.write_readme(own, OPEN)
