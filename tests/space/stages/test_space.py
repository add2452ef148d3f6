"""Spaces: what is in them, what they draw and change, how they read a proposal, and what is
refused.
"""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmanet.errors import ArchitectureError, ConfigError
from lmanet.network import load_architecture
from lmanet.space import Space, architecture_id, load_space

SPACES = {name: load_space(name) for name in ("lmanet", "mcu")}
SEEDS = st.integers(0, 2**32 - 1)
any_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def draw(space: Space, seed: int):
    return space.sample(np.random.default_rng(seed))


def test_the_papers_space_has_25920_settings_a_stage():
    assert SPACES["lmanet"].stage.size == 25_920
    assert SPACES["lmanet"].size == 25_920**5


def test_the_size_of_a_space_with_optional_parts_by_hand():
    """2 resolutions x (1 + 4 x 2 stems) x (1 head or none) x (stages: 6 + 36 of two channels and
    three kernels).
    """
    one = {
        "block": ["depthwise"],
        "channels": [8, 16],
        "kernel": [3, 5, 7],
        "stride": [1],
        "expansion": [1],
        "se_ratio": [0],
    }
    one |= {"skip": [False], "activation": ["relu6"], "layers": [1]}
    stem = {"channels": [8, 16, 24, 32], "kernel": [3, 5], "stride": [2], "activation": ["relu6"]}
    head = {"channels": [96], "activation": ["relu6"]}
    space = load_space(
        "mcu",
        {"resolution": [32, 64], "num_stages": [1, 2], "stem": stem, "stage": one, "head": head},
    )
    assert space.size == 2 * 9 * 2 * (6 + 36)


@any_space
@given(seed=SEEDS)
def test_a_draw_lies_in_the_space_and_is_written_as_json_that_parses_to_it(space, seed):
    architecture = draw(space, seed)
    assert space.contains(architecture)
    assert space.parse(json.loads(architecture.model_dump_json())) == architecture


@any_space
@given(seed=SEEDS)
def test_a_seed_fixes_a_draw(space, seed):
    assert draw(space, seed) == draw(space, seed)


def test_every_value_is_drawn_about_as_often():
    space, rng = SPACES["mcu"], np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(2000)]
    kernels = Counter(stage.kernel for architecture in drawn for stage in architecture.stages)
    assert set(kernels) == {3, 5, 7} and max(kernels.values()) < 1.1 * min(kernels.values())
    assert 900 < sum(architecture.stem is None for architecture in drawn) < 1100
    assert {len(architecture.stages) for architecture in drawn} == {3, 4, 5, 6, 7}
    assert {architecture.resolution for architecture in drawn} == {32, 48, 64, 96, 128, 160}


@any_space
@given(seed=SEEDS)
def test_a_mutant_is_another_network_of_the_space_one_change_away(space, seed):
    parent = draw(space, seed)
    mutant = space.mutate(parent, np.random.default_rng(seed))
    assert space.contains(mutant)
    assert architecture_id(mutant) != architecture_id(parent)
    changed = [
        field
        for field in ("resolution", "padding", "stem", "head", "stages")
        if getattr(mutant, field) != getattr(parent, field)
    ]
    assert len(changed) == 1
    assert abs(len(mutant.stages) - len(parent.stages)) <= 1
    if len(mutant.stages) == len(parent.stages) and changed == ["stages"]:
        ((before, after),) = [
            pair for pair in zip(parent.stages, mutant.stages, strict=True) if pair[0] != pair[1]
        ]
        assert (
            sum(getattr(before, name) != getattr(after, name) for name in type(before).model_fields)
            == 1
        )


def test_what_one_change_brings_into_the_space_is_a_mutant_and_nothing_else():
    space = SPACES["lmanet"]
    elite = load_architecture("lmanet_elite")
    assert not space.contains(elite)
    mutant = space.mutate(elite, np.random.default_rng(0))
    assert space.contains(mutant) and mutant == elite.model_copy(update={"padding": "same"})
    with pytest.raises(
        ArchitectureError, match="no other network of the space lmanet is one change away"
    ):
        # expansion 2 and padding torch
        space.mutate(load_architecture("lmanet_core"), np.random.default_rng(0))


def test_a_space_of_one_network_has_no_mutants(make):
    stage = {name: [value] for name, value in make().stages[0].model_dump().items()}
    space = load_space(
        "mcu", {"resolution": [32], "num_stages": [1], "stem": None, "head": None, "stage": stage}
    )
    assert space.size == 1 and space.sample(np.random.default_rng(0)) == make()
    with pytest.raises(ArchitectureError, match="no other network"):
        space.mutate(make(), np.random.default_rng(0))


