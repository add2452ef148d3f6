"""What `read_image` gives, against what a viewer shows, computed from the
samples that were stored.
"""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lmanet.data.decode import MOST_PIXELS, picture_suffixes, read_image
from lmanet.errors import DataError

Floats = NDArray[np.float64]
SAMPLES = {
    "1": 1,
    "L": 1,
    "LA": 2,
    "P": 1,
    "PA": 2,
    "RGB": 3,
    "RGBA": 4,
    "RGBX": 4,
    "CMYK": 4,
    "YCbCr": 3,
    "LAB": 3,
}
DEEP = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2"}
LOOKLESS = {"F": "<f4", "I": "<i4"}
# What stands in the file is what was given: Pillow converts all other pairs while it writes, or
# refuses them.
KEPT = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"),
    "TIFF": (*SAMPLES, *DEEP, *LOOKLESS),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
    "PPM": ("1", "L", "RGB", "I;16", "I", "F"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"),
}
TURNED = ("PNG", "TIFF", "WEBP", "JPEG")  # formats with a place for EXIF
PAIRS = [(form, mode) for form, modes in KEPT.items() for mode in modes]
UPRIGHT: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@settings(max_examples=400, derandomize=True, database=None)
@given(
    pair=st.sampled_from(PAIRS),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    orientation=st.integers(1, 8),
    see_through=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_pillow_writes_is_read_as_a_viewer_shows_it_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory,
    pair: tuple[str, str],
    size: tuple[int, int],
    orientation: int,
    see_through: bool,
    seed: int,
) -> None:
    form, mode = pair
    path = tmp_path_factory.getbasetemp() / "picture"
    image, shown, options = picture(mode, size, np.random.default_rng(seed), see_through, form)
    if form in TURNED:
        options["exif"] = exif(orientation)
        shown = UPRIGHT[orientation](shown)
    image.save(path, form, **options)
    if mode in ("F", "LAB") or (mode, form) == ("I", "TIFF"):
        with pytest.raises(
            DataError, match=f"{path} has (floating-point|signed or 32-bit|CIELAB) pixels"
        ):
            read_image(path)
        return
    assert_shown(path, shown)


def assert_shown(path: Path, shown: Floats, levels: int = 1) -> None:
    got = read_image(path)
    assert got.dtype == np.uint8 and got.shape == shown.shape
    assert np.abs(got - shown).max() <= levels


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags


def picture(
    mode: str, size: tuple[int, int], rng: np.random.Generator, see_through: bool, form: str
) -> tuple[Image.Image, Floats, dict[str, Any]]:
    """A picture of random samples, what a viewer shows of it (H, W, 3), and
    how it is to be saved.
    """
    width, height = size
    options: dict[str, Any] = {"lossless": True, "exact": True} if form == "WEBP" else {}
    if mode in DEEP or mode in LOOKLESS:
        stored = rng.integers(0, 65536, (height, width))
        image = Image.frombytes(mode, size, stored.astype((DEEP | LOOKLESS)[mode]).tobytes())
        grey, alpha = stored / 257, np.ones((height, width))
        if see_through and (form, mode) == ("PNG", "I;16"):
            options["transparency"] = int(stored[0, 0])
            alpha = (stored != stored[0, 0]).astype(float)
        return image, on_white(np.dstack([grey] * 3), alpha), options
    values = rng.integers(0, 256, (height, width, SAMPLES[mode]))
    if mode == "1":
        values = 255 * (values > 127)
        image = Image.fromarray(values[..., 0].astype(np.uint8)).convert(
            "1", dither=Image.Dither.NONE
        )
    else:
        image = Image.frombytes(mode, size, values.astype(np.uint8).tobytes())
    palette = rng.integers(0, 256, (256, 3))
    if mode in ("P", "PA"):
        image.putpalette(palette.astype(np.uint8).tobytes())
    colours, alpha = seen(mode, values, palette)
    if see_through and form == "PNG" and mode in ("1", "L", "RGB"):
        key = values[0, 0]
        options["transparency"] = tuple(key.tolist()) if mode == "RGB" else int(key[0])
        alpha = (values != key).any(2).astype(float)
    if see_through and mode == "P" and form in ("PNG", "GIF"):
        alphas = rng.integers(0, 256, 256)
        if form == "GIF":  # knows one colour that is not seen
            options["transparency"] = int(values[0, 0, 0])
            alphas = 255 * (np.arange(256) != values[0, 0, 0])
        else:
            options["transparency"] = alphas.astype(np.uint8).tobytes()
        alpha = alphas[values[..., 0]] / 255
    return image, on_white(colours, alpha), options


