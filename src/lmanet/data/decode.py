"""One picture file -> upright RGB pixels, as a viewer shows them. No other place decodes a picture.

A viewer turns the picture as EXIF says, scales grey of any depth to 8 bits, puts transparency on a
white ground and shows the first picture of several. Embedded colour profiles are not applied:
pixels count as sRGB. Floats, signed and 32-bit integers and CIELAB have no look of their own:
refused.
"""

import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from lmanet.errors import DataError

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Suffixes of pictures in other formats: cameras, phones and programs of graphics.
NOT_READ = (".heic", ".heif", ".jxl", ".psd", ".svg", ".dng", ".raw", ".cr2", ".nef", ".arw")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
MOST_PIXELS = 80_000_000  # 0.3 GB while it is decoded; below the size at which Pillow warns
MOST_ASPECT = 64  # longer by shorter side; the centre square is then under 2 % of the picture
GROUND = (255, 255, 255)  # RGB behind transparent pixels
AS_RGB = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
LOOKLESS = {"F": "floating-point", "I": "signed or 32-bit", "LAB": "CIELAB"}
KEY_STEPS = {"L;2": 85, "L;4": 17}  # PNG: pixels are scaled to 8 bits, the transparent grey is not
WHITE_IS_ZERO, SIGNED = 0, 2  # values of TIFF's tags


def picture_suffixes() -> frozenset[str]:
    """Suffixes, in small letters, of files that `read_image` may be able to read."""
    known = Image.registered_extensions().items()
    readable = (*FORMATS, "MPO")  # a JPEG with more than one picture
    return frozenset(suffix for suffix, name in known if name in readable)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as a viewer shows it: upright RGB, (H, W, 3).

    Raises:
        DataError: the file is gone, broken, too large or too narrow, or how it looks is not
            defined.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_size is stricter
        try:
            # not by its path: Pillow would map an uncompressed TIFF, and garble one that is turned
            with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
                _check_size(path, *image.size)
                deep_range = _deep_range(path, image)
                _scale_transparent_grey(path, image)
                ImageOps.exif_transpose(image, in_place=True)  # decodes, too
                return _scaled_grey(image, *deep_range) if deep_range else _converted(path, image)
        except DataError:
            raise
        except Image.DecompressionBombError:
            _refuse_size(path, f"has more than {2 * MOST_PIXELS:,} pixels")
        except UnidentifiedImageError as error:
            raise unreadable(path, _unknown(path)) from error
        except Exception as error:  # Pillow raises a dozen types for a broken file
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise unreadable(path, reason) from error


def _unknown(path: Path) -> str:
    """Why no format knows a file: a phone's picture may bear any name."""
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp" and start[8:] in HEIC_BRANDS:
        return "it is HEIC, whatever its name says, which is not read: save it as JPEG"
    return "it is empty" if not start else "its content is no picture of a format that is read"


def unreadable(path: Path, reason: str) -> DataError:
    """The one sentence on a file that is gone or broken."""
    return DataError(
        f"{path} cannot be read as an image ({reason}); repair it or take it out of the folder"
    )


def _check_size(path: Path, width: int, height: int) -> None:
    """By the header alone: nothing has been decoded yet."""
    shorter, longer = sorted((width, height))
    if width * height > MOST_PIXELS or longer > MOST_ASPECT * shorter:
        _refuse_size(path, f"is {width} x {height} pixels")


def _deep_range(path: Path, image: Image.Image) -> tuple[int, int] | None:
    """The values of black and white in grey of more than 8 bits; None for all else."""
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    if SIGNED in tags.get(ExifTags.Base.SampleFormat, ()):
        _refuse_pixels(path, LOOKLESS["I"])
    if image.format in ("PNG", "PPM") and image.mode == "I":
        return 0, 65535
    if image.mode not in DEEP_GREY:
        return None
    white = 2 ** max(tags.get(ExifTags.Base.BitsPerSample, (16,))) - 1
    inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == WHITE_IS_ZERO
    return (white, 0) if inverted else (0, white)


def _scale_transparent_grey(path: Path, image: Image.Image) -> None:
    """Bring the transparent colour of a PNG to the depth of the pixels that Pillow decodes."""
    if not isinstance(image, PngImageFile) or "transparency" not in image.info or not image.tile:
        return
    raw_mode = image.tile[0].args
    if raw_mode == "RGB;16B":
        _refuse_pixels(path, "16-bit RGB (one colour transparent)")
    if raw_mode in KEY_STEPS:
        image.info["transparency"] *= KEY_STEPS[raw_mode]


def _scaled_grey(image: Image.Image, black: int, white: int) -> NDArray[np.uint8]:
    stored = np.asarray(image)
    grey = (stored.astype(np.float32) - black) * (255 / (white - black))
    grey = np.rint(grey).clip(0, 255).astype(np.uint8)
    if "transparency" in image.info:
        grey[stored == image.info["transparency"]] = GROUND[0]
    return np.repeat(grey[:, :, None], 3, axis=2)


def _converted(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    if image.mode not in AS_RGB + WITH_ALPHA:
        _refuse_pixels(path, LOOKLESS.get(image.mode, image.mode))
    if image.has_transparency_data:
        colours = image.convert("LA") if image.mode == "La" else image
        ground = Image.new("RGBA", image.size, GROUND)
        image = Image.alpha_composite(ground, colours.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _refuse_size(path: Path, given: str) -> NoReturn:
    raise DataError(
        f"{path} {given}; legal are at most {MOST_PIXELS:,} pixels, and sides of at most 1 : "
        f"{MOST_ASPECT}; scale or crop it, or take it out of the folder"
    )


def _refuse_pixels(path: Path, given: str) -> NoReturn:
    raise DataError(
        f"{path} has {given} pixels, and how they look is not defined; save it as grey of 8 or 16 "
        "bits or as RGB of 8, or take it out of the folder"
    )
