"""One core of the package unicorn with a program in its memory, whose functions can be called."""

import ctypes
import hashlib
import importlib
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lmanet.board.cores import USUAL_CORE, core_named
from lmanet.deploy.run.elf import Program
from lmanet.deploy.run.emulator.machine import (
    FLASH_ADDRESS,
    FLASH_BYTES,
    RAM_ADDRESS,
    RAM_BYTES,
    model_of,
)
from lmanet.deploy.run.toolchain import SUPPORT, toolchain_named
from lmanet.errors import ConfigError, DeployError
from lmanet.files import cache_folder

# Its type annotations are not those of its classes.
unicorn: Any = importlib.import_module("unicorn")
arm: Any = importlib.import_module("unicorn.arm_const")
riscv: Any = importlib.import_module("unicorn.riscv_const")
binding: Any = importlib.import_module("unicorn.unicorn_py3.unicorn")

COUNTER_SOURCE = SUPPORT / "emulated" / "count.c"
# Functions return to the last word of flash, which no program fills.
RETURN_ADDRESS = FLASH_ADDRESS + FLASH_BYTES - 4
STACK_TOP = RAM_ADDRESS + RAM_BYTES
PAINT = b"\xa5"
# Of one call; a kernel call of a network that fits 4 MB of flash takes some 10^8.
MAX_INSTRUCTIONS = 4 * 10**9


class _Architecture(NamedTuple):
    """What unicorn is told of an architecture.

    Attributes:
        engine: its number, and the mode.
        constants: module of its registers and cores.
        models: what the names of its cores begin with.
        stack, back, arguments, pc: registers of the stack pointer, of the address to return to, of
            the first four arguments, the first of which holds the result, and of the program
            counter.
        code_bit: is set in the address of a function.
        counter: function of count.c that knows how long its instructions are.
    """

    engine: tuple[int, int]
    constants: Any
    models: str
    stack: int
    back: int
    arguments: tuple[int, ...]
    pc: int
    code_bit: int
    counter: str


ARCHITECTURES = {
    "arm": _Architecture(
        # Without UC_MODE_MCLASS, which would make any core a Cortex-M33.
        (unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB),
        arm,
        "UC_CPU_ARM_",
        arm.UC_ARM_REG_SP,
        arm.UC_ARM_REG_LR,
        tuple(getattr(arm, f"UC_ARM_REG_R{number}") for number in range(4)),
        arm.UC_ARM_REG_PC,
        1,
        "lmanet_count_arm",
    ),
    "riscv": _Architecture(
        (unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32),
        riscv,
        "UC_CPU_RISCV32_",
        riscv.UC_RISCV_REG_SP,
        riscv.UC_RISCV_REG_RA,
        tuple(getattr(riscv, f"UC_RISCV_REG_A{number}") for number in range(4)),
        riscv.UC_RISCV_REG_PC,
        0,
        "lmanet_count_riscv",
    ),
}


