"""Zip files that are the same for the same content."""

import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows


def zip_folder(folder: Path, path: Path, inside: str = "") -> None:
    """Write all files of a folder into a zip.

    Args:
        inside: folder of the zip that holds them.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = (Path(inside) / file.relative_to(folder)).as_posix()
            made.writestr(zipfile.ZipInfo(name, EPOCH), file.read_bytes(), zipfile.ZIP_DEFLATED)
