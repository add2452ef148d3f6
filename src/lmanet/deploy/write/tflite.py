"""Integer graph -> the bytes of a .tflite file that TFLite Micro, LiteRT and STM32Cube.AI take."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lmanet.cost.tflm.operators import AXES, TfliteOperator, tflite_operators
from lmanet.deploy.int8.graph import SIGMOID, IntegerGraph, Scale
from lmanet.deploy.write.flatbuffer import TfliteFile, tflite_schema
from lmanet.errors import DeployError
from lmanet.network.graph import INPUT
from lmanet.network.int8 import LEAKY_RELU_SLOPE

METADATA_NAME = "lmanet"
# TFLite's weights: convolution (out, k, k, in), depthwise (1, k, k, channels), linear (out, in);
# ours are (out, in, k, k).
_AXES_OF_WEIGHTS = {"CONV_2D": (0, 2, 3, 1), "DEPTHWISE_CONV_2D": (1, 2, 3, 0)}


def write_tflite(graph: IntegerGraph, run_id: str) -> bytes:
    """The file, weights and all, with labels, normalisation, scales and the run as JSON in the
    metadata entry ``lmanet``.

    Raises:
        ConfigError: the package that carries TFLite's schema is missing.
    """
    file = TfliteFile()
    operators = tflite_operators(graph.operators)
    scales = _scales(graph, operators)
    _write_activation(file, INPUT, operators[0].in_shape, scales)
    for operator in operators:
        for name in operator.constants:
            if name not in file:
                _write_constant(file, graph, name, operator)
        _write_activation(file, operator.output, operator.out_shape, scales)
        options = _options(file.schema, operator, _fused(operator, scales[operator.output]))
        file.operator(
            operator.kind, (*operator.inputs, *operator.constants), operator.output, options
        )
    file.metadata(METADATA_NAME, _metadata(graph, run_id))
    return file.pack([INPUT], [operators[-1].output])


def read_metadata(model: bytes) -> dict[str, Any]:
    """What `write_tflite` wrote into the entry ``lmanet``: run_id, labels, mean, std, and scale and
    zero_point of input and output.

    Raises:
        DeployError: the file has no such entry.
    """
    parsed = tflite_schema().ModelT.InitFromPackedBuf(model, 0)
    for entry in parsed.metadata or []:
        if entry.name == METADATA_NAME.encode():
            content: dict[str, Any] = json.loads(parsed.buffers[entry.buffer].data.tobytes())
            return content
    raise DeployError(
        f"the .tflite file has no metadata entry {METADATA_NAME}; it is written by lmanet.deploy"
    )


def _scales(graph: IntegerGraph, operators: Sequence[TfliteOperator]) -> dict[str, Scale]:
    """The graph's scales, and those of tensors that only TFLite has."""
    scales = dict(graph.scales)
    for operator in operators:
        if operator.kind == "PAD":
            scales[operator.output] = scales[operator.inputs[0]]
        elif operator.kind == "LOGISTIC":
            scales[operator.output] = SIGMOID
    return scales


def _write_activation(
    file: TfliteFile, name: str, shape: tuple[int, ...], scales: Mapping[str, Scale]
) -> None:
    file.activation(name, shape, scales[name].scale, scales[name].zero_point)


def _write_constant(
    file: TfliteFile, graph: IntegerGraph, name: str, operator: TfliteOperator
) -> None:
    if name == AXES:
        file.constant(name, np.array([1, 2], np.int32))  # height and width
    elif operator.kind == "PAD":
        file.constant(name, np.array([(0, 0), operator.pad, operator.pad, (0, 0)], np.int32))
    elif name.endswith(".bias"):
        bias = graph.filters[operator.source].bias
        file.constant(name, bias, _input_scale(graph, operator) * _weight_scales(graph, operator))
    elif operator.kind == "FULLY_CONNECTED":
        weights = graph.filters[operator.source].weights
        file.constant(name, weights.reshape(weights.shape[:2]), _weight_scales(graph, operator))
    else:
        weights = graph.filters[operator.source].weights.transpose(_AXES_OF_WEIGHTS[operator.kind])
        file.constant(
            name,
            weights,
            _weight_scales(graph, operator),
            dimension=3 if operator.kind == "DEPTHWISE_CONV_2D" else 0,
        )


def _weight_scales(graph: IntegerGraph, operator: TfliteOperator) -> Any:
    scales = graph.filters[operator.source].scales
    return scales[:1] if operator.kind == "FULLY_CONNECTED" else scales


def _input_scale(graph: IntegerGraph, operator: TfliteOperator) -> np.float32:
    source = next(each for each in graph.operators if each.name == operator.source)
    return np.float32(graph.scales[source.inputs[0]].scale)


def _fused(operator: TfliteOperator, scale: Scale) -> str:
    """The fused activation; plain ReLU where ReLU6 would clamp below 127, since in the integer
    graph nothing does.
    """
    clamps = operator.activation == "relu6" and scale.zero_point + round(6 / scale.scale) < 127
    return "relu" if clamps else operator.activation


def _options(schema: Any, operator: TfliteOperator, fused: str) -> Any:
    """The object of the schema with the operator's own settings, None where it has none."""
    activation = getattr(schema.ActivationFunctionType, fused.upper())
    padding, stride = getattr(schema.Padding, operator.padding), operator.stride
    match operator.kind:
        case "CONV_2D":
            return schema.Conv2DOptionsT(padding, stride, stride, activation)
        case "DEPTHWISE_CONV_2D":
            return schema.DepthwiseConv2DOptionsT(padding, stride, stride, 1, activation)
        case "FULLY_CONNECTED":
            return schema.FullyConnectedOptionsT(activation)
        case "MEAN":
            return schema.ReducerOptionsT(
                keepDims=len(operator.out_shape) == len(operator.in_shape)
            )
        case "ADD":
            return schema.AddOptionsT(activation)
        case "MUL":
            return schema.MulOptionsT(activation)
        case "LEAKY_RELU":
            return schema.LeakyReluOptionsT(LEAKY_RELU_SLOPE)
        case "PAD":
            return schema.PadOptionsT()
        case "HARD_SWISH":
            return schema.HardSwishOptionsT()
    return None


def _metadata(graph: IntegerGraph, run_id: str) -> bytes:
    ends = {"input": graph.scales[INPUT], "output": graph.scales[graph.operators[-1].name]}
    content = {
        "run_id": run_id,
        "labels": graph.labels,
        "mean": graph.mean,
        "std": graph.std,
        **{
            end: {"scale": scale.scale, "zero_point": scale.zero_point}
            for end, scale in ends.items()
        },
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
