import pytest
import torch

from lmanet.deploy.int8.calibrate import (
    BINS,
    METHODS,
    Histogram,
    MeanSquaredError,
    Percentile,
    Range,
    calibrate,
)
from lmanet.deploy.int8.fold import Folded
from lmanet.errors import ConfigError
from lmanet.network import Operator


def tensors_of(activation):
    """A network that is one activation, and 3,000 values that it is shown, with one outlier on
    either side.
    """
    operator = Operator(
        "part.conv", "conv", ("input",), (3, 5, 5), (3, 5, 5), activation=activation, bias=True
    )
    folded = Folded([operator], {"part.conv": (torch.eye(3)[:, :, None, None], torch.zeros(3))})
    torch.manual_seed(0)
    images = torch.randn(40, 3, 5, 5)
    images[0, 0, 0, 0], images[1, 0, 0, 0] = 40.0, -50.0
    return folded, images


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "hard_swish"])
def test_ranges_lie_within_what_occurred_and_include_zero(name, activation):
    folded, images = tensors_of(activation)
    ranges = calibrate(folded, images, METHODS[name], batch_size=16)
    assert set(ranges) == {"input", "part.conv"} | (
        {"part.conv.pre"} if activation == "hard_swish" else set()
    )
    for low, high in ranges.values():
        assert -50 <= low <= 0 < high <= 40
    if activation.startswith("relu"):
        assert ranges["part.conv"].low == 0
        assert ranges["part.conv"].high <= (6 if activation == "relu6" else 40)


def test_minmax_keeps_the_outliers_and_the_others_do_not():
    folded, images = tensors_of("none")
    assert calibrate(folded, images, METHODS["minmax"], 16)["input"] == (-50, 40)
    low, high = calibrate(folded, images, Percentile(99.5), 16)["input"]
    assert low == pytest.approx(float(images.quantile(0.005)), abs=0.1)
    assert high == pytest.approx(float(images.quantile(0.995)), abs=0.1)


def test_batches_do_not_change_the_ranges():
    folded, images = tensors_of("hard_swish")
    assert calibrate(folded, images, METHODS["mse"], 7) == calibrate(
        folded, images, METHODS["mse"], 40
    )


def test_the_least_squared_error_is_at_the_range_that_is_found():
    torch.manual_seed(0)
    values = torch.randn(20000).clamp(-4, 4)
    values[0], values[1] = 30, -30
    counts = torch.histc(values, BINS, -30, 30).double()
    low, high = MeanSquaredError()(Histogram(counts, Range(-30.0, 30.0), torch.nn.Identity()))

    def error(end):
        step = 2 * end / 255
        return float(((values / step).round().clamp(-128, 127) * step - values).square().sum())

    best = min((end / 8 for end in range(1, 240)), key=error)
    assert error((high - low) / 2) <= 1.1 * error(best)


def test_levels_are_not_spent_where_the_activation_is_flat():
    folded, images = tensors_of("hard_swish")
    images = images.clamp(-30, 6)
    assert calibrate(folded, images, METHODS["mse"], 16)["part.conv.pre"].low >= -4


def test_bad_calibration_is_named():
    folded, images = tensors_of("none")
    with pytest.raises(ConfigError, match="at least one image"):
        calibrate(folded, images[:0], METHODS["minmax"])
    images[3, 0, 0, 0] = float("nan")
    with pytest.raises(ConfigError, match="tensor input spans"):
        calibrate(folded, images, METHODS["minmax"])
    with pytest.raises(ConfigError, match="percent=40"):
        Percentile(40)
