"""Compilers behind one interface: zig's clang from PyPI, or GNU's of each architecture with the
system's cc for the host.
"""

import hashlib
import importlib.util
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lmanet.board.cores import core_named
from lmanet.errors import ConfigError, DeployError, ToolError
from lmanet.files import cache_folder
from lmanet.tool import run_tool

SUPPORT = Path(__file__).parents[1] / "c"
EMULATED = SUPPORT / "emulated"
# What is linked with a network for an emulated board. Unicorn calls functions: only QEMU, which has
# Arm's boards, needs a program that starts by itself.
STARTING = (SUPPORT / "startup.c", SUPPORT / "memory.c", EMULATED / "main.c")
CALLED = (SUPPORT / "memory.c", EMULATED / "called.c")
# QEMU's machine -> the linker script of its memory; all others have that of an mps2.
LINKER_SCRIPTS = {"mps3-an547": EMULATED / "mps3.ld", "mps2-an505": EMULATED / "an505.ld"}
LINKER_SCRIPT = EMULATED / "mps2.ld"
# Architecture -> GNU's compiler for it, and Debian's package.
GNU = {
    "arm": ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    "riscv": ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
    "xtensa": ("xtensa-esp32s3-elf-gcc", "none of Debian; it comes with ESP-IDF"),
}
CAMERA = SUPPORT / "firmware" / "camera.c"
# Sources that differ from network to network; the objects of all others are kept.
GENERATED = "network"
NETWORK_HEADER = b'"network.h"'
WARNINGS = ("-std=c11", "-Wall", "-Wextra")
SECTIONS = ("-ffunction-sections", "-fdata-sections", "-fno-unwind-tables")


@dataclass(frozen=True)
class Toolchain:
    """Compiles programs for an emulated core, and for this machine.

    Attributes:
        name: as in ``conf/deploy``.
        command: of the compiler for the microcontroller; of Arm's where each architecture has its
            own.
        flags: of every translation unit.
        runtime: linked last, for what the core has no instruction for (64-bit division).
        host_command: of the compiler for this machine.
        others: architecture -> command of its compiler, where it has one of its own.
    """

    name: str
    command: tuple[str, ...]
    flags: tuple[str, ...]
    runtime: str
    host_command: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def compile(self, folder: Path, core: str, elf: Path) -> Path:
        """Compile and link a generated program for the emulated board.

        Args:
            folder: with ``network.c`` and what it includes.
            core: a name in `lmanet.board.cores`.
            elf: to be written.

        Raises:
            ConfigError: the core is unknown.
            DeployError: the compiler refuses the program.
        """
        known = core_named(core)
        support = STARTING if known.architecture == "arm" else CALLED
        script = LINKER_SCRIPTS.get(known.emulators.get("qemu", ""), LINKER_SCRIPT)
        return self.link([*_sources(folder), *support], core, script, elf)

    def link(
        self,
        sources: Sequence[Path],
        core: str,
        linker_script: Path,
        elf: Path,
        definitions: Sequence[str] = (),
    ) -> Path:
        """Compile and link any program for a core.

        Args:
            sources: each finds the headers beside any of them.

        Raises:
            ConfigError: the core is unknown, to this toolchain or at all.
            DeployError: the compiler refuses the program, or it does not fit the memory.
        """
        base = (*self.compiler(core), *self.core_flags(core), "-O2")
        with tempfile.TemporaryDirectory(prefix="lmanet-") as build:
            objects = self._objects(
                (*base, *self.flags, *WARNINGS, *SECTIONS, *definitions), sources, Path(build)
            )
            link = (
                *base,
                "-nostdlib",
                "-Wl,--gc-sections,-e,Reset_Handler",
                "-T",
                str(linker_script),
                "-o",
                str(elf),
                *map(str, objects),
            )
            run_tool((*link, self.runtime), zig_cache=cache_folder("zig"))
        return elf

    def compiler(self, core: str) -> tuple[str, ...]:
        """Command of the compiler for a core.

        Raises:
            ConfigError: the core is unknown, or the compiler of its architecture is missing.
        """
        architecture = core_named(core).architecture
        command = self.others.get(architecture, self.command)
        if not shutil.which(command[0]):
            raise ConfigError(
                f"toolchain={self.name} needs {command[0]} for core={core}: apt-get install "
                f"{GNU[architecture][1]}, or toolchain=zig (conf/deploy)"
            )
        return command

    def core_flags(self, core: str) -> tuple[str, ...]:
        """Arguments that select a core.

        Raises:
            ConfigError: the core is unknown, to this toolchain or at all.
        """
        known = core_named(core).compilers
        if self.name not in known:
            raise ConfigError(
                f"toolchain={self.name} is not known to compile for core={core}; legal are "
                f"{', '.join(known)} (conf/deploy; compilers in the file of the core)"
            )
        return known[self.name]

    def compile_host(self, sources: Sequence[Path], library: Path) -> Path:
        """Compile a shared library for this machine and no other.

        Raises:
            DeployError: the compiler refuses the program.
        """
        command = (*self.host_command, "-O3", "-march=native", "-fPIC", "-fno-sanitize=all")
        with tempfile.TemporaryDirectory(prefix="lmanet-") as build:
            objects = self._objects((*command, *WARNINGS), sources, Path(build))
            run_tool(
                (*command, "-shared", "-o", str(library), *map(str, objects)),
                zig_cache=cache_folder("zig"),
            )
        return library

    def compile_host_network(self, folder: Path, library: Path) -> Path:
        """Compile a generated program for `lmanet.deploy.run.host.HostNetwork`."""
        return self.compile_host([*_sources(folder, "*.c"), SUPPORT / "host.c", CAMERA], library)

    def _objects(
        self, command: tuple[str, ...], sources: Sequence[Path], build: Path
    ) -> list[Path]:
        includes = _includes(sources)

        def compiled(source: Path) -> Path:
            if source.name.startswith(GENERATED):
                return self._object((*command, *includes), source, build / f"{source.name}.o")
            kept = cache_folder("objects") / f"{source.name}.{_digest(command, source, sources)}.o"
            return kept if kept.exists() else self._unchanging((*command, *includes), source, kept)

        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(compiled, sources))

    def _unchanging(self, command: tuple[str, ...], source: Path, target: Path) -> Path:
        try:
            return self._object(command, source, target)
        except DeployError as error:
            if NETWORK_HEADER in source.read_bytes():
                raise
            raise ToolError(
                f"{source.name} is the same for every network, and toolchain={self.name} refuses "
                f"it: {error}"
            ) from error

    def _object(self, command: tuple[str, ...], source: Path, target: Path) -> Path:
        # Another process may want the same object: it appears whole or not at all. zig's own cache
        # would keep every network ever tried.
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "unit.o"
            run_tool((*command, "-c", str(source), "-o", str(made)), zig_cache=Path(scratch))
            return made.replace(target)


