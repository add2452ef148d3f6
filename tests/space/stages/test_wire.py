"""The compact form: every network survives it, its schema allows just what is written, its parser
names the word that is wrong.
"""

import json
import re

import numpy as np
import pytest

from lmanet.errors import ArchitectureError
from lmanet.network import Architecture
from lmanet.network.architecture import has_effect
from lmanet.space import Space, architecture_id, load_space
from lmanet.space.stages.wire import pattern, read, write

SPACES = {
    "lmanet": load_space("lmanet"),
    "mcu": load_space("mcu"),
    "narrow": load_space(
        "mcu",
        {
            "stage": {
                "block": ["depthwise"],
                "skip": [True],
                "se_ratio": [0.125, 0.5],
                "layers": [2],
                "channels": [16],
            }
        },
    ),
}
LMANET = SPACES["lmanet"]
SOUND = "mb64 k3 s2 e4 se25 skip relu x2"


def canonical(architecture: Architecture, space: Space) -> Architecture:
    """What has no effect, such as the expansion of a depthwise stage, has its first legal value."""
    first = {name: values[0] for name, values in space.stage.fields.items()}
    stages = [
        stage.model_copy(
            update={
                name: value for name, value in first.items() if not has_effect(name, stage.block)
            }
        )
        for stage in architecture.stages
    ]
    return architecture.model_copy(update={"stages": tuple(stages)})


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_thousand_networks_survive_both_forms(space: Space) -> None:
    rng = np.random.default_rng(0)
    legal = {
        name: re.compile(pattern(spec.fields))
        for name, spec in {**space.parts, "stage": space.stage}.items()
    }
    for _ in range(1000):
        drawn = space.sample(rng)
        lines = json.loads(space.write_proposal(drawn))
        assert space.parse(lines) == canonical(drawn, space)
        assert architecture_id(space.parse(lines)) == architecture_id(drawn)
        assert space.parse(json.loads(space.write_proposal(drawn, "json"))) == drawn
        assert all(legal["stage"].match(line) for line in lines["stages"])
        assert all(legal[name].match(lines[name]) for name in space.parts if lines[name])


def test_a_line_by_hand() -> None:
    stage = LMANET.parse({"stages": [SOUND] * 5}).stages[0]
    assert stage.model_dump() == {
        **{"block": "mbconv", "channels": 64, "kernel": 3, "stride": 2, "expansion": 4},
        **{"se_ratio": 0.25, "skip": True, "activation": "relu6", "layers": 2},
    }
    assert write(stage, LMANET.stage.fields) == SOUND


def test_a_block_is_written_with_the_words_that_it_uses() -> None:
    fields = SPACES["mcu"].stage.fields
    plain, given = (
        read(line, fields)
        for line in ("cv32 k3 s1 skip relu x2", "cv32 k3 s1 e6 se50 skip relu x2")
    )
    assert plain == given and not plain[1]
    assert (plain[0]["block"], plain[0]["expansion"], plain[0]["se_ratio"]) == ("conv", 1, 0)
    assert read("fu32 k3 s1 relu", fields)[1] == ["expansion missing, legal are e1, e2, e3, e4, e6"]
    assert read("c32 k3 s1 e2 relu", fields)[1] == [
        "block missing before the channels, legal are dw, mb, cv, fu"
    ]
    allowed = re.compile(pattern(fields))
    assert all(map(allowed.match, ("cv32 k3 s1 skip relu x2", "fu16 k5 s2 e4 se25 hswish")))
    assert not any(
        map(allowed.match, ("cv32 k3 s1 e6 relu", "cv32 k3 s1 se25 relu", "fu16 k5 s2 hswish"))
    )


@pytest.mark.parametrize(
    "line",
    [
        "x2, relu,skip,SE25 E4 S2 K3 MB64",
        "  mb64\tk3\ns2 e4 se25 skip relu x2 ",
        SOUND.replace(" ", ", "),
    ],
)
def test_order_spaces_commas_and_capitals_do_not_matter(line: str) -> None:
    assert read(line, LMANET.stage.fields) == read(SOUND, LMANET.stage.fields)


def test_what_is_off_may_be_written_and_long_names_too() -> None:
    off = read("dw32 k5 s1 e6 se0 noskip leaky_relu x1", LMANET.stage.fields)
    assert off == read("dw32 k5 s1 leaky", LMANET.stage.fields) and not off[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (SOUND.replace("k3", "k4"), 'stage 2: "k4": legal are k3, k5, k7'),
        (
            SOUND.replace("mb64", "mb17"),
            'stage 2: "mb17": legal are mb16, mb24, mb32, mb48, mb64, mb96, mb128, mb160',
        ),
        (SOUND.replace("se25", "se30"), 'stage 2: "se30": legal are se0, se25, se50'),
        (
            SOUND.replace("relu", "gelu"),
            'stage 2: "gelu" is not one of its words, which look like dw16, k3, s1,',
        ),
        (SOUND.replace(" relu", ""), "stage 2: activation missing, legal are relu, leaky, swish"),
        (SOUND.replace(" e4", ""), "stage 2: expansion missing, legal are e3, e4, e6"),
        (
            SOUND.replace("mb64", "c64"),
            "stage 2: block missing before the channels, legal are dw, mb",
        ),
        (SOUND + " k5", 'stage 2: "k5": kernel given twice'),
        (SOUND.replace("k3", "\uff4b\uff13"), 'stage 2: "\\uff4b\\uff13" is not one of its words'),
        (SOUND.replace("k3", "k03"), 'stage 2: "k03": legal are k3'),
        (SOUND.replace("k3", "k3.0"), 'stage 2: "k3.0": legal are k3'),
        ("", "stage 2: channels missing"),
        ("y" * 5000, 'stage 2: "yyyyyyyyyyyyyyyyyyy is not one'),
    ],
)
def test_the_word_that_is_wrong_is_named(line: str, reason: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        LMANET.parse({"stages": [SOUND, line, SOUND, SOUND, SOUND]})
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("space", "line"), [("lmanet", "dw17 k3 s1 relu"), ("mcu", "cv17 k3 s1 relu")]
)
def test_channels_that_are_not_legal_hide_nothing_of_their_block(space: str, line: str) -> None:
    _, (fault,) = read(line, SPACES[space].stage.fields)
    assert fault.startswith(f'"{line[:4]}": legal are {line[:2]}')


def test_a_word_of_another_part_is_no_word_of_the_head() -> None:
    with pytest.raises(
        ArchitectureError, match=r"head: \"k3\" is not one of its words, which look like c96, relu"
    ):
        SPACES["mcu"].parse(
            {
                "resolution": 32,
                "stem": None,
                "stages": ["dw8 k3 s1 relu"] * 3,
                "head": "c96 k3 relu",
            }
        )


def test_the_patterns_of_the_paper_s_space() -> None:
    items = LMANET.json_schema()["properties"]["stages"]
    assert (items["minItems"], items["maxItems"], items["items"]["type"]) == (5, 5, "string")
    for line in ("dw160 k7 s2 se50 skip swish x6", "mb16 k3 s1 e3 leaky", SOUND):
        assert re.search(items["items"]["pattern"], line)
    for line in (
        "dw160 k7 s2 e3 swish",
        "mb16 k3 s1 leaky",
        SOUND + " ",
        " " + SOUND,
        SOUND.upper(),
        "k3 mb64 s2 e4 relu",
    ):
        assert not re.search(items["items"]["pattern"], line)
