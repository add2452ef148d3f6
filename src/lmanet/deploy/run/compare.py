"""What the generated C is held against: TensorFlow Lite Micro where it runs, and else the reference
in plain integers, with LiteRT beside it.
"""

import importlib
import importlib.util
import platform
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.reference import run_reference
from lmanet.deploy.run.tflm import HAS_TFLM, run_tflm
from lmanet.errors import DeployError

LITERT = "ai_edge_litert"
# LiteRT has other kernels for a few operators, and rounds differently now and then.
MOST_STEPS = 1


class Compared(NamedTuple):
    """Logits that others made of the same images.

    Attributes:
        outputs: int8 (N, classes), to the bit.
        runtimes: what was run: ``tflm``, or ``reference`` and, where it is there, ``litert``.
        head_bytes, tail_bytes: of TFLM's arena; None where it did not run.
    """

    outputs: NDArray[np.int8]
    runtimes: tuple[str, ...]
    head_bytes: int | None = None
    tail_bytes: int | None = None


def has_tflm() -> bool:
    """Whether the package of TensorFlow Lite Micro exists for this machine."""
    return (sys.platform, platform.machine()) == HAS_TFLM


def compare(graph: IntegerGraph, model: bytes, inputs: NDArray[np.int8]) -> Compared:
    """Run a network elsewhere.

    Args:
        graph: the network.
        model: the same as a ``.tflite`` file.
        inputs: (N, height, width, channels), in the integers of the network's input.

    Raises:
        DeployError: LiteRT and the reference differ by more than a step.
    """
    if has_tflm():
        run = run_tflm(model, inputs)
        return Compared(run.outputs, ("tflm",), run.measured_head_bytes, run.measured_tail_bytes)
    outputs = run_reference(graph, inputs)
    if importlib.util.find_spec(LITERT) is None:
        return Compared(outputs, ("reference",))
    steps = int(np.abs(_run_litert(model, inputs).astype(int) - outputs).max())
    if steps > MOST_STEPS:
        raise DeployError(
            f"LiteRT and lmanet's reference differ by {steps} steps, and at most {MOST_STEPS} is "
            "right; report this network"
        )
    return Compared(outputs, ("reference", "litert"))


def _run_litert(model: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    litert: Any = importlib.import_module(f"{LITERT}.interpreter")
    network = litert.Interpreter(
        model_content=model, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF
    )
    network.allocate_tensors()
    source, result = network.get_input_details()[0], network.get_output_details()[0]
    outputs = []
    for image in inputs:
        network.set_tensor(source["index"], image[None])
        network.invoke()
        outputs.append(network.get_tensor(result["index"]).reshape(-1))
    return np.stack(outputs)
