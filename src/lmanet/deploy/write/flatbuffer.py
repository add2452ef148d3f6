"""A TFLite model with one subgraph, tensor by tensor and operator by operator, and its bytes."""

import importlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.tflm.operators import Shape
from lmanet.errors import ConfigError
from lmanet.network.operators import BUILTINS

SCHEMA_VERSION = 3
FILE_IDENTIFIER = b"TFL3"
# schema.fbs has `force_align: 16` on a buffer's data, which the Python builder leaves to its
# caller.
BUFFER_ALIGNMENT = 16


def tflite_schema() -> Any:
    """The module of classes that TFLite's schema is compiled to.

    Raises:
        ConfigError: the package that carries it is missing.
    """
    for name in ("tflite_micro.tensorflow.lite.micro.python", "ai_edge_litert"):
        with suppress(ImportError):
            return importlib.import_module(f"{name}.schema_py_generated")
    raise ConfigError(
        "the packages tflite-micro and ai-edge-litert are missing, which carry the schema of "
        ".tflite; run `pip install lmanet[deploy]`"
    )


class _AlignedBuffer:
    """A buffer whose data starts at a multiple of `BUFFER_ALIGNMENT` in the file."""

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer

    def Pack(self, builder: Any) -> int:
        """Called by the model's own Pack."""
        builder.Prep(BUFFER_ALIGNMENT, len(self.buffer.data))
        offset: int = self.buffer.Pack(builder)
        return offset


class TfliteFile:
    """Collects tensors, each under a name of the caller's, and operators that
    read and make them.
    """

    def __init__(self) -> None:
        self.schema = tflite_schema()
        self._subgraph = self.schema.SubGraphT([], [], [], [])
        # By convention buffer 0 is empty, and every tensor without data names it.
        self._model = self.schema.ModelT(
            SCHEMA_VERSION, [], [self._subgraph], "lmanet", [self.schema.BufferT()], metadata=[]
        )
        self._tensors: dict[str, int] = {}
        self._codes: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def activation(self, name: str, shape: Shape, scale: float, zero_point: int) -> None:
        """Add an int8 tensor that is computed; its name is written to the file."""
        quantization = self.schema.QuantizationParametersT(scale=[scale], zeroPoint=[zero_point])
        self._add(
            name,
            self.schema.TensorT(list(shape), self.schema.TensorType.INT8, 0, name, quantization),
        )

    def constant(
        self,
        name: str,
        data: NDArray[Any],
        scales: NDArray[np.float32] | None = None,
        dimension: int = 0,
    ) -> None:
        """Add an int8 or int32 tensor with its data; its name stays out of the file, where it would
        only cost flash.

        Args:
            scales: of the tensor (1,) or of every index of ``dimension``; zero points are 0. None
                for plain integers.
        """
        quantization = None
        if scales is not None:
            zeros = np.zeros(len(scales), np.int64)
            quantization = self.schema.QuantizationParametersT(
                scale=scales, zeroPoint=zeros, quantizedDimension=dimension
            )
        kind = getattr(self.schema.TensorType, data.dtype.name.upper())
        self._add(
            name,
            self.schema.TensorT(
                list(data.shape), kind, self._buffer(data.tobytes()), "", quantization
            ),
        )

    def operator(self, kind: str, inputs: Sequence[str], output: str, options: Any) -> None:
        """Add an operator; ``options`` is an object of the schema, such as ``Conv2DOptionsT``, or
        None.
        """
        if kind not in self._codes:
            number, version = getattr(self.schema.BuiltinOperator, kind), BUILTINS[kind].version
            self._codes[kind] = len(self._codes)
            self._model.operatorCodes.append(
                self.schema.OperatorCodeT(number, version=version, builtinCode=number)
            )
        entry = self.schema.OperatorT(
            self._codes[kind], [self._tensors[name] for name in inputs], [self._tensors[output]]
        )
        if options is not None:
            entry.builtinOptions = options
            entry.builtinOptionsType = getattr(
                self.schema.BuiltinOptions, type(options).__name__.removesuffix("T")
            )
        self._subgraph.operators.append(entry)

    def metadata(self, name: str, content: bytes) -> None:
        """Add an entry that runtimes pass over."""
        self._model.metadata.append(self.schema.MetadataT(name, self._buffer(content)))

    def pack(self, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """The bytes of the file, given which tensors go in and out of the network."""
        import flatbuffers

        self._subgraph.inputs = [self._tensors[name] for name in inputs]
        self._subgraph.outputs = [self._tensors[name] for name in outputs]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self._model.Pack(builder), FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _add(self, name: str, tensor: Any) -> None:
        self._tensors[name] = len(self._subgraph.tensors)
        self._subgraph.tensors.append(tensor)

    def _buffer(self, content: bytes) -> int:
        self._model.buffers.append(
            _AlignedBuffer(self.schema.BufferT(np.frombuffer(content, np.uint8)))
        )
        return len(self._model.buffers) - 1
