"""What a board leaves to a network, and the boards of conf/target."""

import __future__

import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hydra.utils import instantiate

import lmanet
from lmanet.board import Kit, Region
from lmanet.cost import Cost, CStaticOptions
from lmanet.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "target"
BOARDS = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "none")
# What the head of each file works out: region - reserved = bytes of SRAM, bytes of flash.
WORKED_OUT = re.compile(
    r"To the network: ([\d, -]+) = ([\d,]+) bytes of SRAM.*?, ([\d,]+) bytes of flash"
)


def board(name: str):
    return instantiate(yaml.safe_load((CONF / f"{name}.yaml").read_text()))


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("name", BOARDS)
def test_each_board_leaves_what_its_file_says(name):
    target = board(name)
    assert target.name == name
    comment = (CONF / f"{name}.yaml").read_text().partition("_target_")[0]
    terms, sram, flash = WORKED_OUT.search(comment).groups()
    region, *reserved = map(number, terms.split(" - "))
    assert region - sum(reserved) == number(sram)
    assert (target.region.bytes, target.reserved_sram_bytes) == (region, sum(reserved))
    assert target.limits["peak_sram_bytes"] == number(sram)
    assert target.limits["flash_bytes"] == number(flash)


def test_the_papers_board_has_room_for_a_frame_the_runtime_and_320_kib():
    target = board("stm32h743")
    assert target.region.name == "AXI SRAM" and target.region.bytes == 512 * 1024
    assert target.input_buffer_bytes == 320 * 240 * 2
    assert target.limits["peak_sram_bytes"] == 320 * 1024


def test_limits_bear_the_names_of_costs(make_target):
    assert set(make_target().limits) <= set(Cost.__dataclass_fields__)


@pytest.mark.parametrize("value", [1e6, "1000000", True, -1])
def test_a_quantity_that_is_no_whole_number_is_refused(make_target, value):
    with pytest.raises(
        ConfigError, match=r"target toy: macs=.* whole number .*conf/target/toy.yaml"
    ):
        make_target(macs=value)


@pytest.mark.parametrize(
    ("changes", "quantity"),
    [
        ({"input_buffer_bytes": 9_000}, "peak_sram_bytes=0"),
        ({"runtime_flash_bytes": 5_000}, "flash_bytes=-1000"),
        ({"macs": 0}, "macs=0"),
    ],
)
def test_a_board_that_leaves_nothing_is_refused(make_target, changes, quantity):
    with pytest.raises(ConfigError, match=f"{quantity} is left to the network"):
        make_target(**changes)


def test_an_unknown_key_is_refused(make_target):
    with pytest.raises(TypeError, match="ram_kib"):
        make_target(ram_kib=320)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"core": "cortex-m1"}, "core='cortex-m1' is unknown; legal are cortex-m0plus, cortex-m3"),
        ({"runtime": "onnx"}, "runtime='onnx' is unknown; legal are c_static, tflm, plain"),
        ({"regions": []}, "no region of SRAM"),
        ({"regions": [Region("SRAM", 0, -1)]}, "region SRAM has address=0 and bytes=-1"),
        (
            {"estimated_latency_ms": 100, "runtime": "tflm"},
            "latency is estimated for runtime=c_static alone",
        ),
    ],
)
def test_a_board_that_makes_no_sense_is_refused(make_target, changes, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_target(**changes)


@pytest.mark.parametrize("name", BOARDS)
def test_a_target_is_loaded_by_its_name_and_by_its_path(name):
    assert lmanet.load_target(name) == lmanet.load_target(CONF / f"{name}.yaml") == board(name)


def test_a_target_of_ones_own_may_leave_out_what_has_a_default(tmp_path):
    text = (CONF / "stm32f446.yaml").read_text()
    (tmp_path / "own.yaml").write_text(
        text[: text.index("# what the generated C does")].replace("flash_address: 0x08000000\n", "")
    )
    own = lmanet.load_target(tmp_path / "own.yaml")
    assert (own.flash_address, own.kit, own.c_options) == (0x08000000, Kit(), CStaticOptions())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            f"'missing' is neither one of {', '.join(BOARDS)} nor a file",
        ),
        ("a: [", "is no target"),
        ("- 1", "is no target"),
        ("ram_kib: 320", "is no target .*'ram_kib'"),
        ("regions: 3", "is no target"),
        ("kit: {color: red}", "is no target .*'color'"),
    ],
)
def test_what_is_no_target_is_refused(content, message, tmp_path):
    path = tmp_path / "wrong.yaml"
    if content:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message) as error:
        lmanet.load_target(path if content else "missing")
    assert "\n" not in str(error.value)


def test_quantities_are_checked_where_annotations_are_postponed_too(make_target):
    module = inspect.getmodule(type(make_target()))
    postponed = compile(
        inspect.getsource(module),
        module.__file__,
        "exec",
        flags=__future__.annotations.compiler_flag,
    )
    names = {"__name__": module.__name__, "__file__": module.__file__}
    exec(postponed, names)
    given = {field.name: getattr(make_target(), field.name) for field in fields(make_target())}
    assert names["Target"](**given).macs == make_target().macs
    with pytest.raises(ConfigError, match="macs=-1 is no whole number"):
        names["Target"](**given | {"macs": -1})
