"""What a released network reads, in words and as code: for the model card."""

from string import Template

from lmanet.network import Architecture

CUT = (
    "Images are cut to their largest centred part of $height x $width, and brought to that size by "
    "the mean over areas, or bilinear where they are smaller."
)
AS_THEY_ARE = "The values are bytes, $channels x $height x $width, as the data set gives them."
PICTURE = """
height, width = $height, $width


def shares(side, size):  # of each old pixel in a new one
    old, new = np.arange(side), np.arange(size)[:, None]
    if side >= size:
        overlap = np.minimum(old + 1, (new + 1) * side / size) - np.maximum(old, new * side / size)
        return overlap.clip(0) * size / side
    centre = ((new + 0.5) * side / size - 0.5).clip(0, side - 1)
    return (1 - abs(centre - old)).clip(0)


high = max(1, min(image.height, image.width * height // width))
wide = max(1, min(image.width, image.height * width // height))
left, top = (image.width - wide) // 2, (image.height - high) // 2
part = image.convert("$mode").crop((left, top, left + wide, top + high))
part = np.asarray(part, np.float64).reshape(high, wide, -1).transpose(2, 0, 1)
pixels = np.floor(shares(high, height) @ part @ shares(wide, width).T + 0.5 + 1e-9)
"""
VALUES = """
pixels = values  # uint8 ($channels, $height, $width)
"""


def preparation(architecture: Architecture) -> dict[str, str]:
    """Word of the card -> text: how an input is prepared, as a sentence and as Python."""
    channels, height, width = map(str, architecture.input_shape)
    numbers = {"channels": channels, "height": height, "width": width}
    picture, mode = architecture.reads_pictures, "L" if channels == "1" else "RGB"
    return {
        "reads": architecture.reads,
        "cut": Template(CUT if picture else AS_THEY_ARE).substitute(numbers),
        "mode": mode,
        "prepare": Template(PICTURE if picture else VALUES)
        .substitute(numbers, mode=mode)
        .strip("\n"),
    }
