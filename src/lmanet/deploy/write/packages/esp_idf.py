"""A component of ESP-IDF."""

from pathlib import Path

from lmanet.deploy.write.packages.library import Library
from lmanet.deploy.write.packages.senses import TEMPLATES

OPEN = """A component of ESP-IDF. Copy this folder into `components` of your project, and name
`@PREFIX@` under `PRIV_REQUIRES`. `examples/classify` is a project of its own that prints class
and probability: `idf.py set-target <chip>`, then `idf.py flash monitor`."""
# What starts a program, in C and in ESP-IDF.
START = (
    ("int main(void) {", "void app_main(void);\n\nvoid app_main(void) {"),
    ("    return different;\n", ""),
)


def write(library: Library, folder: Path) -> None:
    """Write the component into ``folder``."""
    own, templates = folder / library.prefix, TEMPLATES / "esp_idf"
    names = library.write_sources(own / "src")
    sources = " ".join(f'"src/{name}"' for name in names if name.endswith(".c"))
    library.write(own / "CMakeLists.txt", templates / "CMakeLists.txt", SOURCES=sources)
    library.write(own / "idf_component.yml", templates / "idf_component.yml")
    example = own / "examples" / "classify"
    library.write(example / "CMakeLists.txt", templates / "example.txt")
    library.write(example / "main" / "CMakeLists.txt", templates / "main.txt")
    library.write_example(example / "main", "main.c", "main.c")
    program = example / "main" / "main.c"
    text = program.read_text(encoding="utf-8")
    for usual, own_name in START:
        text = text.replace(usual, own_name)
    program.write_text(text, encoding="utf-8")