def seen(mode: str, values: NDArray[np.int64], palette: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """RGB (H, W, 3), 0 to 255, and opacity (H, W), 0 to 1, of 8-bit samples."""
    v = values.astype(float)
    opaque = np.ones(v.shape[:2])
    if mode in ("1", "L"):
        return np.repeat(v, 3, axis=2), opaque
    if mode == "LA":
        return np.repeat(v[..., :1], 3, axis=2), v[..., 1] / 255
    if mode in ("P", "PA"):
        return palette[values[..., 0]].astype(float), v[..., 1] / 255 if mode == "PA" else opaque
    if mode == "CMYK":
        return (255 - v[..., :3]) * (255 - v[..., 3:]) / 255, opaque
    if mode == "YCbCr":  # JFIF 1.02, with all of 0 to 255
        y, blue, red = v[..., 0], v[..., 1] - 128, v[..., 2] - 128
        rgb = np.dstack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue])
        return rgb.clip(0, 255), opaque
    return v[..., :3], v[..., 3] / 255 if mode == "RGBA" else opaque


def on_white(colours: Floats, alpha: Floats) -> Floats:
    return colours * alpha[..., None] + 255 * (1 - alpha[..., None])


@settings(max_examples=200, derandomize=True, database=None)
@given(
    kind=st.sampled_from(
        [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)]
    ),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    see_through=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_png_of_any_depth_is_scaled_to_eight_bits(
    tmp_path_factory: pytest.TempPathFactory,
    kind: tuple[int, int],
    size: tuple[int, int],
    see_through: bool,
    seed: int,
) -> None:
    colour_type, bits = kind
    path = tmp_path_factory.getbasetemp() / "depth.png"
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    values = np.random.default_rng(seed).integers(0, 2**bits, (size[1], size[0], channels))
    key = values[0, 0] if see_through and channels in (1, 3) else None
    path.write_bytes(png(values, colour_type, bits, key))
    if colour_type == 2 and bits == 16 and key is not None:
        with pytest.raises(DataError, match=r"16-bit RGB \(one colour transparent\) pixels"):
            read_image(path)
        return
    share = values / (2**bits - 1)
    alpha = share[..., -1] if channels in (2, 4) else np.ones(values.shape[:2])
    if key is not None:
        alpha = (values != key).any(2).astype(float)
    colours = np.repeat(share[..., :1], 3, axis=2) if channels < 3 else share[..., :3]
    cut_twice = bits == 16 and channels in (2, 4)  # Pillow cuts colour and opacity to 8 bits each
    assert_shown(path, on_white(255 * colours, alpha), levels=2 if cut_twice else 1)


