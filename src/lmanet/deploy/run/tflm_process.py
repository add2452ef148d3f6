"""Runs one .tflite in TFLite Micro, as a process of its own: ``python -P tflm_process.py FOLDER``.
See `lmanet.deploy.run.tflm`.
"""

import sys
from pathlib import Path

import numpy as np
from tflite_micro import runtime

# Far beyond any microcontroller, so that every network can be measured; pages that are never
# touched cost nothing.
ARENA_BYTES = 1 << 30
# Exit status where TFLM refuses the model or an image; any other is a fault of this process.
REFUSED = 3


def main(folder: Path) -> None:
    """``model.tflite`` and ``inputs.npy`` -> ``outputs.npy``, and what the
    arena holds on stderr.
    """
    interpreter = runtime.Interpreter.from_file(
        str(folder / "model.tflite"), arena_size=ARENA_BYTES
    )
    inputs = np.load(folder / "inputs.npy")
    if len(interpreter.get_input_details(0)["shape"]) == 2:  # a linear layer reads no image
        inputs = inputs.reshape(len(inputs), -1)
    classes = interpreter.get_output_details(0)["shape"][-1]
    outputs = np.empty((len(inputs), classes), np.int8)
    for i in range(len(inputs)):
        interpreter.set_input(inputs[i : i + 1], 0)
        interpreter.invoke()
        outputs[i] = interpreter.get_output(0)
    np.save(folder / "outputs.npy", outputs)
    interpreter.print_allocations()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except Exception as error:  # a broken file raises whatever its reader meets
        sys.stderr.write(f"{error or type(error).__name__}")
        sys.exit(REFUSED)
