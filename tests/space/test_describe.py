"""The JSON schema, held against `Space.parse`, and the text for the prompt, held against its golden
form.
"""

import json
from typing import get_args

import numpy as np
import pytest

from lmanet.errors import ArchitectureError
from lmanet.space import Form, load_space

SPACES = {
    "lmanet": load_space("lmanet"),
    "mcu": load_space("mcu"),
    "gaps": load_space("mcu", {"num_stages": [1, 3, 4], "stem": {"optional": False}, "head": None}),
}
any_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)

LMANET = """\
stages: a list of 5 stages, each with
  block: "depthwise" | "mbconv"
  channels: 16 | 24 | 32 | 48 | 64 | 96 | 128 | 160
  kernel: 3 | 5 | 7
  stride: 1 | 2
  expansion: 3 | 4 | 6
  se_ratio: 0 | 0.25 | 0.5
  skip: false | true
  activation: "relu6" | "leaky_relu" | "swish"
  layers: 1 | 2 | 3 | 4 | 6"""
MCU = """\
resolution: 32 | 48 | 64 | 96 | 128 | 160
stem: null, or an object with
  channels: 8 | 16 | 24 | 32
  kernel: 3 | 5
  stride: 1 | 2
  activation: "relu6" | "leaky_relu" | "swish" | "hard_swish"
stages: a list of 3 to 7 stages, each with
  block: "depthwise" | "mbconv" | "conv" | "fused"
  channels: 8 | 16 | 24 | 32 | 40 | 48 | 64 | 80 | 96 | 112 | 128 | 160 | 192 | 256 | 320
  kernel: 3 | 5 | 7
  stride: 1 | 2
  expansion: 1 | 2 | 3 | 4 | 6
  se_ratio: 0 | 0.25 | 0.5
  skip: false | true
  activation: "relu6" | "leaky_relu" | "swish" | "hard_swish"
  layers: 1 | 2 | 3 | 4 | 6
head: null, or an object with
  channels: 96 | 128 | 192 | 256 | 384 | 512
  activation: "relu6" | "leaky_relu" | "swish" | "hard_swish\""""


@pytest.mark.parametrize(("name", "text"), [("lmanet", LMANET), ("mcu", MCU)])
def test_the_text_of_the_shipped_spaces(name, text):
    assert SPACES[name].describe("json") == text


def test_a_word_that_some_blocks_do_not_use_names_those_that_do():
    lines = SPACES["mcu"].describe().splitlines()
    assert "  e1 | e2 | e3 | e4 | e6: expansion, mb and fu only" in lines
    assert (
        "  se25 | se50: squeeze-and-excitation, hidden channels in per cent, dw and mb and fu "
        "only; left out: none"
    ) in lines
    assert "  e3 | e4 | e6: expansion, mb only" in SPACES["lmanet"].describe().splitlines()
    ordinary = load_space("mcu", {"stage": {"block": ["conv"]}}).describe()
    assert "expansion" not in ordinary and "squeeze" not in ordinary


def test_numbers_of_stages_with_a_gap_are_written_out():
    assert "stages: a list of 1 or 3 to 4 stages, each with" in SPACES["gaps"].describe("json")
    assert "stem: an object with" in SPACES["gaps"].describe("json")
    assert (
        "stages: a list of 1 or 3 to 4 stages, each a string of these words"
        in SPACES["gaps"].describe()
    )
    assert "stem: a string of these words" in SPACES["gaps"].describe()


def accepts(schema: dict, value: object) -> bool:
    """The part of JSON schema that ours use: enum, anyOf, null, object and array, all of them
    closed.
    """
    if "anyOf" in schema:
        return any(accepts(option, value) for option in schema["anyOf"])
    if "enum" in schema:
        return any(type(value) is type(legal) and value == legal for legal in schema["enum"])
    if schema["type"] == "null":
        return value is None
    if schema["type"] == "array":
        sized = isinstance(value, list) and schema["minItems"] <= len(value) <= schema["maxItems"]
        return sized and all(accepts(schema["items"], item) for item in value)
    assert (
        schema["type"] == "object"
        and schema["additionalProperties"] is False
        and schema["required"] == list(schema["properties"])
    )
    named = isinstance(value, dict) and set(value) == set(schema["properties"])
    return named and all(accepts(part, value[name]) for name, part in schema["properties"].items())


def drawn(schema: dict, rng: np.random.Generator) -> object:
    """A random value of the schema."""
    if "anyOf" in schema:
        return drawn(schema["anyOf"][rng.integers(len(schema["anyOf"]))], rng)
    if "enum" in schema:
        return schema["enum"][rng.integers(len(schema["enum"]))]
    if schema["type"] == "null":
        return None
    if schema["type"] == "array":
        return [
            drawn(schema["items"], rng)
            for _ in range(rng.integers(schema["minItems"], schema["maxItems"] + 1))
        ]
    return {name: drawn(part, rng) for name, part in schema["properties"].items()}


def spoiled(data: object, rng: np.random.Generator) -> object:
    """The same with one field removed, added or set to something else, or one stage too many or too
    few.
    """
    data = json.loads(json.dumps(data))
    place = data["stages"][rng.integers(len(data["stages"]))] if rng.random() < 0.6 else data
    name = list(place)[rng.integers(len(place))]
    change = rng.integers(4)
    if change == 0:
        del place[name]
    elif change == 1:
        place["note"] = "why"
    elif change == 2:
        place[name] = [None, "3", 3.5, -1, [], {}][rng.integers(6)]
    else:
        data["stages"] = data["stages"] * 8 if rng.random() < 0.5 else data["stages"][:0]
    return data


def parses(space, data) -> bool:
    try:
        return bool(space.parse(data))
    except ArchitectureError:
        return False


@any_space
def test_what_the_schema_allows_parses(space):
    rng, schema = np.random.default_rng(0), space.json_schema("json")
    for _ in range(300):
        assert parses(space, drawn(schema, rng))


@any_space
def test_what_the_schema_refuses_does_not_parse(space):
    """But for null in place of an optional part, which the schema allows as well."""
    rng, schema = np.random.default_rng(1), space.json_schema("json")
    outcomes = [
        (accepts(schema, data), parses(space, data))
        for data in (spoiled(drawn(schema, rng), rng) for _ in range(500))
    ]
    assert all(allowed == parsed for allowed, parsed in outcomes)
    assert sum(not allowed for allowed, _ in outcomes) > 400


@any_space
def test_what_the_space_draws_is_allowed_once_the_fixed_fields_are_left_out(space):
    rng, schema = np.random.default_rng(2), space.json_schema("json")
    for _ in range(100):
        data = space.sample(rng).model_dump(mode="json")
        assert accepts(schema, shaped(schema, data))


def shaped(schema: dict, data: object) -> object:
    """Only what the schema names, and whole ratios as the whole numbers that it lists."""
    if isinstance(data, float) and data.is_integer():
        return int(data)
    if isinstance(data, list):
        return [shaped(next(iter(schema.get("anyOf", [schema])))["items"], item) for item in data]
    if isinstance(data, dict):
        properties = next(
            option for option in schema.get("anyOf", [schema]) if "properties" in option
        )["properties"]
        return {name: shaped(part, data[name]) for name, part in properties.items()}
    return data


def test_the_schema_is_json_in_the_order_of_the_network():
    for form in get_args(Form):
        schema = SPACES["mcu"].json_schema(form)
        assert json.loads(json.dumps(schema)) == schema
        assert list(schema["properties"]) == ["resolution", "stem", "stages", "head"]
    assert list(SPACES["lmanet"].json_schema()["properties"]) == ["stages"]
