"""The constants of each kernel call as C: arrays of weights, channels and tables, and the struct
that points to them.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lmanet.cost.c_runtime.steps import Pixels, Rows, Step
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.write import packing
from lmanet.deploy.write.constants import activation_table
from lmanet.deploy.write.packing import packed
from lmanet.network.fixed_point import Channel, halves
from lmanet.network.int8 import FUSED
from lmanet.network.operators import Operator, c_kernel
from lmanet.network.operators.conv import (
    across_numbers,
    dense_numbers,
    whole_words,
    window_numbers,
)
from lmanet.network.operators.depthwise import kernel_name, rows_pitch

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
            content = self._rows(name, step.rows)
        elif step.pixels:
            content = self._pixels(name, step.pixels)
        else:
            content = self._constants(name, operator) or self._conv(name, operator)
        if across := _across(step):
            numbers = packed("lm_across", across.name, across_numbers(across))
            content = f"{{{content}}}, {{{numbers}}}"
        return self._struct(f"lm_{self.kind(step)}_layer", name, content)

    def kind(self, step: Step) -> str:
        """The kernel of a call, after ``lm_``: one of its own where a window's sides differ."""
        return f"{step.kind}_across" if _across(step) else step.kind

    def _rows(self, name: str, rows: Rows) -> str:
        depthwise = rows.depthwise
        weights = packing.depthwise_weights(self.graph, depthwise)
        parts = [
            f"lm_depthwise_{kernel_name(depthwise)}",
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
        struct = f"lm_{c_kernel(add).name}_layer"
        return self._part(struct, name, self._constants(name, add._replace(inputs=inputs)))

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

    def _constants(self, name: str, operator: Operator) -> str | None:
        """The structure of a kernel whose kind says what it holds."""
        kernel, scales = c_kernel(operator), self.graph.scales
        if not kernel.constants:
            return None
        inputs = [scales[each] for each in operator.inputs]
        values = kernel.constants(operator, inputs, scales[operator.name])
        letters, struct = iter("xyzuvw"), f"lm_{kernel.name}_layer"
        parts = []
        for field, value in values.items():
            if isinstance(value, Channel):
                parts.append(_channel(value))
            elif isinstance(value, np.ndarray):
                parts.append(self._array(INT32, f"{name}{next(letters)}", value))
            else:
                parts.append(packed(struct, operator.name, {field: value}))
        return ", ".join(parts)

    def _halves(self, operator: Operator) -> int:
        return halves(self.graph.linear_scale(operator))

    def _table(self, name: str, operator: Operator) -> str:
        if operator.activation in FUSED:
            return NONE
        return (
            f"(const int8_t *){self._array(INT8, name, activation_table(self.graph, operator))} + "
            "128"
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


def _across(step: Step) -> Operator | None:
    """The operator of a call whose window has another side in width than in height."""
    return next((operator for operator in step.operators if operator.across), None)


def _channel(channel: Channel) -> str:
    return f"{{{channel.bias},{channel.multiplier},{channel.shift}}}"
