"""A page for each board of `conf/target`, and the table of all."""

import re
from pathlib import Path

from lmanet.app.compose import CONF
from lmanet.board import Target, load_target
from lmanet.board.cores import core_named

TABLE = """| board | core | MHz | SRAM for the network | flash for the network | MACs |
|---|---|---:|---:|---:|---:|"""
PAGE = """# {name}

{intro}

| property | value |
|---|---|
| microcontroller | {board} |
| boards | {boards} |
| core | `{core}`, {caches} |
| clock | {clock_mhz} MHz; {reset_mhz} MHz after reset |
| runtime | `{runtime}` |

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
[To the board](../tutorials/to-the-board.md) flashes a network. No board was measured: sizes are of
data sheets, latency is an [estimate](../explanation/measured-and-estimated.md).
"""


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
        rows.append(f"| {link} | `{target.core}` | {target.clock_mhz} | {sizes} |")
    return "\n".join([TABLE, *rows])


def page(name: str) -> str:
    """The page of a board."""
    target = targets()[name]
    regions = (
        f"| {each.name} | {each.address:#010x} | {each.bytes:,} |" for each in target.regions
    )
    return PAGE.format(
        **{key: value for key, value in vars(target).items() if key not in ("regions", "kit")},
        intro=_head(CONF / "target" / f"{name}.yaml"),
        boards=", ".join(target.kit.boards) or "none by that name",
        caches="with caches" if core_named(target.core).caches else "without caches",
        reset_mhz=target.kit.reset_clock_mhz or "unknown",
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
