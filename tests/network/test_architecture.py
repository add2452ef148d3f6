"""Architecture: exactly the JSON that a model writes; nothing is coerced, every refusal has a
reason.
"""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from lmanet.errors import ArchitectureError
from lmanet.network import Architecture, load_architecture, parse_architecture

SHIPPED = ("cifar100_record", "lmanet_core", "lmanet_elite", "qwnet_core")
STEM = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}


@pytest.mark.parametrize("field", ["channels", "kernel", "stride", "expansion", "layers"])
@pytest.mark.parametrize("value", ["1", 1.0, True, None, [1]])
def test_a_whole_number_is_never_coerced(make_data, field, value):
    with pytest.raises(
        ArchitectureError,
        match=rf"^not an architecture: stages\.0\.{field}=.*: input should be a valid integer$",
    ):
        parse_architecture(make_data({field: value}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("se_ratio", "0.5", "valid number"),
        ("se_ratio", True, "valid number"),
        ("se_ratio", float("nan"), "less than or equal to 1"),
        ("se_ratio", -0.5, "greater than or equal to 0"),
        ("skip", 1, "valid boolean"),
        ("skip", "true", "valid boolean"),
        ("kernel", 2, "input should be 1, 3, 5 or 7"),
        ("stride", 3, "input should be 1 or 2"),
        ("channels", 0, "greater than or equal to 1"),
        ("expansion", 17, "less than or equal to 16"),
        ("layers", 65, "less than or equal to 64"),
        ("block", "ghost", "'depthwise', 'mbconv', 'conv' or 'fused'"),
        ("activation", "gelu", "'relu6', 'leaky_relu', 'swish' or 'hard_swish'"),
        ("dilation", 2, "extra inputs are not permitted"),
    ],
)
def test_what_is_out_of_range_or_unknown_is_refused_with_its_name(make_data, field, value, message):
    with pytest.raises(
        ArchitectureError, match=rf"^not an architecture: stages\.0\.{field}=.*{message}$"
    ):
        parse_architecture(make_data({field: value}))


def test_a_field_that_is_missing_is_named(make_data):
    data = make_data()
    del data["stages"][0]["kernel"]
    with pytest.raises(
        ArchitectureError, match=r"^not an architecture: stages\.0\.kernel missing$"
    ):
        parse_architecture(data)


def test_every_fault_is_named_up_to_six(make_data):
    with pytest.raises(ArchitectureError) as raised:
        parse_architecture(make_data(*[{"kernel": 4}] * 8, resolution=0))
    assert str(raised.value).count("kernel=4") == 5 and "resolution=0" in str(raised.value)
    assert str(raised.value).endswith("and 3 more")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "reply=null: input should be a valid dictionary"),
        ([], r"reply=\[\]: input should be"),
        ("text", 'reply="text": input should be'),
        ({}, "stages missing"),
        ({"stages": []}, "stages=.*at least 1 item"),
        ({"stages": {}}, "stages={}: input should be a valid tuple"),
        (
            {"stages": [None]},
            r"stages\.0=null: input should be a valid dictionary or instance of stage$",
        ),
    ],
)
def test_what_is_no_object_or_has_no_stages_is_refused(data, message):
    with pytest.raises(ArchitectureError, match=message):
        parse_architecture(data)


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ({"resolution": 0}, "resolution=0"),
        ({"resolution": 32.0}, "resolution=32.0"),
        ({"padding": "valid"}, "'same' or 'torch'"),
        ({"stem": {**STEM, "kernel": 3.0}}, r"stem\.kernel=3\.0: input should be a valid integer"),
        ({"stem": {**STEM, "padding": 1}}, r"stem\.padding=1: extra inputs"),
        ({"head": {"channels": 96}}, r"head\.activation missing"),
        ({"num_classes": 10}, "num_classes=10: extra inputs"),
    ],
)
def test_the_same_holds_for_the_whole_the_stem_and_the_head(make_data, whole, message):
    with pytest.raises(ArchitectureError, match=message):
        parse_architecture(make_data(**whole))


def test_a_model_cannot_slip_in_the_published_format(make_data):
    with pytest.raises(ArchitectureError, match=r"candidate_config=.*extra inputs"):
        parse_architecture(make_data(candidate_config={"blocks": []}))


def test_a_stage_of_zeros_and_ones_is_what_it_says(make):
    stage = make({"se_ratio": 0}).stages[0]
    assert stage.se_ratio == 0.0 and stage.kernel == 3


def test_it_is_frozen_and_hashable(make):
    architecture = make()
    assert len({architecture, make()}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        architecture.resolution = 64
    with pytest.raises(ValidationError, match="frozen"):
        architecture.stages[0].channels = 64


def test_json_and_yaml_round_trip(make, tmp_path):
    architecture = make(
        {"se_ratio": 0.25},
        {"block": "mbconv", "expansion": 4},
        stem=STEM,
        head={"channels": 96, "activation": "swish"},
    )
    assert Architecture.model_validate_json(architecture.model_dump_json()) == architecture
    for name, write in (("a.json", json.dumps), ("a.yaml", yaml.safe_dump)):
        (tmp_path / name).write_text(write(architecture.model_dump(mode="json")))
        assert load_architecture(tmp_path / name) == architecture


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("lmanet_core", "LMaNet-Core"),
        ("lmanet_elite", "LMaNet_elite"),
        ("qwnet_core", "QwNet-Core"),
    ],
)
def test_the_published_json_gives_the_shipped_architecture(lmanet_data: Path, name, file):
    assert load_architecture(
        lmanet_data / "reference" / "lmanet" / f"{file}.json"
    ) == load_architecture(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"candidate_config": {}}', "candidate_config lacks 'blocks'; each block needs"),
        ('{"candidate_config": {"blocks": [{}]}}', "candidate_config lacks 'conv_type'"),
        ('{"candidate_config": {"blocks": 3}}', "candidate_config is malformed"),
        ("stages: [1", "neither JSON nor YAML"),
        (
            "stages: {2026-01-01: 1}",
            r"stages=\{datetime\.date\(2026, 1, 1\): 1\}: input should be a valid tuple",
        ),
        ("stages: &loop [*loop]", r"stages\.0=\[\[\.\.\.\]\]: input should be"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, content, message):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(ArchitectureError, match=message):
        load_architecture(tmp_path / "a.yaml")


@pytest.mark.parametrize("name", ["lmanet", "missing.json", "."])
def test_an_unknown_name_lists_the_shipped_ones(name):
    with pytest.raises(ArchitectureError, match=f"neither one of {', '.join(SHIPPED)} nor a file"):
        load_architecture(name)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArchitectureError, match="neither JSON nor YAML"):
        load_architecture(tmp_path / "a.json")
