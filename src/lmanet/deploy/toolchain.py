"""Compilers behind one interface: zig's clang from PyPI, or arm-none-eabi-gcc with the system's cc for the host."""

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lmanet.errors import ConfigError, DeployError

log = logging.getLogger(__name__)

SUPPORT = Path(__file__).parent / "c"
EMULATED = (SUPPORT / "startup.c", SUPPORT / "memory.c", SUPPORT / "emulated" / "main.c")
LINKER_SCRIPT = SUPPORT / "emulated" / "mps2.ld"
# Sources that differ from network to network; the objects of all others are kept.
GENERATED = "network"
TIME_LIMIT_S = 120
LAST_LINES = 12
WARNINGS = ("-std=c11", "-Wall", "-Wextra")


@dataclass(frozen=True)
class Toolchain:
    """Compiles programs for an emulated Cortex-M, and for this machine.

    Attributes:
        name: as in ``conf/deploy``.
        command: of the compiler for the microcontroller.
        core_flags: core -> what selects it.
        flags: of every translation unit.
        runtime: linked last, for what the core has no instruction for (64-bit division).
        host_command: of the compiler for this machine.
    """

    name: str
    command: tuple[str, ...]
    core_flags: Mapping[str, tuple[str, ...]]
    flags: tuple[str, ...]
    runtime: str
    host_command: tuple[str, ...]

    def compile(self, folder: Path, core: str, elf: Path) -> Path:
        """Compile and link a generated program for the emulated board.

        Args:
            folder: with ``network.c`` and what it includes.
            core: ``cortex-m4`` or ``cortex-m7``.
            elf: to be written.

        Raises:
            ConfigError: the core is unknown.
            DeployError: the compiler refuses the program.
        """
        if core not in self.core_flags:
            raise ConfigError(f"core={core!r} is unknown; legal are {', '.join(self.core_flags)} (conf/target)")
        base = (*self.command, *self.core_flags[core], "-O2", "-fomit-frame-pointer")
        units = [(*base, *self.flags, *WARNINGS, "-fno-unwind-tables", "-ffunction-sections", "-fdata-sections", f"-I{folder}")]
        with tempfile.TemporaryDirectory(prefix="lmanet-") as build:
            objects = self._objects(units[0], [*_sources(folder), *EMULATED], Path(build))
            link = (
                *base,
                "-nostdlib",
                "-Wl,--gc-sections,-e,Reset_Handler",
                "-T",
                str(LINKER_SCRIPT),
                "-o",
                str(elf),
                *map(str, objects),
                self.runtime,
            )
            run_tool(link, zig_cache=cache_folder() / "zig")
        return elf

    def compile_host(self, sources: Iterable[Path], library: Path) -> Path:
        """Compile a shared library for this machine and no other.

        Raises:
            DeployError: the compiler refuses the program.
        """
        sources = list(sources)
        includes = [f"-I{folder}" for folder in sorted({source.parent for source in sources})]
        flags = ("-O3", "-march=native", "-shared", "-fPIC", "-fno-sanitize=all", *WARNINGS, *includes)
        command = (*self.host_command, *flags, "-o", str(library), *map(str, sources))
        run_tool(command, zig_cache=cache_folder() / "zig")
        return library

    def compile_host_network(self, folder: Path, library: Path) -> Path:
        """Compile a generated program for `lmanet.deploy.host.HostNetwork`."""
        return self.compile_host([*_sources(folder, "*.c"), SUPPORT / "host.c"], library)

    def _objects(self, compile_one: tuple[str, ...], sources: Sequence[Path], build: Path) -> list[Path]:
        def compiled(source: Path) -> Path:
            if source.name.startswith(GENERATED):
                return self._object(compile_one, source, build / f"{source.name}.o")
            kept = cache_folder() / "objects" / f"{source.name}.{_digest(compile_one, source)}.o"
            return kept if kept.exists() else self._object(compile_one, source, kept)

        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(compiled, sources))

    def _object(self, compile_one: tuple[str, ...], source: Path, target: Path) -> Path:
        # Another process may want the same object: it appears whole or not at all. zig's own cache would keep every network ever tried.
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "unit.o"
            run_tool((*compile_one, "-c", str(source), "-o", str(made)), zig_cache=Path(scratch))
            return made.replace(target)


