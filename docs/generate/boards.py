"""A page for each board of `conf/target`, and the table of all."""

import re
from pathlib import Path

from lmanet.app.compose import CONF
from lmanet.board import Target, load_target
from lmanet.board.cores import core_named
from lmanet.deploy.write.serial import shipped_boards

TABLE = """| board | core | MHz | SRAM for the network | flash for the network | MACs | state |
|---|---|---:|---:|---:|---:|---|"""
PAGE = """# {name}

{intro}

| property | value |
|---|---|
| microcontroller | {board} |
| boards | {boards} |
| core | `{core}`, {caches}; {state} |
| clock | {clock_mhz} MHz; {reset_mhz} after reset |
| runtime | `{runtime}` |
| opened by | {tool} |
| serial line of `measure` | {line} |

## Memory

| region of SRAM | address | bytes |
|---|---|---:|
{regions}

The network has the largest region, less what the firmware keeps:

| of SRAM | bytes |
|---|---:|
| the region | {region_bytes:,} |
| stack (`target.stack_bytes`) | -{stack_bytes:,} |
| the runtime and the application (`target.runtime_sram_bytes`) | -{runtime_sram_bytes:,} |
| the camera's frame (`target.input_buffer_bytes`) | -{input_buffer_bytes:,} |
| **for the network** | **{limits[peak_sram_bytes]:,}** |

| of flash | bytes |
|---|---:|
| the whole, from {flash_address:#010x} | {flash_bytes:,} |
| code (`target.runtime_flash_bytes`) | -{runtime_flash_bytes:,} |
| **for the network** | **{limits[flash_bytes]:,}** |

A network may take {limits[macs]:,} MACs. That is a wish about latency, not a property of the board.

## Use it

```
python run.py +experiment=quickstart target={name}
python run.py resume=multirun/quickstart/<date> stages=[deploy,report] target={name}
```

Any value can be changed, for example `target.macs={half}`.

## To the first class

The folders are below `multirun/quickstart/<date>/deploy/<network>/`. No step was tried on a board.

{steps}

[To the board](../tutorials/to-the-board.md) flashes a network. No board was measured: sizes are of
data sheets, latency is an [estimate](../explanation/measured-and-estimated.md).
"""


# What leads from a finished run to the first class on the board, by what its usual tool opens.
STEPS = {
    "": """1. Open `firmware/README.md`. It leads through STM32CubeIDE, step by step.
2. Paste its lines for `main.c`. `lmanet_classes[best]` is the class. Watch it in the debugger, or
   print it by `printf` over the serial port of the board's debugger.
3. Compare once with `check.h`: all logits must be the same.""",
    "arduino": """1. In the Arduino IDE, install the board's core. In *Tools*, choose the board, and
   *Optimize: -O2* where that is.
2. *Sketch, Include Library, Add .ZIP Library* takes `packages/arduino/lmanet.zip`.
3. *File, Examples, lmanet, classify*, then *Upload*.
4. *Tools, Serial Monitor* at 115,200 baud prints class, probability and milliseconds. The last
   number must be 0: so many logits differ from those of the emulated core.""",
    "zephyr": """1. In a Zephyr workspace, go to `packages/zephyr/lmanet`.
2. `west build -b <board> examples/classify`, then `west flash`. `west boards` lists the names.
3. The board's serial port prints class and probability. The last number must be 0: so many logits
   differ from those of the emulated core.""",
    "esp_idf": """1. In a shell of ESP-IDF, go to `packages/esp_idf/lmanet/examples/classify`.
2. `idf.py set-target {name}`, then `idf.py flash monitor`.
3. It prints class and probability. The last number must be 0: so many logits differ from those of
   the emulated core.""",
    "cmsis_pack": """1. Install the pack of `packages/cmsis_pack` in STM32CubeMX or Keil.
2. Begin with an example of the vendor for this board, which boots it. Choose the component
   *Machine Learning, Network, lmanet*.
3. Run the lines of `examples/classify/main.c`. `printf` over the serial port prints the class.""",
}

TOOLS = {
    "": "STM32CubeIDE",
    "arduino": "Arduino IDE",
    "zephyr": "Zephyr",
    "esp_idf": "ESP-IDF",
    "cmsis_pack": "STM32CubeMX or Keil, as a CMSIS-Pack",
}


def state(name: str) -> str:
    """What was done on a core of this kind. No board was measured."""
    core = core_named(name)
    if core.emulators:
        return "emulated"
    return f"not emulated; `{core.stand_in}` is, in its place"


def line(name: str) -> str:
    """How the firmware that is measured talks: [measure](../how-to/measure-on-a-board.md)."""
    if name in shipped_boards():
        return f"ready: `measure.firmware.source={name}`, for the first of the boards; not run"
    package = targets()[name].kit.package
    if package == "arduino":
        return "ready: a sketch, `lmanet_measure/`; not run"
    if package == "esp_idf":
        return "ready with `target.kit.package=arduino`: a sketch; not run"
    return "`board.c` is to be filled in"


def targets() -> dict[str, Target]:
    """Name -> board, of all that are boards."""
    found = {path.stem: path for path in sorted((CONF / "target").glob("*.yaml"))}
    return {name: load_target(path) for name, path in found.items() if _is_board(path)}


def table() -> str:
    """All boards with what they leave to a network; each links to its page."""
    rows = []
    for name, target in targets().items():
        limits = target.limits
        sizes = (
            f"{limits['peak_sram_bytes']:,} B | {limits['flash_bytes']:,} B | {limits['macs']:,}"
        )
        link = f"[`{name}`](../boards/{name}.md)"
        known = f"{target.clock_mhz} | {sizes} | {state(target.core)}"
        rows.append(f"| {link} | `{target.core}` | {known} |")
    return "\n".join([TABLE, *rows])


def page(name: str) -> str:
    """The page of a board."""
    target = targets()[name]
    reset = target.kit.reset_clock_mhz
    regions = (
        f"| {each.name} | {each.address:#010x} | {each.bytes:,} |" for each in target.regions
    )
    return PAGE.format(
        **{key: value for key, value in vars(target).items() if key not in ("regions", "kit")},
        intro=_head(CONF / "target" / f"{name}.yaml"),
        boards=", ".join(target.kit.boards) or "none by that name",
        caches="with caches" if core_named(target.core).caches else "without caches",
        reset_mhz=f"{reset} MHz" if reset else "what the tool's start-up code sets",
        state=state(target.core),
        line=line(name),
        tool=f"`{target.kit.package}` (`deploy.packages`)"
        if target.kit.package
        else "STM32CubeIDE",
        steps=STEPS[target.kit.package].format(name=name),
        regions="\n".join(regions),
        region_bytes=target.region.bytes,
        limits=target.limits,
        half=target.macs // 2,
    )


def _is_board(path: Path) -> bool:
    """What has a kit: a part that can be bought."""
    return "_target_: lmanet.board.Kit" in path.read_text(encoding="utf-8")


def _head(path: Path) -> str:
    """The comment that begins a file, a sentence a paragraph's line."""
    head = re.match(r"(?:#.*\n)+", path.read_text(encoding="utf-8"))
    return "\n".join(line.strip("# ") for line in head.group().splitlines()) if head else ""
