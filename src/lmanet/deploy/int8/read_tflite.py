"""The bytes of a .tflite file that `write_tflite` wrote -> its integer graph. Every tensor is held
against the architecture, so that C which is generated of it reads no byte that is not there.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.tflm.operators import Shape, TfliteOperator, tflite_operators
from lmanet.deploy.int8.graph import Filter, IntegerGraph, Scale
from lmanet.deploy.write.flatbuffer import tflite_schema
from lmanet.deploy.write.tflite import read_metadata
from lmanet.errors import DeployError
from lmanet.network import Architecture, Operator
from lmanet.network.graph import INPUT, operators
from lmanet.network.int8 import FUSED, tensor_before_table
from lmanet.network.operators import BUILTINS, kind_of

MOST_FILE_BYTES = 64 * 2**20  # no microcontroller has as much flash
MOST_WEIGHT = 127


def read_tflite(path: Path, architecture: Architecture, num_classes: int) -> IntegerGraph:
    """The integer graph of a file that lmanet wrote for this network.

    Args:
        architecture: of the network; the file does not hold it.
        num_classes: of its classifier.

    Raises:
        DeployError: the file is missing, broken, or of another network.
    """
    try:
        if (size := path.stat().st_size) > MOST_FILE_BYTES:
            raise ValueError(f"it has {size:,} bytes, and at most {MOST_FILE_BYTES:,} are read")
        content = path.read_bytes()
        metadata = read_metadata(content)
        file = tflite_schema().ModelT.InitFromPackedBuf(content, 0)
        return _graph(file, operators(architecture, num_classes), metadata)
    except DeployError:
        raise
    except Exception as error:  # the schema's reader raises many kinds for a broken file
        reason = str(error) or type(error).__name__
        raise DeployError(
            f"{path} is no int8 file of this network ({reason.splitlines()[0]}); run the stage "
            "deploy anew"
        ) from error


def _graph(file: Any, graph: Sequence[Operator], metadata: Mapping[str, Any]) -> IntegerGraph:
    parts = tflite_operators(graph)
    tensors = dict(zip(_names(parts), file.subgraphs[0].tensors, strict=True))
    wanted = {INPUT: parts[0].in_shape} | {part.output: part.out_shape for part in parts}
    scales = {name: _scale(name, tensors[name], shape) for name, shape in wanted.items()}
    filters = {
        operator.name: _filter(file, tensors, operator) for operator in graph if operator.weights
    }
    labels = tuple(map(str, metadata["labels"]))
    return IntegerGraph(
        tuple(graph),
        {name: scales[name] for name in (INPUT, *_of_a_graph(graph))},
        filters,
        labels,
        _by_channel(metadata["mean"], graph[0].in_shape[0]),
        _by_channel(metadata["std"], graph[0].in_shape[0], least=1e-6),
    )


def _names(parts: Sequence[TfliteOperator]) -> Iterator[str]:
    """Of all tensors, in the order in which `write_tflite` adds them."""
    seen = set()
    yield INPUT
    for part in parts:
        for name in part.constants:
            if name not in seen:
                seen.add(name)
                yield name
        yield part.output


def _of_a_graph(graph: Sequence[Operator]) -> Iterator[str]:
    """Tensors that the integer graph has: a file has more."""
    for operator in graph:
        if operator.activation not in FUSED:
            yield tensor_before_table(operator)
        yield operator.name


def _scale(name: str, tensor: Any, shape: Shape) -> Scale:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} has the shape {list(tensor.shape)}, and not {list(shape)}")
    ((scale,), (zero,)) = tensor.quantization.scale, tensor.quantization.zeroPoint
    if not (math.isfinite(scale) and scale > 0 and -128 <= zero <= 127):
        raise ValueError(f"{name} has the scale {scale} and the zero point {zero}")
    return Scale(float(scale), int(zero))


def _filter(file: Any, tensors: Mapping[str, Any], operator: Operator) -> Filter:
    axes = BUILTINS[_builtin(operator)].weight_axes
    shape = operator.filter_shape
    assert shape, "only operators with weights have a filter"
    written = [shape[axis] for axis in axes]
    tensor = tensors[f"{operator.name}.weights"]
    weights = _data(file, tensor, np.int8, math.prod(shape)).reshape(written)
    if weights.min() < -MOST_WEIGHT:
        raise ValueError(f"{operator.name} has a weight below -{MOST_WEIGHT}")
    scales = np.asarray(tensor.quantization.scale, np.float32)
    if len(scales) != (shape[0] if kind_of(operator).scale_per_channel else 1):
        raise ValueError(f"{operator.name} has {len(scales)} scales of weights")
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise ValueError(f"{operator.name} has a scale of weights that is not above 0")
    return Filter(
        np.ascontiguousarray(weights.transpose(np.argsort(axes))),
        np.broadcast_to(scales, shape[0]).copy(),
        _data(file, tensors[f"{operator.name}.bias"], np.int32, shape[0]),
    )


def _builtin(operator: Operator) -> str:
    builtin = kind_of(operator).tflite
    assert builtin, "a file of this network was written"
    return builtin.name


def _data(file: Any, tensor: Any, kind: type[np.generic], size: int) -> NDArray[Any]:
    content = bytes(file.buffers[tensor.buffer].data)
    values = np.frombuffer(content, kind)
    if len(values) != size:
        raise ValueError(f"a constant has {len(values)} values, and not {size}")
    return values


def _by_channel(
    values: Sequence[float], channels: int, least: float = -math.inf
) -> tuple[float, ...]:
    read = tuple(map(float, values))
    sound = all(math.isfinite(each) and each >= least for each in read)
    if len(read) != channels or not sound:
        raise ValueError(f"its normalisation is {values}")
    return read
