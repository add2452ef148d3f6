"""How well multiply-accumulates, or instructions, tell latency: one factor for each runtime and
board, against published measurements.

    python tests/scripts/latency_models.py REFERENCE > table.md

REFERENCE holds `stm32_benchmarks.csv` and `qemu_reference.csv`. Instructions are those of TFLM with
CMSIS-NN (of its reference kernels for those alone): a measure of the network's work for the other
runtimes, whose own are unknown.
"""

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path
from statistics import geometric_mean, median

# Model and input of a published measurement -> the network whose instructions were counted.
COUNTED = {
    ("MobileNetV1 0.25 (5 cls)", "96x96x3"): "mbv1_0.25_r96_5cls(ST zoo rebuilt)",
    ("MobileNetV1 0.25 (5 cls)", "224x224x3"): "mbv1_0.25_r224_5cls(ST zoo rebuilt)",
    ("MobileNetV1 0.5 (5 cls)", "224x224x3"): "mbv1_0.5_r224_5cls(ST zoo rebuilt)",
    ("MobileNetV2 0.35 (5 cls)", "128x128x3"): "mbv2_0.35_r128_5cls(ST zoo rebuilt)",
    ("ResNetV1-8 CIFAR-10", "32x32x3"): "mlperf_ic_resnet8",
    ("mcunet-vww1", "80x80x3"): "mcunet_vww1(TinyEngine assets/vww.tflite)",
    ("mbv2-w0.3-r64", "64x64x3"): "mbv2_w0.35_r64_mcunet(rebuilt)",
    ("MLPerf Tiny AD FC-AE", "640"): "mlperf_ad_fc",
    ("MLPerf Tiny VWW MobileNetV1 0.25", "96x96x3"): "mlperf_vww_mbv1_0.25",
}
REFERENCE_KERNELS = "TFLM reference kernels"


def measurements(
    reference: Path,
) -> dict[tuple[str, str], list[tuple[float, float | None, float | None]]]:
    """(runtime, board) -> cycles, multiply-accumulates and instructions of
    each measured network.
    """
    counts = {row["model"]: row for row in _rows(reference / "qemu_reference.csv")}
    groups = defaultdict(list)
    for row in _rows(reference / "stm32_benchmarks.csv"):
        clock = re.search(r"\d+", row["freq_MHz"])
        if row["latency_ms"] == "OOM" or not clock or "float model" in row["notes"]:
            continue
        cycles = float(row["latency_ms"]) * 1e3 * int(clock[0])
        counted = counts.get(COUNTED.get((row["model"], row["input"]), ""))
        column = "insn_tflm_ref" if row["runtime"] == REFERENCE_KERNELS else "insn_tflm_cmsisnn"
        macs = float(row["macs_M"]) * 1e6 if row["macs_M"] else None
        version = f" {row['runtime_version']}" if row["runtime"] == "X-CUBE-AI / ST Edge AI" else ""
        groups[row["runtime"] + version, row["board"]].append(
            (cycles, macs, float(counted[column]) if counted else None)
        )
    return groups


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def one_factor(points: list[tuple[float, float]]) -> dict[str, float]:
    """Cycles per unit of work, and the error where each point is told from the others."""
    ratios = [cycles / work for cycles, work in points]
    errors = (
        [
            abs(geometric_mean(ratios[:i] + ratios[i + 1 :]) / ratio - 1)
            for i, ratio in enumerate(ratios)
        ]
        if len(ratios) > 1
        else []
    )
    factor = {
        "n": len(ratios),
        "low": min(ratios),
        "mean": geometric_mean(ratios),
        "high": max(ratios),
    }
    return factor | ({"median_error": median(errors), "worst_error": max(errors)} if errors else {})


def cells(points: list[tuple[float, float]]) -> str:
    """Cells of the table for one kind of work."""
    if not points:
        return "0 | | | "
    factor = one_factor(points)
    errors = (
        f"{factor['median_error']:.0%} | {factor['worst_error']:.0%}"
        if "worst_error" in factor
        else "| "
    )
    return (
        f"{factor['n']} | {factor['mean']:.2f} ({factor['low']:.2f} to {factor['high']:.2f}) | "
        f"{errors}"
    )


def main() -> None:
    print(
        "| runtime | board | n | cycles a MAC | median error | worst | n | cycles an instruction "
        "of TFLM | median error | worst |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (runtime, board), points in sorted(measurements(Path(sys.argv[1])).items()):
        by_macs = [(cycles, macs) for cycles, macs, _ in points if macs]
        by_instructions = [
            (cycles, instructions) for cycles, _, instructions in points if instructions
        ]
        print(f"| {runtime} | {board} | {cells(by_macs)} | {cells(by_instructions)} |")


if __name__ == "__main__":
    main()
