"""The .tflite writer: what the file holds, and that LiteRT and TFLM take it
for the same network.
"""

import json
import platform
import sys
from dataclasses import replace

import numpy as np
import pytest

from lmanet.deploy.int8.graph import Scale
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.write.flatbuffer import tflite_schema
from lmanet.deploy.write.tflite import write_tflite
from lmanet.network import parse_architecture
from lmanet.network.graph import operators
from lmanet.space import load_space

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the schema comes with TFLM's package, which is for Linux on x86-64",
)

# Operators on both lists: ST Edge AI Core 3.0.0, "TensorFlow Lite toolbox support"
# (https://stedgeai-dc.st.com/assets/embedded-docs/supported_ops_tflite.html), and TFLM's
# micro_mutable_op_resolver.h.
CUBE_AI_AND_TFLM = {
    "ADD",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOGISTIC",
    "MEAN",
    "MUL",
    "PAD",
}
STAGE = {
    "block": "depthwise",
    "channels": 16,
    "kernel": 3,
    "stride": 1,
    "expansion": 1,
    "se_ratio": 0.0,
    "skip": False,
    "layers": 1,
}
EVERY_KIND = (
    {
        "block": "mbconv",
        "expansion": 2,
        "se_ratio": 0.5,
        "skip": True,
        "activation": "hard_swish",
        "stride": 2,
        "layers": 2,
    },
    {"activation": "leaky_relu", "channels": 8},
    {"activation": "swish", "channels": 8, "skip": True, "kernel": 5},
)


def _parsed(content):
    return tflite_schema().ModelT.InitFromPackedBuf(content, 0)


def _operators(model):
    """(kind, operator) of a parsed file."""
    kinds = {
        number: kind
        for kind, number in vars(tflite_schema().BuiltinOperator).items()
        if not kind.startswith("_")
    }
    return [
        (kinds[model.operatorCodes[operator.opcodeIndex].builtinCode], operator)
        for operator in model.subgraphs[0].operators
    ]


@pytest.fixture(scope="module")
def network(integer_graph):
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    stages = [{**STAGE, **changes} for changes in EVERY_KIND]
    architecture = parse_architecture(
        {"resolution": 32, "padding": "torch", "stem": stem, "stages": stages}
    )
    return integer_graph(operators(architecture, 10))


@pytest.fixture(scope="module")
def content(network):
    return write_tflite(network, "run-1")


def test_every_operator_is_on_the_lists_of_cube_ai_and_tflm(content):
    assert {kind for kind, _ in _operators(_parsed(content))} == CUBE_AI_AND_TFLM


def test_constants_are_inside_the_file_and_aligned(content):
    root = tflite_schema().Model.GetRootAs(content, 0)
    buffers = [root.Buffers(i) for i in range(1, root.BuffersLength())]
    assert {buffer.Offset() for buffer in buffers} == {0}
    assert min(buffer.DataLength() for buffer in buffers) > 0
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers]
    assert {start % 16 for start in starts} == {0}


def test_weights_in_the_order_of_tflite(network, content):
    model = _parsed(content)
    tensors = model.subgraphs[0].tensors
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    first = {kind: operator for kind, operator in reversed(_operators(model)) if kind in kinds}
    names = {
        "CONV_2D": "stem.conv",
        "DEPTHWISE_CONV_2D": "stage1.0.depthwise",
        "FULLY_CONNECTED": "classifier.linear",
    }
    orders = {
        "CONV_2D": (0, 2, 3, 1),
        "DEPTHWISE_CONV_2D": (1, 2, 3, 0),
        "FULLY_CONNECTED": (0, 1, 2, 3),
    }
    for kind, operator in first.items():
        name, axes = names[kind], orders[kind]
        weights = model.buffers[tensors[operator.inputs[1]].buffer].data.view(np.int8)
        expected = network.filters[name].weights.transpose(axes)
        assert np.array_equal(weights, expected.ravel())
        assert (
            model.buffers[tensors[operator.inputs[2]].buffer].data.tobytes()
            == network.filters[name].bias.tobytes()
        )


