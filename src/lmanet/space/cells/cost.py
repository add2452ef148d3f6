"""Cost of a NAS-Bench-201 network by formula: multiply-accumulates and parameters."""

from collections.abc import Sequence

from lmanet.cost.candidate_cost import CandidateCost
from lmanet.errors import ConfigError

# The network around the cells (Dong and Yang 2020, section 2.1): a stem of 16 channels and three
# stages of five cells.
STAGE_CHANNELS = (16, 32, 64)
CELLS_OF_A_STAGE = 5
KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
# Height and width of the images of each of the benchmark's data sets, which differ in their number
# of classes: CIFAR-10, CIFAR-100 and ImageNet16-120. There are no others.
RESOLUTIONS = {10: 32, 100: 32, 120: 16}


def cell_cost(operations: Sequence[str], num_classes: int) -> CandidateCost:
    """Cost of the whole network: stem, cells, a residual block of stride 2 before the second and
    third stage, classifier. Its memory is not known, as nothing here runs it.

    Args:
        operations: of the cell, in the order of its edges.

    Raises:
        ConfigError: the benchmark has no data set of so many classes, so that the size of its
            images is not known.
    """
    if num_classes not in RESOLUTIONS:
        legal = ", ".join(map(str, RESOLUTIONS))
        raise ConfigError(
            f"the cells of NAS-Bench-201 have no data set of {num_classes} classes; legal are "
            f"{legal} (conf/data/nasbench201_*.yaml)"
        )
    size = RESOLUTIONS[num_classes]
    macs, params = _convolution(3, STAGE_CHANNELS[0], 3, size)
    for number, channels in enumerate(STAGE_CHANNELS):
        if number:
            size //= 2
            before = STAGE_CHANNELS[number - 1]
            # The shortcut's 1x1 convolution has no batch norm.
            for block in (
                (before, channels, 3, size),
                (channels, channels, 3, size),
                (before, channels, 1, size, False),
            ):
                macs, params = _add((macs, params), _convolution(*block))
        for operation in operations:
            if kernel := KERNELS.get(operation):
                one = _convolution(channels, channels, kernel, size)
                macs, params = macs + CELLS_OF_A_STAGE * one[0], params + CELLS_OF_A_STAGE * one[1]
    last = STAGE_CHANNELS[-1]
    # Batch norm before the pooling, then weights and biases.
    return CandidateCost(
        macs + last * num_classes, params + 2 * last + last * num_classes + num_classes
    )


def _convolution(
    inputs: int, outputs: int, kernel: int, size: int, norm: bool = True
) -> tuple[int, int]:
    """MACs and parameters of one without bias, whose output has ``size`` x ``size`` pixels."""
    weights = inputs * outputs * kernel**2
    return weights * size**2, weights + 2 * outputs * norm


def _add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]