class _Counter(ctypes.Structure):
    """``struct counter`` of count.c."""

    _fields_ = (
        ("code", ctypes.c_void_p),
        ("code_bytes", ctypes.c_uint64),
        ("known", ctypes.c_void_p),
        ("instructions", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("stop", ctypes.c_void_p),
    )


class EmulatedCore:
    """A core as it is after start-up: code and constants in flash, variables in RAM, an empty
    stack.

    Args:
        program: what lies in its memory.
        core: a name in `lmanet.board.cores`.

    Raises:
        ConfigError: the core is unknown, or unicorn has none of that kind.
    """

    def __init__(self, program: Program, core: str = USUAL_CORE) -> None:
        self.program = program
        model = _model(core)
        self._is = ARCHITECTURES[core_named(core).architecture]
        self._machine = unicorn.Uc(*self._is.engine)
        self._machine.ctl_set_cpu_model(model)
        self._machine.mem_map(FLASH_ADDRESS, FLASH_BYTES)
        self._machine.mem_map(RAM_ADDRESS, RAM_BYTES)
        for segment in program.segments:
            self.write(segment.address, segment.content)
            self.write(segment.run_address, segment.content)
        self._stack_bottom = program.symbol("lmanet_bss_end")
        self.write(self._stack_bottom, PAINT * (STACK_TOP - self._stack_bottom))
        self._bad_address: int | None = None
        self._machine.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._remember)
        self._count()

    @property
    def instructions(self) -> int:
        """Run so far."""
        return int(self._counter.instructions)

    def call(self, function: str, *arguments: int) -> int:
        """Call a function of at most four ints or addresses, and give what it returns.

        Raises:
            DeployError: it reads or writes outside the memory, or does not return.
        """
        machine, address = self._machine, self.program.symbol(function)
        for register, value in (
            (self._is.stack, STACK_TOP),
            (self._is.back, RETURN_ADDRESS | self._is.code_bit),
            *zip(self._is.arguments, arguments, strict=False),
        ):
            machine.reg_write(register, value)
        self._counter.limit = self.instructions + MAX_INSTRUCTIONS
        try:
            machine.emu_start(address | self._is.code_bit, RETURN_ADDRESS)
        except unicorn.UcError as error:
            where = "" if self._bad_address is None else f", at the address {self._bad_address:#x}"
            raise DeployError(
                f"{function}{arguments} failed at pc={self._pc():#x}{where}: {error}"
            ) from error
        if (pc := self._pc()) != RETURN_ADDRESS:
            ran = self.instructions - self._counter.limit + MAX_INSTRUCTIONS
            stop = (
                f"stopped at pc={pc:#x} after {ran} instructions; legal are {MAX_INSTRUCTIONS}, in "
                "flash"
            )
            raise DeployError(f"{function}{arguments} did not return: {stop}")
        result: int = machine.reg_read(self._is.arguments[0])
        return result

    def read(self, address: int, size: int) -> bytes:
        """Content of the memory."""
        return bytes(self._machine.mem_read(address, size))

    def write(self, address: int, content: bytes) -> None:
        """Set the memory."""
        self._machine.mem_write(address, content)

    def stack_high_water_bytes(self) -> int:
        """Most that any call so far had on the stack."""
        content = self.read(self._stack_bottom, STACK_TOP - self._stack_bottom)
        return len(content.lstrip(PAINT)) + 3 & ~3

    def _pc(self) -> int:
        pc: int = self._machine.reg_read(self._is.pc)
        return pc

    def _remember(
        self, _machine: object, _access: int, address: int, _size: int, _value: int, _data: object
    ) -> bool:
        self._bad_address = address
        return False

    def _count(self) -> None:
        """Let compiled code count: a hook in Python for each block would take minutes an image, and
        the binding takes no other.
        """
        self._code = self.read(FLASH_ADDRESS, FLASH_BYTES)
        self._known = (ctypes.c_uint32 * (FLASH_BYTES // 2))()
        self._counter = _Counter(
            ctypes.cast(ctypes.c_char_p(self._code), ctypes.c_void_p),
            RETURN_ADDRESS,
            ctypes.cast(self._known, ctypes.c_void_p),
            stop=ctypes.cast(binding.uclib.uc_emu_stop, ctypes.c_void_p),
        )
        hook, user = ctypes.c_size_t(), ctypes.cast(ctypes.byref(self._counter), ctypes.c_void_p)
        counting = getattr(_counting_library(), self._is.counter)
        function = ctypes.cast(counting, ctypes.c_void_p)
        first, last = ctypes.c_uint64(1), ctypes.c_uint64(0)  # all addresses
        status = binding.uclib.uc_hook_add(
            self._machine._uch,
            ctypes.byref(hook),
            unicorn.UC_HOOK_BLOCK,
            function,
            user,
            first,
            last,
        )
        if status:
            raise DeployError(
                f"unicorn refuses the hook that counts instructions: {unicorn.UcError(status)}"
            )


def _model(core: str) -> int:
    """The number of a core in unicorn."""
    called, architecture = model_of(core, "unicorn"), core_named(core).architecture
    known = ARCHITECTURES.get(architecture)
    name = f"{known.models if known else architecture + ' '}{called}"
    if not known or not hasattr(known.constants, name):
        raise ConfigError(f"core={core}: unicorn has no {name}; correct emulators in its file")
    return int(getattr(known.constants, name))


@lru_cache(maxsize=1)
def _counting_library() -> ctypes.CDLL:
    library = (
        cache_folder("objects")
        / f"count-{hashlib.sha256(COUNTER_SOURCE.read_bytes()).hexdigest()[:16]}.so"
    )
    if not library.exists():
        with tempfile.TemporaryDirectory(
            dir=library.parent
        ) as scratch:  # another process may want it too: whole or not at all
            toolchain_named("zig").compile_host(
                [COUNTER_SOURCE], Path(scratch) / library.name
            ).replace(library)
    return ctypes.CDLL(str(library))
