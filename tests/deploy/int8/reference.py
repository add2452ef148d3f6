"""The five networks of `qemu_reference.csv`, rebuilt from the published sketch of them into float
graphs of ours.
"""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lmanet.deploy.int8.calibrate import Range, calibrate, minmax
from lmanet.deploy.int8.fold import Folded
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.int8.quantize import quantize
from lmanet.network import Operator
from lmanet.network.graph import INPUT, pad_same

NAMES = ("mb_se_hs", "mb_relu6", "dwsep", "conv32", "mixed160")
ACTIVATIONS = {nn.ReLU: "relu", nn.ReLU6: "relu6", nn.Hardswish: "hard_swish"}


def sketch(data: Path) -> ModuleType:
    """The module that defines them."""
    spec = importlib.util.spec_from_file_location("reference_models", data / "poc" / "models.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def reference_network(data: Path, name: str, padding: str) -> tuple[Folded, set[str], Tensor]:
    """A float graph, the names of its squeeze-and-excitation gates, and 64 images to calibrate
    with.

    A gate is relu6(z + 3) / 6. The sixth is moved into the weights, so that the gate's int8 range
    must be set to 0..1.
    """
    models = sketch(data)
    network, resolution = models.build(name, same=padding == "same")
    walk = _Walk(models, padding, resolution)
    for number, block in enumerate(network.f):
        walk.module(block, f"block{number}")
    walk.classifier(network.fc)
    return Folded(walk.graph, walk.filters), walk.gates, models.calib(resolution, 64, 5)


def reference_graph(
    data: Path, name: str, padding: str, images: int
) -> tuple[IntegerGraph, NDArray[np.int8]]:
    """The same in integers, and ``images`` inputs."""
    folded, gates, inputs = reference_network(data, name, padding)
    ranges = calibrate(folded, inputs[:16], minmax) | dict.fromkeys(gates, Range(0.0, 1.0))
    graph = quantize(folded, ranges, [str(label) for label in range(100)], (0.0,) * 3, (1.0,) * 3)
    return graph, to_int8(inputs[:images], graph.scales[INPUT])


def reference_figures(data: Path, name: str, padding: str) -> dict[str, int]:
    """A line of `qemu_reference.csv`: TFLM with CMSIS-NN, on the same emulated board."""
    with (data / "reference" / "qemu_reference.csv").open(newline="") as file:
        line = next(
            row
            for row in csv.DictReader(file)
            if (row["model"], row["variant"]) == (name, f"{padding}_pad")
        )
    return {column: int(value) for column, value in line.items() if value.isdigit()}


class _Walk:
    def __init__(self, models: ModuleType, padding: str, resolution: int) -> None:
        self.models, self.padding = models, padding
        self.graph: list[Operator] = []
        self.filters: dict[str, tuple[Tensor, Tensor]] = {}
        self.gates: set[str] = set()
        self.tensor, self.shape = INPUT, (3, resolution, resolution)

    def push(
        self,
        name: str,
        kind: str,
        shape: tuple[int, int, int],
        others: tuple[str, ...] = (),
        **fields,
    ) -> None:
        operator = Operator(name, kind, (self.tensor, *others), self.shape, shape, **fields)
        self.graph.append(operator)
        self.tensor, self.shape = name, shape

    def module(self, module: nn.Module, name: str) -> None:
        models = self.models
        if isinstance(module, models.ConvBN):
            self.conv_bn(module, name)
        elif isinstance(module, models.SE):
            self.squeeze_excite(module, name)
        elif isinstance(module, nn.Sequential):
            for number, child in enumerate(module):
                self.module(child, f"{name}.{number}")
        else:  # a block with a sum
            tensor = self.tensor
            self.module(module.b, name)
            if module.res:
                self.push(f"{name}.add", "add", self.shape, (tensor,))

    def conv_bn(self, module: nn.Sequential, name: str) -> None:
        conv, norm = module[0], module[1]
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.filters[name] = (
            (conv.weight * gain[:, None, None, None]).detach(),
            (norm.bias - norm.running_mean * gain).detach(),
        )
        kernel, stride, size = conv.kernel_size[0], conv.stride[0], self.shape[1]
        padding = (
            pad_same(size, kernel, stride) if self.padding == "same" else (kernel // 2, kernel // 2)
        )
        out = (size + sum(padding) - kernel) // stride + 1
        activation = ACTIVATIONS[type(module[2])] if len(module) > 2 else "none"
        kind = "depthwise" if conv.groups > 1 else "conv"
        shape = (conv.out_channels, out, out)
        self.push(
            name,
            kind,
            shape,
            kernel=kernel,
            stride=stride,
            padding=padding,
            activation=activation,
            bias=True,
        )

    def squeeze_excite(self, module: nn.Module, name: str) -> None:
        tensor, shape = self.tensor, self.shape
        self.push(f"{name}.mean", "mean", (shape[0], 1, 1))
        self.filters[f"{name}.reduce"] = (module.fc1.weight.detach(), module.fc1.bias.detach())
        self.push(
            f"{name}.reduce", "conv", (module.fc1.out_channels, 1, 1), activation="relu", bias=True
        )
        self.filters[f"{name}.expand"] = (
            module.fc2.weight.detach() / 6,
            (module.fc2.bias.detach() + 3) / 6,
        )
        self.gates.add(f"{name}.expand")
        self.push(f"{name}.expand", "conv", (shape[0], 1, 1), activation="relu6", bias=True)
        gate, self.tensor, self.shape = self.tensor, tensor, shape
        self.push(f"{name}.scale", "mul", shape, (gate,))

    def classifier(self, linear: nn.Linear) -> None:
        self.push("classifier.pool", "mean", (self.shape[0], 1, 1))
        self.filters["classifier.linear"] = (
            linear.weight.detach()[:, :, None, None],
            linear.bias.detach(),
        )
        self.push("classifier.linear", "linear", (linear.out_features, 1, 1), bias=True)
