"""Fitting images to a network against the mean over areas and the
interpolation in exact fractions.
"""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from lmanet.network.images import fit, grey, normalise


def shares(side: int, resolution: int) -> NDArray[np.object_]:
    """What each of a row of pixels is to each of another, in fractions: by area, or bilinear where
    there are more of the others.
    """
    rows = np.full((resolution, side), Fraction(0), object)
    for i in range(resolution):
        if side >= resolution:
            start, end = Fraction(i * side, resolution), Fraction((i + 1) * side, resolution)
            for k in range(floor(start), -floor(-end)):
                rows[i, k] = (min(end, k + 1) - max(start, k)) / (end - start)
        else:
            centre = Fraction((2 * i + 1) * side, 2 * resolution) - Fraction(1, 2)
            for k in (floor(centre), floor(centre) + 1):
                rows[i, min(max(k, 0), side - 1)] += 1 - abs(centre - k)
    return rows


def expected(image: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """(H, W) -> (resolution, resolution), slowly."""
    height, width = image.shape
    side = min(height, width)
    square = image[(height - side) // 2 :, (width - side) // 2 :][:side, :side].astype(object)
    rows = shares(side, resolution)
    return np.vectorize(lambda value: floor(value + Fraction(1, 2)))(rows @ square @ rows.T).astype(
        np.uint8
    )


@settings(max_examples=60)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_every_byte_is_the_nearest_to_the_exact_mean(
    height: int, width: int, resolution: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    np.testing.assert_array_equal(
        fit(torch.from_numpy(image), resolution).numpy(), expected(image, resolution)
    )


def test_sums_beyond_32_bits_are_exact() -> None:
    bright = torch.full((1, 5003, 5003), 254, dtype=torch.uint8)
    bright[0, -1, -1] = 0
    assert fit(bright, 2).tolist() == [[[254, 254], [254, 254]]]
    assert fit(torch.full((1, 3001, 3001), 255, dtype=torch.uint8), 2).unique().tolist() == [255]


def test_colours_last_or_first_is_the_same() -> None:
    frame = torch.randint(0, 256, (30, 41, 3), dtype=torch.uint8)
    torch.testing.assert_close(
        fit(frame, 12, height_axis=-3).permute(2, 0, 1),
        fit(frame.permute(2, 0, 1), 12),
        rtol=0,
        atol=0,
    )


def test_each_image_of_a_batch_is_fitted_for_itself() -> None:
    images = torch.randint(0, 256, (5, 3, 28, 28), dtype=torch.uint8)
    together = fit(images, 32)
    assert all(torch.equal(together[i], fit(images[i], 32)) for i in range(5))


def test_an_image_of_the_right_size_stays() -> None:
    image = torch.randint(0, 256, (3, 20, 20), dtype=torch.uint8)
    assert torch.equal(fit(image, 20), image)


def test_whole_factors_are_means_of_blocks_as_pillow_makes_them() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    found = fit(torch.from_numpy(image), 12).numpy().astype(int)
    # Pillow's reciprocal is short
    assert abs(found - np.asarray(Image.fromarray(image).reduce(5)).astype(int)).max() <= 1


@pytest.mark.parametrize("size", [32, 80])
def test_enlarging_is_torch_s_bilinear_within_half_a_byte(size: int) -> None:
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    real = functional.interpolate(images.float(), (160, 160), mode="bilinear")
    assert (fit(images, 160) - real).abs().max() <= 0.5 + 1e-4


@pytest.mark.parametrize("resolution", [12, 30, 45])
def test_mixed_images_have_the_same_weights_without_rounding(resolution: int) -> None:
    images = torch.randint(0, 256, (2, 3, 30, 30), dtype=torch.uint8)
    real = fit(images.float(), resolution)
    assert (fit(images, resolution) - real).abs().max() <= 0.5 + 1e-3
    assert real.dtype == torch.float32


def test_the_square_is_cut_before_it_is_resized() -> None:
    wide = torch.zeros(1, 2, 10_000, dtype=torch.uint8)
    wide[..., 4999:5001] = 200
    assert fit(wide, 4).unique().tolist() == [200]


def test_pixels_are_normalised_by_channel() -> None:
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert normalise(white, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))[
        0, :, 0, 0
    ].tolist() == pytest.approx([1.0, 3.0, 1.0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("resolution", [12, 96, 160, 224])
def test_a_gpu_gives_the_same_bytes(resolution: int) -> None:
    images = torch.randint(0, 256, (8, 3, 128, 128), dtype=torch.uint8)
    with torch.autocast("cuda", torch.bfloat16):
        assert torch.equal(fit(images.cuda(), resolution).cpu(), fit(images, resolution))


@pytest.mark.parametrize("size", [(12, 20), (20, 12), (7, 30)], ids=str)
@pytest.mark.parametrize("frame", [(24, 40), (9, 50), (50, 9)], ids=str)
def test_each_side_of_a_picture_is_resized_by_itself(frame, size):
    image = np.random.default_rng(0).integers(0, 256, frame, np.uint8)
    high = max(1, min(frame[0], frame[1] * size[0] // size[1]))
    wide = max(1, min(frame[1], frame[0] * size[1] // size[0]))
    top, left = (frame[0] - high) // 2, (frame[1] - wide) // 2
    part = image[top : top + high, left : left + wide].astype(object)
    sums = shares(high, size[0]) @ part @ shares(wide, size[1]).T
    rounded = [[floor(value + Fraction(1, 2)) for value in row] for row in sums]
    found = fit(torch.from_numpy(image)[None], size)[0]
    assert found.tolist() == rounded


def test_grey_is_pillows():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    expected = np.asarray(Image.fromarray(pixels).convert("L"))
    found = grey(torch.from_numpy(pixels), channel_axis=-1)
    assert np.array_equal(found[..., 0].numpy(), expected)
    level = torch.arange(256, dtype=torch.uint8).view(1, 256, 1)
    assert torch.equal(grey(level.expand(1, 256, 3), channel_axis=-1), level)
