"""Builds a delivery as its tool does, as far as that can be had here.

What stands in for a tool is in `tests/deploy/write/stubs`: Arduino.h, PDM.h, and the functions of
CMake that Zephyr and ESP-IDF have.
"""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
import zipfile
from functools import cache
from pathlib import Path

import yaml

STUBS = Path(__file__).parents[1] / "deploy" / "write" / "stubs"
C = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-c"]
CPP = ["-std=gnu++11", "-O1", "-Wall", "-Wextra", "-Werror"]


def compiled(sources, folder, out, includes=()):
    """As Arduino and PlatformIO do: each source of a folder by itself."""
    out.mkdir(parents=True)
    flags = [f"-I{folder}", *(f"-I{each}" for each in includes)]
    subprocess.run(["cc", *C, *flags, *map(str, sources)], cwd=out, check=True)
    return sorted(out.glob("*.o")), folder


def cmake(source, build, *definitions):
    command = [
        "cmake",
        "-S",
        str(source),
        "-B",
        str(build),
        "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror",
    ]
    subprocess.run([*command, *definitions], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", str(build)], check=True, capture_output=True)


def arduino(library, out):
    return compiled(sorted((library / "src").rglob("*.c")), library / "src", out)


def platformio(library, out):
    said = json.loads((library / "library.json").read_text())["build"]
    sources = sorted((library / said["srcDir"]).rglob("*.c"))
    return compiled(sources, library / said["includeDir"], out)


def by_cmake(library, out):
    cmake(library, out)
    program = [out / f"{library.name}_example"]
    done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0 and "logits that differ: 0" in done.stdout
    return sorted(out.glob("*.a")), library / "src"


def zephyr(library, out):
    module = yaml.safe_load((library / "zephyr" / "module.yml").read_text())
    assert (library / module["build"]["kconfig"]).is_file() and module["name"] == library.name
    return stubbed("zephyr.cmake", library / module["build"]["cmake"], out), library / "src"


def esp_idf(library, out):
    manifest = yaml.safe_load((library / "idf_component.yml").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"]) and manifest["dependencies"]["idf"]
    program = (library / "examples" / "classify" / "main" / "main.c").read_text()
    assert "void app_main(void) {" in program and "int main" not in program
    return stubbed("idf.cmake", library, out), library / "src"


def stubbed(stub, module, out):
    out.mkdir(parents=True)
    shutil.copyfile(STUBS / stub, out / "CMakeLists.txt")
    cmake(out, out / "build", f"-DMODULE={module}", f"-DUPPER={module.name.upper()}")
    return sorted((out / "build").rglob("*.a"))


def cmsis_pack(library, out):
    (pack,) = library.parent.glob("*.pack")
    place = out.with_name(f"{out.name}-pack")
    zipfile.ZipFile(pack).extractall(place)
    (description,) = place.glob("*.pdsc")
    files = xml.parse(description).findall(".//file")
    sources = [place / each.get("name") for each in files if each.get("category") == "sourceC"]
    return compiled(sources, place / "src", out)


# Delivery -> what builds one as its tool does.
BUILDERS = {
    "arduino": arduino,
    "cmake": by_cmake,
    "cmsis_pack": cmsis_pack,
    "esp_idf": esp_idf,
    "platformio": platformio,
    "zephyr": zephyr,
}


@cache
def built(name, library):
    """Objects of a delivery, and the folder of its headers; built once for all tests."""
    return BUILDERS[name](library, library.parents[2] / "built" / name)


def sketch(library, file, objects, folder, *flags):
    """The example of an Arduino, as a program of this machine: its path."""
    source = library / "examples" / "classify" / file
    includes = [f"-I{each}" for each in (STUBS, library / "src", source.parent)]
    command = ["g++", *CPP, *flags, *includes, "-x", "c++", str(source), "-x", "none"]
    subprocess.run([*command, *map(str, objects), "-lm", "-o", "sketch"], cwd=folder, check=True)
    return folder / "sketch"