def test_whatever_lies_outside_is_named_with_the_legal_values(make):
    stem = {"channels": 64, "kernel": 3, "stride": 1, "activation": "relu6"}
    outside = make(
        {"kernel": 1, "channels": 12}, {"expansion": 5}, resolution=33, padding="torch", stem=stem
    )
    assert SPACES["mcu"].violations(outside) == [
        "resolution=33, legal values are 32, 48, 64, 96, 128, 160",
        "padding=torch, legal values are same",
        "stages: 2 of them, legal numbers are 3, 4, 5, 6, 7",
        "stem channels=64, legal values are 8, 16, 24, 32",
        (
            "stage 1 channels=12, legal values are 8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, "
            "160, 192, 256, 320"
        ),
        "stage 1 kernel=1, legal values are 3, 5, 7",
        "stage 2 expansion=5, legal values are 1, 2, 3, 4, 6",
    ]
    assert "stem is not part of this space" in SPACES["lmanet"].violations(outside)
    with pytest.raises(ArchitectureError, match="outside the space mcu: resolution=33, legal"):
        SPACES["mcu"].parse(outside.model_dump(mode="json"))


def test_a_stem_that_is_not_optional_is_missed(make):
    space = load_space("mcu", {"stem": {"optional": False}})
    assert "stem is missing" in space.violations(make())
    assert all(draw(space, seed).stem is not None for seed in range(20))


def test_parse_fills_in_what_has_one_legal_value(make_data):
    stages = [{"expansion": 3}] * 5
    data = make_data(*stages)
    del data["resolution"]
    architecture = SPACES["lmanet"].parse(data)
    assert (architecture.resolution, architecture.padding) == (160, "same")
    narrow = load_space("lmanet", {"stage": {"kernel": [5]}})
    for stage in data["stages"]:
        del stage["kernel"]
    assert {stage.kernel for stage in narrow.parse(data).stages} == {5}


@pytest.mark.parametrize("missing", ["resolution", "stem", "head"])
def test_parse_guesses_nothing_that_has_several(missing, make_data):
    data = make_data({}, {}, {}, stem=None, head=None)
    assert SPACES["mcu"].parse(data)
    del data[missing]
    with pytest.raises(ArchitectureError, match=f"{missing} missing"):
        SPACES["mcu"].parse(data)


def test_parse_overrides_nothing_that_is_written(make_data):
    with pytest.raises(ArchitectureError, match="resolution=32, legal values are 160"):
        SPACES["lmanet"].parse(make_data(*[{"expansion": 3}] * 5))


@pytest.mark.parametrize(
    "data", [None, [], "x", 3, {}, {"stages": None}, {"stages": [1]}, {"stages": "x"}]
)
def test_parse_refuses_what_is_no_proposal(data):
    for space in SPACES.values():
        with pytest.raises(ArchitectureError, match="not an architecture"):
            space.parse(data)


def test_choices_replace_what_the_file_says():
    space = load_space("mcu", {"resolution": [32], "stage": {"kernel": [3]}, "head": None})
    assert space.resolution == (32,) and space.stage.fields["kernel"] == (3,) and space.head is None
    assert space.stage.fields["channels"] == SPACES["mcu"].stage.fields["channels"]
    assert SPACES["mcu"].resolution != (32,)


def test_a_space_is_a_file_too(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "name: own\nresolution: [64]\npadding: [same]\nnum_stages: [1]\nstage: {channels: [8], "
        "activation: [relu6]}"
    )
    with pytest.raises(ConfigError, match="space own, stage: block missing"):
        load_space(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"resolutions": [32]}, r"space mcu: resolutions=\[32\]: extra inputs"),
        ({"stage": {"kernal": [3]}}, r"stage\.kernal=\[3\]: extra inputs"),
        ({"stage": {"kernel": [3, 4]}}, "space mcu, stage: kernel=4: input should be 1, 3, 5 or 7"),
        ({"stage": {"kernel": []}}, r"stage\.kernel=\[\]: tuple should have at least 1 item"),
        ({"stage": {"kernel": 3}}, r"stage\.kernel=3: input should be a valid tuple"),
        ({"stage": {"skip": [0, 1]}}, "skip=0: input should be a valid boolean"),
        ({"stage": {"optional": True}}, "a stage cannot be optional"),
        ({"stem": {"block": ["mbconv"]}}, 'space mcu, stem: block="mbconv": extra inputs'),
        ({"resolution": [0]}, "resolution.0=0: input should be greater than or equal to 1"),
        ({"padding": ["valid"]}, 'padding.0="valid": input should be'),
        ({"num_stages": [0]}, "num_stages.0=0: input should be greater"),
        ({"num_stages": [17]}, "num_stages.0=17: input should be less"),
    ],
)
def test_choices_that_no_architecture_could_have_are_refused(choices, message):
    with pytest.raises(ConfigError, match=rf"{message}.*conf/space"):
        load_space("mcu", choices)


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", "is not YAML"), ("[1]", r"\[1\]: input should be"), ("", "null: input should be")],
)
def test_a_file_that_is_no_space_is_refused(tmp_path, content, message):
    (tmp_path / "own.yaml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_space(str(tmp_path / "own.yaml"))


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(ConfigError, match="space 'tiny' is neither one of lmanet, mcu nor a file"):
        load_space("tiny")