def test_scales_by_channel_and_by_tensor(network, content):
    model = _parsed(content)
    tensors = model.subgraphs[0].tensors
    last = dict(_operators(model))
    weights = {
        kind: tensors[last[kind].inputs[1]].quantization
        for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    }
    assert [each.quantizedDimension for each in weights.values()] == [0, 3, 0]
    assert [len(each.scale) for each in weights.values()] == [8, 8, 1]
    bias = tensors[last["FULLY_CONNECTED"].inputs[2]].quantization
    assert (
        bias.scale[0]
        == np.float32(network.scales["classifier.pool"].scale)
        * network.filters["classifier.linear"].scales[0]
    )
    logistic = tensors[last["LOGISTIC"].outputs[0]].quantization
    assert (logistic.scale[0], logistic.zeroPoint[0]) == (1 / 256, -128)
    before, after = (
        tensors[i].quantization for i in (last["PAD"].inputs[0], last["PAD"].outputs[0])
    )
    assert (before.scale[0], before.zeroPoint[0]) == (after.scale[0], after.zeroPoint[0])


def test_axes_are_shared(content):
    means = [operator for kind, operator in _operators(_parsed(content)) if kind == "MEAN"]
    assert len(means) == 3
    assert len({operator.inputs[1] for operator in means}) == 1


def test_metadata_say_how_to_use_the_file(network, content):
    model = _parsed(content)
    (entry,) = model.metadata
    data = json.loads(model.buffers[entry.buffer].data.tobytes())
    assert entry.name == b"lmanet"
    assert data["run_id"] == "run-1"
    assert data["labels"] == list(network.labels)
    assert (data["mean"], data["std"]) == ([0.0] * 3, [1.0] * 3)
    output = network.scales["classifier.linear"]
    assert data["output"] == {"scale": output.scale, "zero_point": output.zero_point}


@pytest.mark.parametrize("padding", ["same", "torch"])
@pytest.mark.parametrize("space", ["lmanet", "mcu"])
def test_tflm_and_litert_agree(space, padding, integer_graph):
    """Within 1: the two have separate kernels for a few operators, and round differently now and
    then.
    """
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    architecture = load_space(space, {"padding": [padding], "resolution": [32]}).sample(
        np.random.default_rng(7)
    )
    content = write_tflite(integer_graph(operators(architecture, 10)), "run")
    inputs = np.random.default_rng(0).integers(-128, 128, (3, 32, 32, 3)).astype(np.int8)
    reference = interpreter_module.Interpreter(
        model_content=content,
        experimental_op_resolver_type=interpreter_module.OpResolverType.BUILTIN_REF,
    )
    reference.allocate_tensors()
    outputs = run_tflm(content, inputs).outputs
    for image, output in zip(inputs, outputs, strict=True):
        reference.set_tensor(reference.get_input_details()[0]["index"], image[None])
        reference.invoke()
        expected = reference.get_tensor(reference.get_output_details()[0]["index"])[0]
        assert np.abs(output.astype(int) - expected).max() <= 1
    assert outputs.std() > 0


def test_relu6_clamps_no_tighter_than_the_integer_graph(network):
    """A scale of 6/255 keeps ReLU6; at a larger one 6 lies below 127, and
    TFLite would clamp there.
    """
    schema = tflite_schema().ActivationFunctionType
    for scale, fused in ((6 / 255, schema.RELU6), (0.05, schema.RELU)):
        graph = replace(
            network, scales={**network.scales, "stem.conv": Scale(float(np.float32(scale)), -128)}
        )
        stem = _parsed(write_tflite(graph, "run")).subgraphs[0].operators[1]
        assert stem.builtinOptions.fusedActivationFunction == fused
