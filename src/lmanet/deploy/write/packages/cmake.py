"""A library for any project that CMake builds."""

from pathlib import Path

from lmanet.deploy.write.packages.library import Library
from lmanet.deploy.write.packages.senses import TEMPLATES

OPEN = """A library for CMake: `add_subdirectory(@PREFIX@)`, then
`target_link_libraries(your_program PRIVATE @PREFIX@)`. By itself the folder builds
the library and, for the machine that compiles it, `@PREFIX@_example`."""


def write(library: Library, folder: Path) -> None:
    """Write the library into ``folder``."""
    own = folder / library.prefix
    names = library.write_sources(own / "src")
    sources = " ".join(f"src/{name}" for name in names if name.endswith(".c"))
    template = TEMPLATES / "cmake" / "CMakeLists.txt"
    library.write(own / "CMakeLists.txt", template, SOURCES=sources)
    library.write_example(own / "examples" / "classify", "main.c", "main.c")
    library.write_readme(own, OPEN)
