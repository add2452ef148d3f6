"""Integer graph -> the bytes of a .tflite file that TFLite Micro, LiteRT and STM32Cube.AI take."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lmanet.cost.tflm.operators import TfliteOperator, tflite_operators
from lmanet.deploy.int8.graph import SIGMOID, IntegerGraph, Scale
from lmanet.deploy.write.flatbuffer import TfliteFile, tflite_schema
from lmanet.errors import DeployError
from lmanet.network.graph import INPUT
from lmanet.network.int8 import LEAKY_RELU_SLOPE
from lmanet.network.operators import BUILTINS, Operator, kind_of
from lmanet.network.operators.builtin import LOGISTIC, PAD

METADATA_NAME = "lmanet"


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
        if operator.kind == PAD.name:
            scales[operator.output] = scales[operator.inputs[0]]
        elif operator.kind == LOGISTIC.name:
            scales[operator.output] = SIGMOID
    return scales


def _write_activation(
    file: TfliteFile, name: str, shape: tuple[int, ...], scales: Mapping[str, Scale]
) -> None:
    file.activation(name, shape, scales[name].scale, scales[name].zero_point)


def _write_constant(
    file: TfliteFile, graph: IntegerGraph, name: str, operator: TfliteOperator
) -> None:
    builtin = BUILTINS[operator.kind]
    if name in builtin.shared:
        file.constant(name, np.array(builtin.shared[name], np.int32))
    elif operator.kind == PAD.name:
        file.constant(name, np.array([(0, 0), *operator.pad, (0, 0)], np.int32))
    elif name.endswith(".bias"):
        bias = graph.filters[operator.source].bias
        file.constant(name, bias, _input_scale(graph, operator) * _weight_scales(graph, operator))
    else:
        weights = graph.filters[operator.source].weights.transpose(builtin.weight_axes)
        weights = weights.squeeze((1, 2)) if builtin.flat else weights
        scales = _weight_scales(graph, operator)
        file.constant(name, weights, scales, dimension=builtin.quantized_axis)


def _weight_scales(graph: IntegerGraph, operator: TfliteOperator) -> Any:
    scales = graph.filters[operator.source].scales
    return scales if kind_of(_source(graph, operator)).scale_per_channel else scales[:1]


def _input_scale(graph: IntegerGraph, operator: TfliteOperator) -> np.float32:
    return np.float32(graph.scales[_source(graph, operator).inputs[0]].scale)


def _source(graph: IntegerGraph, operator: TfliteOperator) -> Operator:
    return next(each for each in graph.operators if each.name == operator.source)


def _fused(operator: TfliteOperator, scale: Scale) -> str:
    """The fused activation; plain ReLU where ReLU6 would clamp below 127, since in the integer
    graph nothing does.
    """
    clamps = operator.activation == "relu6" and scale.zero_point + round(6 / scale.scale) < 127
    return "relu" if clamps else operator.activation


def _options(schema: Any, operator: TfliteOperator, fused: str) -> Any:
    """The object of the schema with the operator's own settings, None where it has none."""
    builtin = BUILTINS[operator.kind]
    if not builtin.options:
        return None
    values = {
        "padding": getattr(schema.Padding, operator.padding),
        "stride_height": operator.stride[0],
        "stride_width": operator.stride[1],
        "activation": getattr(schema.ActivationFunctionType, fused.upper()),
        "keep_dims": len(operator.out_shape) == len(operator.in_shape),
        "slope": LEAKY_RELU_SLOPE,
    }
    settings = (values[each] if isinstance(each, str) else each for each in builtin.settings)
    return getattr(schema, f"{builtin.options}T")(*settings)


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
