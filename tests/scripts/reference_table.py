"""The table of docs/results.md: the five reference networks, our generated C against TFLM with
CMSIS-NN on the same emulated board.

Run: ``LMANET_DATA=... python tests/scripts/reference_table.py [same|torch]``; needs
arm-none-eabi-gcc and qemu-system-arm. The ratio to TFLM stands behind each figure. A minute.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from lmanet.cost.estimate import macs
from lmanet.deploy.run.verify import Verifier

IMAGES = 20


def reference_module():
    path = Path(__file__).parents[1] / "deploy" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(padding: str) -> None:
    reference, data = reference_module(), Path(os.environ["LMANET_DATA"])
    verifier = Verifier(toolchain="gcc", emulator="qemu")
    print(
        "| network | million MACs | RAM, bytes | flash, bytes | million instructions | "
        "instructions a MAC |\n|---|---|---|---|---|---|"
    )
    for name in reference.NAMES:
        graph, inputs = reference.reference_graph(data, name, padding, IMAGES)
        with tempfile.TemporaryDirectory(prefix="lmanet-") as folder:
            _, measured = verifier.verify(graph, inputs, Path(folder) / name)
        tflm, count = (
            reference.reference_figures(data, name, padding),
            sum(map(macs, graph.operators)),
        )
        ram = (
            f"{measured.measured_bss_bytes:,} "
            f"({measured.measured_bss_bytes / tflm['tflm_arena_M7_cmsisnn_bytes']:.2f})"
        )
        flash = (
            f"{measured.measured_flash_bytes:,} "
            f"({measured.measured_flash_bytes / tflm['tflm_cmsis_elf_text']:.2f})"
        )
        ratio = measured.measured_instructions / tflm["insn_tflm_cmsisnn"]
        instructions = f"{measured.measured_instructions / 1e6:.1f} ({ratio:.2f})"
        print(
            (
                f"| {name} | {count / 1e6:.1f} | {ram} | {flash} | {instructions} | "
                f"{measured.measured_instructions / count:.2f} |"
            ),
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "same")
