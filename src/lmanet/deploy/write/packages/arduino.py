"""An Arduino library: a folder, and a zip that the IDE adds."""

from pathlib import Path

from lmanet.deploy.write.packages.library import Library
from lmanet.deploy.write.packages.senses import TEMPLATES
from lmanet.deploy.write.packages.zipped import zip_folder

OPEN = """An Arduino library. *Sketch, Include Library, Add .ZIP Library* takes `@PREFIX@.zip`;
or copy this folder into the `libraries` of your sketchbook. *File, Examples,
@PREFIX@, classify* prints class, probability and milliseconds at 115,200 baud."""


def write(library: Library, folder: Path) -> None:
    """Write the library into ``folder``."""
    own = folder / library.prefix
    library.write_sources(own / "src")
    library.write(own / "library.properties", TEMPLATES / "arduino" / "library.properties")
    library.write_example(own / "examples" / "classify", "classify.ino", "classify.ino")
    library.write_readme(own, OPEN)
    zip_folder(own, folder / f"{library.prefix}.zip", inside=library.prefix)