def toolchain_named(name: str) -> Toolchain:
    """The toolchain of that name, ``zig`` or ``gcc``.

    Raises:
        ConfigError: the name is unknown, or a compiler is missing.
    """
    if name not in TOOLCHAINS:
        raise ConfigError(f"toolchain={name!r} is unknown; legal are {', '.join(TOOLCHAINS)} (conf/deploy)")
    return TOOLCHAINS[name]()


def _zig() -> Toolchain:
    spec = importlib.util.find_spec("ziglang")
    if not spec or not spec.origin:
        raise ConfigError("toolchain=zig needs the package ziglang: pip install 'lmanet[deploy]', or toolchain=gcc (conf/deploy)")
    zig = (str(next(Path(spec.origin).parent.glob("zig*"))), "cc")
    cores = {f"cortex-m{n}": ("-target", "thumb-freestanding-eabihf", f"-mcpu=cortex_m{n}") for n in (4, 7)}
    return Toolchain("zig", zig, cores, ("-fno-builtin", "-fno-sanitize=all", "-fomit-frame-pointer"), "-lcompiler_rt", zig)


def _gcc() -> Toolchain:
    for program, package in (("arm-none-eabi-gcc", "gcc-arm-none-eabi"), ("cc", "gcc")):
        if not shutil.which(program):
            raise ConfigError(f"toolchain=gcc needs {program}: apt-get install {package}, or toolchain=zig (conf/deploy)")
    fpu = {"cortex-m4": "fpv4-sp-d16", "cortex-m7": "fpv5-sp-d16"}
    cores = {core: (f"-mcpu={core}", "-mthumb", "-mfloat-abi=hard", f"-mfpu={unit}") for core, unit in fpu.items()}
    return Toolchain("gcc", ("arm-none-eabi-gcc",), cores, ("-fno-tree-loop-distribute-patterns",), "-lgcc", ("cc",))


TOOLCHAINS = {"zig": _zig, "gcc": _gcc}


def run_tool(command: Sequence[str], zig_cache: Path) -> None:
    """Run a compiler or linker; its warnings are logged.

    Args:
        zig_cache: where zig keeps what it makes.

    Raises:
        DeployError: it fails, with its last lines, or takes longer than `TIME_LIMIT_S`.
    """
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(zig_cache), "ZIG_LOCAL_CACHE_DIR": str(zig_cache)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeployError(f"{command[0]} was stopped after {TIME_LIMIT_S} s; its arguments: {' '.join(command[1:])}") from error
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise DeployError(f"{command[0]} failed with status {done.returncode}; its last words:\n{words}")
    if done.stderr:
        log.warning("%s: %s", command[0], done.stderr.strip())


def cache_folder() -> Path:
    """Objects that are the same for every network, below ``XDG_CACHE_HOME`` or ``~/.cache``."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lmanet"
    try:
        (folder / "objects").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); compiled objects are kept there: set XDG_CACHE_HOME") from error
    return folder


def _sources(folder: Path, *patterns: str) -> list[Path]:
    sources = [path for pattern in patterns or ("*.c", "*.S") for path in sorted(folder.glob(pattern))]
    if not sources:
        raise DeployError(f"{folder} has no C source; a generated program has at least network.c")
    return sources


def _digest(command: Sequence[str], source: Path) -> str:
    """Of all that an object depends on: the compiler, its flags, the source, and the headers beside it that it includes."""
    compiler = Path(shutil.which(command[0]) or command[0]).stat()
    digest = hashlib.sha256(repr((compiler.st_mtime_ns, compiler.st_size, command[1:-1])).encode())
    folder = Path(command[-1].removeprefix("-I"))
    todo, seen = [source], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        content = path.read_bytes()
        digest.update(content)
        names = re.findall(rb'^\s*#\s*include\s*"([^"]+)"', content, re.MULTILINE)
        candidates = [base / name.decode() for name in names for base in (path.parent, folder)]
        todo.extend(candidate for candidate in candidates if candidate.exists())
    return digest.hexdigest()[:24]
