"""What the firmware's README says of a target, as values of the names in its template."""

from lmanet.board import Target
from lmanet.board.cores import core_named

RGB565_BYTES = 2
# Width and height of the usual frames of a camera, the largest first.
FRAMES = {"VGA": (640, 480), "QVGA": (320, 240), "QQVGA": (160, 120), "QQQVGA": (80, 60)}
MOST_WORDS = 300
BARE = """## Check it on the bare board
```
cmake -B build && cmake --build build
arm-none-eabi-nm build/firmware.elf | grep -E 'lmanet_(different_logits|cycles)'
```
Flash `build/firmware.elf` with the tool of the board's debugger, such as pyOCD, and read
`lmanet_different_logits` with it: it must be 0. This needs `arm-none-eabi-gcc` and CMake.
`main.c`, `startup.c`, `memory.c` and `lmanet.ld` are for this alone."""

# Not every version of CMSIS has DWT->LAR.
UNLOCK = (
    "*(volatile uint32_t *)0xE0001FB0 = 0xC5ACCE55; "
    "/* DWT->LAR: this core keeps the counter locked */"
)


def instructions(target: Target, arena_bytes: int) -> dict[str, str]:
    """Name -> text; a value that is empty leaves its line out.

    Args:
        target: the board.
        arena_bytes: of the network's memory.
    """
    core, kit = core_named(target.core), target.kit
    boards = " or ".join(f"**{_words(board)}**" for board in kit.boards)
    return {
        "NAME": _words(target.name),
        "BOARD": _words(target.board),
        "REGION": _words(target.region.name),
        "ARENA_BYTES": f"{arena_bytes:,}",
        "CORE": core.cmsis_name,
        "BOARDS": f"{boards} (or your board)" if boards else "your board",
        "REMARK": _words(kit.remark),
        "CACHES": _caches(target),
        "CACHES_ON": "caches on, " if target.has_caches else "",
        "CLOCK": f"{target.clock_mhz} MHz",
        "FULL_CLOCK": f" ({_words(kit.full_clock)})" if kit.full_clock else "",
        "RESET_CLOCK": _reset_clock(target),
        "PACKAGE": kit.package,
        "BARE": BARE if kit.bare else "",
        "CUBE_REGION": _words(kit.linker_region),
        "UNLOCK": UNLOCK if core.counter_locked else "",
        "CACHE_NOTE": _cache_note(target),
        **_frame(target.input_buffer_bytes),
    }


def _caches(target: Target) -> str:
    if not target.has_caches:
        return ""
    if target.kit.package:
        return "Its instruction and data cache must be on."
    name = core_named(target.core).cmsis_name
    return f"*System Core, {name}*: enable instruction and data cache. "


def _reset_clock(target: Target) -> str:
    clock = target.kit.reset_clock_mhz
    if target.kit.package:
        return f"{clock} MHz" if clock else "what the tool's start-up code sets"
    return f" ({clock} MHz)" if clock else ""


def _frame(room: int) -> dict[str, str]:
    """The largest usual frame that fits what the target keeps for it."""
    for name, (width, height) in FRAMES.items():
        if (size := RGB565_BYTES * width * height) <= room:
            return {
                "FRAME": (
                    f"/* in the loop, with a {name} frame in RGB565: {size:,} of the {room:,} "
                    "bytes that the target keeps for it */"
                ),
                "FILL_INPUT": f"lmanet_input_from_rgb565(frame, {width}, {height});",
            }
    said = (
        f"/* in the loop: fill lmanet_input() row by row; in the {room:,} bytes that the target "
        "keeps for it no whole frame has room */"
    )
    return {"FRAME": said, "FILL_INPUT": ""}


def _cache_note(target: Target) -> str:
    if not target.has_caches:
        return ""
    return (
        "A frame that DMA wrote is read past the data cache only after "
        "`SCB_InvalidateDCache_by_Addr((uint32_t *)frame, sizeof frame)`, with `frame` aligned to "
        "32 bytes."
    )


def _words(text: str) -> str:
    """Text of a configuration as words on one line, which end no comment."""
    return " ".join(text.split()).replace("*/", "* /")[:MOST_WORDS]