def toolchain_named(name: str) -> Toolchain:
    """The toolchain of that name, ``zig`` or ``gcc``.

    Raises:
        ConfigError: the name is unknown, or a compiler is missing.
    """
    if name not in TOOLCHAINS:
        raise ConfigError(
            f"toolchain={name!r} is unknown; legal are {', '.join(TOOLCHAINS)} (conf/deploy)"
        )
    return TOOLCHAINS[name]()


def _zig() -> Toolchain:
    spec = importlib.util.find_spec("ziglang")
    if not spec or not spec.origin:
        raise ConfigError(
            "toolchain=zig needs the package ziglang: pip install 'lmanet[deploy]', or "
            "toolchain=gcc (conf/deploy)"
        )
    zig = (str(next(Path(spec.origin).parent.glob("zig*"))), "cc")
    return Toolchain("zig", zig, ("-fno-builtin", "-fno-sanitize=all"), "-lcompiler_rt", zig)


def _gcc() -> Toolchain:
    for program, package in (GNU["arm"], ("cc", "gcc")):
        if not shutil.which(program):
            raise ConfigError(
                f"toolchain=gcc needs {program}: apt-get install {package}, or toolchain=zig "
                "(conf/deploy)"
            )
    return Toolchain(
        "gcc",
        (GNU["arm"][0],),
        ("-fno-tree-loop-distribute-patterns",),
        "-lgcc",
        ("cc",),
        {architecture: (program,) for architecture, (program, _) in GNU.items()},
    )


TOOLCHAINS = {"zig": _zig, "gcc": _gcc}


def _sources(folder: Path, *patterns: str) -> list[Path]:
    sources = [
        path for pattern in patterns or ("*.c", "*.S") for path in sorted(folder.glob(pattern))
    ]
    if not sources:
        raise DeployError(f"{folder} has no C source; a generated program has at least network.c")
    return sources


def _includes(sources: Sequence[Path]) -> list[str]:
    return [f"-I{folder}" for folder in dict.fromkeys(source.parent for source in sources)]


def _digest(command: Sequence[str], source: Path, sources: Sequence[Path]) -> str:
    """Of all that an object depends on: the compiler, its flags, the source, and the headers beside
    the sources that it includes.
    """
    compiler = Path(shutil.which(command[0]) or command[0]).stat()
    digest = hashlib.sha256(repr((compiler.st_mtime_ns, compiler.st_size, command[1:])).encode())
    folders = dict.fromkeys(path.parent for path in sources)
    todo, seen = [source], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        content = path.read_bytes()
        digest.update(content)
        names = re.findall(rb'^\s*#\s*include\s*"([^"]+)"', content, re.MULTILINE)
        todo.extend(
            header
            for name in names
            for folder in folders
            if (header := folder / name.decode()).exists()
        )
    return digest.hexdigest()[:24]