def png(
    values: NDArray[np.int64], colour_type: int, bits: int, key: NDArray[np.int64] | None
) -> bytes:
    """A file written by hand: Pillow writes grey of 2 and 4 bits, and RGB of 16, not at all."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width, _ = values.shape
    digits = (values[..., None] >> np.arange(bits)[::-1]) & 1  # most significant first
    rows = np.packbits(digits.reshape(height, -1).astype(np.uint8), axis=1)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    transparent = b"" if key is None else chunk(b"tRNS", key.astype(">u2").tobytes())
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + transparent + pixels + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_jpeg_is_turned_upright(tmp_path: Path, mode: str, orientation: int) -> None:
    colours = {
        "L": (40, 180),
        "RGB": ((200, 30, 40), (20, 60, 220)),
        "CMYK": ((0, 255, 255, 0), (255, 0, 0, 40)),
    }[mode]
    image = Image.new(mode, (24, 16), colours[0])
    image.paste(colours[1], (8, 0, 24, 8))
    image.save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif(orientation))
    values = np.asarray(image).reshape(16, 24, -1).astype(np.int64)
    shown, _ = seen(mode, values, values)
    # JPEG rounds YCbCr
    assert_shown(tmp_path / "a.jpg", UPRIGHT[orientation](shown), levels=2 if mode == "RGB" else 1)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    for name in ("ramp.png", "ramp.tif"):
        Image.fromarray(np.arange(0, 65536, 257, dtype=np.uint16)[None].repeat(4, 0)).save(
            tmp_path / name
        )
        assert read_image(tmp_path / name)[0, :, 0].tolist() == list(range(256))


@pytest.mark.parametrize(
    ("bits", "white_is_zero"), [(12, False), (16, True), (8, True), (4, False), (4, True)]
)
def test_a_tiff_of_any_depth_and_polarity_is_read_as_it_looks(
    tmp_path: Path, bits: int, white_is_zero: bool
) -> None:
    most = 2**bits - 1
    values = np.array([[0, most, most // 2, most // 5]])
    (tmp_path / "a.tif").write_bytes(tiff(values, bits, photometric=0 if white_is_zero else 1))
    shown = 255 * (1 - values / most if white_is_zero else values / most)
    assert_shown(tmp_path / "a.tif", np.dstack([shown] * 3))


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_signed_grey_is_refused_by_name(tmp_path: Path, bits: int) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(np.array([[0, 1, 2, 3]]), bits, sample_format=2))
    with pytest.raises(
        DataError, match=r"a.tif has signed or 32-bit pixels, .*; save it as grey of 8 or 16 bits"
    ):
        read_image(tmp_path / "a.tif")


def tiff(
    values: NDArray[np.int64], bits: int, photometric: int = 1, sample_format: int = 1
) -> bytes:
    """A file written by hand: Pillow writes neither depths between, nor white as 0, nor signed
    grey.
    """
    height, width = values.shape
    digits = (values[..., None] >> np.arange(bits)[::-1]) & 1
    pixels = np.packbits(digits.reshape(height, -1).astype(np.uint8), axis=1)
    if bits in (16, 32):
        pixels = np.frombuffer(values.astype(f"<u{bits // 8}").tobytes(), np.uint8).reshape(
            height, -1
        )
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, height),
    ]
    tags += [(279, pixels.size), (339, sample_format)]
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags
    )
    return b"II*\0" + struct.pack("<I", 8 + pixels.size) + pixels.tobytes() + directory + bytes(4)


def test_the_first_picture_of_an_animation_or_of_several_pages_is_read(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ((255, 255, 255), (0, 0, 255)))
    for name, form in (
        ("a.gif", "GIF"),
        ("a.tif", "TIFF"),
        ("a.webp", "WEBP"),
        ("a.png", "PNG"),
        ("a.jpg", "MPO"),
    ):
        first.save(tmp_path / name, form, save_all=True, append_images=[second])
        assert (read_image(tmp_path / name) == 255).all(), name


def test_an_avif_is_turned_and_put_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (24, 16), (200, 30, 40, 255))
    image.paste((0, 0, 0, 0), (0, 0, 24, 8))
    image.save(tmp_path / "a.avif", quality=100, subsampling="4:4:4", exif=exif(6))
    shown = read_image(tmp_path / "a.avif").astype(int)
    assert shown.shape == (24, 16, 3)
    assert np.abs(shown[:, :8] - (200, 30, 40)).max() <= 3 and shown[:, 8:].min() >= 252


@pytest.mark.parametrize(
    ("width", "height"), [(20000, 1), (300_000, 1), (1, 20000), (20000, 10000), (14000, 7000)]
)
def test_a_picture_of_an_absurd_size_is_refused_before_it_is_decoded(
    tmp_path: Path, width: int, height: int
) -> None:
    empty = png(np.zeros((1, 1, 1), dtype=np.int64), 0, 8, None)
    header = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 0, 0, 0, 0)
    start, end = empty.index(b"IHDR"), empty.index(b"IHDR") + len(header)
    path = tmp_path / "a.png"
    # no such pixels follow
    path.write_bytes(
        empty[:start] + header + struct.pack(">I", zlib.crc32(header)) + empty[end + 4 :]
    )
    told = "has more than" if width * height > 2 * MOST_PIXELS else f"is {width} x {height} pixels"
    with pytest.raises(
        DataError, match=rf"a.png {told}.*; legal are at most 80,000,000 pixels.*; scale or crop it"
    ):
        read_image(path)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000"])
def test_a_truncated_picture_is_named(tmp_path: Path, form: str) -> None:
    kept = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(
        kept, form
    )
    for share in (0, 0.02, 0.5, 0.8):
        (tmp_path / "cut").write_bytes(kept.getvalue()[: int(share * len(kept.getvalue()))])
        with pytest.raises(
            DataError,
            match=r"cut cannot be read as an image \(.+\); repair it or take it out of the folder",
        ):
            read_image(tmp_path / "cut")


def test_a_picture_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"gone.png cannot be read as an image \(No such file or directory\)"
    ):
        read_image(tmp_path / "gone.png")


def test_what_is_no_picture_is_handed_to_no_other_program(tmp_path: Path) -> None:
    # Pillow would start Ghostscript
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    with pytest.raises(DataError, match="cannot be read as an image"):
        read_image(tmp_path / "a.png")
    assert {".jpg", ".png", ".gif", ".webp", ".tif"} <= picture_suffixes()
    assert not {".eps", ".pdf", ".txt"} & picture_suffixes()
