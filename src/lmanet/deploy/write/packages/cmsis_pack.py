"""A CMSIS-Pack: for Keil, for CMSIS-Toolbox, and for STM32CubeMX."""

from pathlib import Path

from lmanet.deploy.write.packages.library import VERSION, Library
from lmanet.deploy.write.packages.senses import TEMPLATES
from lmanet.deploy.write.packages.zipped import zip_folder

CATEGORIES = {".c": "sourceC", ".h": "header"}
OPEN = """A CMSIS-Pack. `cpackget add lmanet.@PREFIX@.@VERSION@.pack` or a double click installs
it. Choose the component *Machine Learning, Network, @PREFIX@* in your project, with
optimisation -O2."""


def write(library: Library, folder: Path) -> None:
    """Write the pack and its unpacked folder into ``folder``."""
    own = folder / library.prefix
    names = library.write_sources(own / "src")
    library.write_readme(own, OPEN)
    library.write_example(own / "examples" / "classify", "main.c", "main.c")
    files = "\n".join(
        f'        <file category="{CATEGORIES[Path(name).suffix]}" name="src/{name}"/>'
        for name in names
    )
    name = f"lmanet.{library.prefix}"
    # of the folder that has the pack; without one it is installed from its file
    url = f"{library.url.rstrip('/')}/" if library.url else ""
    template = TEMPLATES / "cmsis_pack" / "package.pdsc"
    library.write(own / f"{name}.pdsc", template, FILES=files, FOLDER_URL=url)
    zip_folder(own, folder / f"{name}.{VERSION}.pack")
