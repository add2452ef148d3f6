"""What a linked program takes and where its names lie, read from the ELF file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from lmanet.errors import DeployError

ARENA = "arena"


@dataclass(frozen=True)
class ProgramSizes:
    """Bytes of a program by where they go.

    Attributes:
        text_bytes: code and constants.
        data_bytes: variables with initial values: in flash, and copied to RAM.
        bss_bytes: all other variables.
        arena_bytes: of ``bss_bytes``, the network's arena.
    """

    text_bytes: int
    data_bytes: int
    bss_bytes: int
    arena_bytes: int

    @property
    def flash_bytes(self) -> int:
        """Code, constants and initial values."""
        return self.text_bytes + self.data_bytes


@dataclass(frozen=True)
class Segment:
    """Bytes that the program finds at an address when it starts.

    Attributes:
        address: in flash, from where start-up code copies variables.
        run_address: where the program uses them.
    """

    address: int
    run_address: int
    content: bytes


@dataclass(frozen=True)
class Program:
    """A linked program.

    Attributes:
        symbols: name -> address; a function's without the Thumb bit.
    """

    segments: tuple[Segment, ...]
    symbols: dict[str, int]
    sizes: ProgramSizes

    def word(self, name: str) -> int:
        """Value of a constant int.

        Raises:
            DeployError: the program has none of that name.
        """
        address = self.symbol(name)
        for segment in self.segments:
            if segment.address <= address < segment.address + len(segment.content):
                offset = address - segment.address
                return int.from_bytes(segment.content[offset : offset + 4], "little", signed=True)
        raise DeployError(
            f"{name} at {address:#x} lies in no segment of the program; it must be a constant"
        )

    def symbol(self, name: str) -> int:
        """Address of a function or variable.

        Raises:
            DeployError: the program has none of that name.
        """
        if name not in self.symbols:
            raise DeployError(
                f"the program has no symbol {name}; network.h says which it must have"
            )
        return self.symbols[name]


def program_sizes(elf: Path) -> ProgramSizes:
    """Sizes of a linked program.

    Raises:
        DeployError: the file is no ELF file.
    """
    return read_program(elf).sizes


def read_program(elf: Path) -> Program:
    """A linked program with its symbols.

    Raises:
        DeployError: the file is no ELF file.
    """
    try:
        with elf.open("rb") as file:
            content: Any = ELFFile(file)
            segments = tuple(
                Segment(part["p_paddr"], part["p_vaddr"], part.data())
                for part in content.iter_segments()
                if part["p_type"] == "PT_LOAD" and part["p_filesz"]
            )
            symbols = [
                symbol
                for table in content.iter_sections("SHT_SYMTAB")
                for symbol in table.iter_symbols()
            ]
            arena = next((symbol["st_size"] for symbol in symbols if symbol.name == ARENA), 0)
            return Program(
                segments,
                {symbol.name: _address(symbol) for symbol in symbols},
                _sizes(content, arena),
            )
    except ELFError as error:
        raise DeployError(
            f"{elf} is no ELF file ({error}); the toolchain should have made one"
        ) from error


def _address(symbol: Any) -> int:
    value: int = symbol["st_value"]
    return value & ~1 if symbol["st_info"]["type"] == "STT_FUNC" else value


def _sizes(content: Any, arena_bytes: int) -> ProgramSizes:
    text = data = bss = 0
    for section in content.iter_sections():
        flags, size = section["sh_flags"], section["sh_size"]
        if not flags & SH_FLAGS.SHF_ALLOC:
            continue
        if section["sh_type"] == "SHT_NOBITS":
            bss += size
        elif flags & SH_FLAGS.SHF_WRITE:
            data += size
        else:
            text += size
    return ProgramSizes(text, data, bss, arena_bytes)
