"""The constants of each kernel call as C: arrays of weights, channels and tables, and the struct
that points to them.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.c_runtime.fields import dense_numbers, map_numbers, window_numbers
from lmanet.cost.c_runtime.scratch import rows_pitch, whole_words
from lmanet.cost.c_runtime.steps import Pixels, Rows, Step
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.write import packing
from lmanet.deploy.write.constants import activation_table
from lmanet.deploy.write.packing import Channel, packed
from lmanet.network import Operator
from lmanet.network.int8 import FUSED

NONE = "0"
INT8, INT32 = "int8_t", "int32_t"


class Layers:
    """Collects the definitions of a network's constants.

    Attributes:
        text: all definitions so far.
    """

    def __init__(self, graph: IntegerGraph) -> None:
        self.graph = graph
        self._definitions: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self._definitions) + "\n"

    def define(self, number: int, step: Step) -> str:
        """Define the constants of a kernel call; gives the name of its struct."""
        name = f"s{number}"
        operator = step.operators[0]
        self._definitions.append(f"\n/* {', '.join(each.name for each in step.operators)} */")
        if step.rows:
            return self._struct("lm_rows_layer", name, self._rows(name, step.rows))
        if step.pixels:
            return self._struct("lm_pixels_layer", name, self._pixels(name, step.pixels))
        if step.kind == "conv":
            return self._struct("lm_conv_layer", name, self._conv(name, operator))
        if step.kind == "mean":
            return self._struct("lm_mean_layer", name, self._mean(operator))
        if step.kind == "scale":
            return self._struct("lm_scale_layer", name, self._scale(operator))
        return self._struct("lm_add_layer", name, self._add(name, operator, operator.inputs))

    def _rows(self, name: str, rows: Rows) -> str:
        depthwise = rows.depthwise
        weights = packing.depthwise_weights(self.graph, depthwise)
        parts = [
            packing.depthwise_kernel(depthwise),
            self._part(
                "lm_dense", f"{name}e", rows.expand and self._dense(f"{name}e", rows.expand)
            ),
            self._part(
                "lm_dense", f"{name}p", rows.project and self._dense(f"{name}p", rows.project)
            ),
            self._sum(f"{name}a", rows.add, rows.project),
            f"(const int8_t *){self._array(INT8, f'{name}w', weights)}",
            self._channels(f"{name}c", packing.channels(self.graph, depthwise)),
            self._table(f"{name}t", depthwise),
        ]
        sizes = {
            "in_channels": rows.present[0].in_shape[0],
            "pitch": rows_pitch(depthwise),
            "halves": self._halves(depthwise),
        }
        return (
            f"{', '.join(parts)}, {packed('lm_rows_layer', depthwise.name, sizes)}, "
            f"{{{self._window(depthwise)}}}"
        )

    def _pixels(self, name: str, pixels: Pixels) -> str:
        project = pixels.project
        projection = self._part(
            "lm_dense", f"{name}p", project and self._dense(f"{name}p", project)
        )
        addition = self._sum(f"{name}a", pixels.add, project or pixels.conv)
        return f"{{{self._conv(name, pixels.conv)}}}, {projection}, {addition}"

    def _sum(self, name: str, add: Operator | None, own: Operator | None) -> str:
        """Of the two summands what the block makes comes first."""
        if not add or not own:
            return NONE
        inputs = (own.name, *(other for other in add.inputs if other != own.name))
        return self._part("lm_add_layer", name, self._add(name, add, inputs))

    def _conv(self, name: str, operator: Operator) -> str:
        packing.check_conv(operator)
        return f"{{{self._dense(name, operator)}}}, {{{self._window(operator)}}}"

    def _dense(self, name: str, operator: Operator) -> str:
        weights = self._array(INT8, f"{name}w", packing.dense_weights(self.graph, operator))
        channels = packing.channels(self.graph, operator)
        channels += [Channel(0, 0, 0)] * (len(channels) % 2)
        constants = (
            f"(const int8_t *){weights}, {self._channels(f'{name}c', channels)}, "
            f"{self._table(f'{name}t', operator)}"
        )
        numbers = dense_numbers(operator) | {"halves": self._halves(operator)}
        return f"{constants}, {packed('lm_dense', operator.name, numbers)}"

    def _window(self, operator: Operator) -> str:
        zero = self.graph.scales[operator.inputs[0]].zero_point
        return packed("lm_window", operator.name, window_numbers(operator) | {"zero": zero})

    def _mean(self, operator: Operator) -> str:
        source, target = self.graph.scales[operator.inputs[0]], self.graph.scales[operator.name]
        numbers = map_numbers(operator)
        multiplier, exponent = packing.mean_multiplier(self.graph, operator)
        numbers |= {
            "zero": source.zero_point * numbers["pixels"],
            "multiplier": multiplier,
            "exponent": exponent,
        }
        return packed("lm_mean_layer", operator.name, numbers | {"out_zero": target.zero_point})

    def _scale(self, operator: Operator) -> str:
        zero, gate_zero = (self.graph.scales[name].zero_point for name in operator.inputs)
        numbers = packed(
            "lm_scale_layer",
            operator.name,
            map_numbers(operator) | {"zero": zero, "gate_zero": gate_zero},
        )
        return (
            f"{numbers}, {_channel(packing.scaling(self.graph, operator))}, "
            f"{self._halves(operator)}"
        )

    def _add(self, name: str, operator: Operator, inputs: tuple[str, ...]) -> str:
        addition = packing.addition(self.graph, operator)
        tables = dict(zip(operator.inputs, (addition.first, addition.second), strict=True))
        first, second = (
            self._array(INT32, f"{name}{letter}", tables[source])
            for letter, source in zip("xy", inputs, strict=True)
        )
        return f"{first}, {second}, {_channel(addition.scale)}, {self._halves(operator)}"

    def _halves(self, operator: Operator) -> int:
        return packing.halves(self.graph.linear_scale(operator))

    def _table(self, name: str, operator: Operator) -> str:
        if operator.activation in FUSED:
            return NONE
        return (
            "(const int8_t "
            f"*){self._array(INT8, name, activation_table(self.graph, operator))} + 128"
        )

    def _part(self, kind: str, name: str, content: str | None) -> str:
        return f"&{self._struct(kind, name, content)}" if content else NONE

    def _channels(self, name: str, channels: Iterable[Channel]) -> str:
        rows = ",".join(map(_channel, channels))
        self._definitions.append(f"static const lm_channel {name}[] = {{{rows}}};")
        return name

    def _array(self, kind: str, name: str, values: NDArray[np.generic]) -> str:
        """Bytes as words: a compiler reads a quarter of the numbers, and finds them aligned."""
        words = np.frombuffer(values.tobytes().ljust(whole_words(values.nbytes), b"\0"), "<i4")
        kind = INT32 if kind == INT8 else kind
        self._definitions.append(
            f"static const {kind} {name}[] = {{{','.join(map(str, words.tolist()))}}};"
        )
        return name

    def _struct(self, kind: str, name: str, content: str) -> str:
        self._definitions.append(f"static const {kind} {name} = {{{content}}};")
        return name


def _channel(channel: Channel) -> str:
    return f"{{{channel.bias},{channel.multiplier},{channel.shift}}}"
