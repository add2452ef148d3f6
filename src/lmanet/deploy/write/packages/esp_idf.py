"""A component of ESP-IDF."""

from pathlib import Path

from lmanet.deploy.write.packages.library import TEMPLATES, Library

OPEN = """A component of ESP-IDF. Copy this folder into `components` of your project, and name
`@PREFIX@` under `PRIV_REQUIRES`. `examples/classify/main.c` shows how to run it; in
ESP-IDF, `main` is called `app_main`."""


def write(library: Library, folder: Path) -> None:
    """Write the component into ``folder``."""
    own, templates = folder / library.prefix, TEMPLATES / "esp_idf"
    names = library.write_sources(own / "src")
    sources = " ".join(f'"src/{name}"' for name in names if name.endswith(".c"))
    library.write(own / "CMakeLists.txt", templates / "CMakeLists.txt", SOURCES=sources)
    library.write(own / "idf_component.yml", templates / "idf_component.yml")
    library.write_example(own / "examples" / "classify", "main.c", "main.c")
    library.write_readme(own, OPEN)
