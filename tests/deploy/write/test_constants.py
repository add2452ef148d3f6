import numpy as np
import pytest

from lmanet.deploy.int8.graph import SIGMOID, IntegerGraph, Scale
from lmanet.deploy.write.constants import INPUTS, activation_table
from lmanet.deploy.write.flatbuffer import TfliteFile
from lmanet.network import Operator
from lmanet.network.int8 import TABLES

SHAPE = (1, 16, 16, 1)
KINDS = {
    "leaky_relu": "LEAKY_RELU",
    "hard_swish": "HARD_SWISH",
    "sigmoid": "LOGISTIC",
    "swish": "LOGISTIC",
}


def run_in_tflm(activation, source, result):
    """All 256 values through a model that is the activation alone."""
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    file = TfliteFile()
    options = {
        "leaky_relu": file.schema.LeakyReluOptionsT(0.01),
        "hard_swish": file.schema.HardSwishOptionsT(),
    }
    file.activation("x", SHAPE, source.scale, source.zero_point)
    file.activation("y", SHAPE, result.scale, result.zero_point)
    if activation == "swish":
        file.activation("gate", SHAPE, SIGMOID.scale, SIGMOID.zero_point)
        file.operator("LOGISTIC", ["x"], "gate", None)
        file.operator("MUL", ["x", "gate"], "y", file.schema.MulOptionsT())
    else:
        file.operator(KINDS[activation], ["x"], "y", options.get(activation))
    interpreter = runtime.Interpreter.from_bytes(file.pack(["x"], ["y"]), arena_size=1 << 16)
    interpreter.set_input(INPUTS.astype(np.int8).reshape(SHAPE), 0)
    interpreter.invoke()
    return interpreter.get_output(0).ravel()


def own(activation, source, result):
    operator = Operator(
        "a.conv", "conv", ("input",), (1, 16, 16), (1, 16, 16), activation=activation
    )
    return activation_table(
        IntegerGraph((operator,), {"a.conv.pre": source, "a.conv": result}, {}, ()), operator
    )


def scales(rng, activation):
    """Any scale that a network may have, and some that none has."""
    source = Scale(
        float(np.float32(np.exp(rng.uniform(np.log(1e-5), np.log(20))))),
        int(rng.integers(-128, 128)),
    )
    wide = Scale(
        float(np.float32(source.scale * np.exp(rng.uniform(np.log(1 / 63), np.log(30))))),
        int(rng.integers(-128, 128)),
    )
    return source, SIGMOID if activation == "sigmoid" else wide


@pytest.mark.slow
@pytest.mark.parametrize("activation", TABLES)
def test_every_value_is_what_tflm_computes(activation):
    rng = np.random.default_rng(0)
    for _ in range(2000):
        source, result = scales(rng, activation)
        np.testing.assert_array_equal(
            own(activation, source, result),
            run_in_tflm(activation, source, result),
            f"{source} {result}",
        )


@pytest.mark.parametrize(
    ("activation", "source", "result"),
    [
        (
            "sigmoid",
            Scale(0.0003906257916241884, -69),
            SIGMOID,
        ),  # two results within 2e-6 of a half
        ("sigmoid", Scale(15.123577117919922, -4), SIGMOID),  # the input has no room in fixed point
        (
            "leaky_relu",
            Scale(2.2082436771597713e-05, 8),
            Scale(8.144690946210176e-05, 44),
        ),  # a half in double precision only
        ("hard_swish", Scale(0.03850196301937103, -73), Scale(0.07489877194166183, -40)),
    ],
)
def test_cases_that_a_formula_misses(activation, source, result):
    np.testing.assert_array_equal(
        own(activation, source, result), run_in_tflm(activation, source, result)
    )


def test_tables_follow_their_activations():
    real = INPUTS * 0.05
    exact = {
        "sigmoid": 1 / (1 + np.exp(-real)),
        "swish": real / (1 + np.exp(-real)),
        "hard_swish": real * np.clip(real + 3, 0, 6) / 6,
        "leaky_relu": np.where(real > 0, real, 0.01 * real),
    }
    for activation, values in exact.items():
        result = SIGMOID if activation == "sigmoid" else Scale(0.05, 0)
        table = (
            own(activation, Scale(0.05, 0), result).astype(int) - result.zero_point
        ) * result.scale
        assert np.abs(table - values).max() < 1.1 * result.scale
