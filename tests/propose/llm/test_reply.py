"""The parser takes an architecture out of whatever is around it, and nothing that is not one."""

import json
from typing import Any

import json_repair
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmanet.errors import ArchitectureError
from lmanet.propose.llm.reply import (
    MAX_REPLY_CHARACTERS,
    parse_reply,
    read_architectures,
    read_reply,
)
from lmanet.space import load_space

SPACE = load_space("mcu", {"resolution": [32], "num_stages": [3, 4], "head": None})
FIRST, SECOND = (
    SPACE.parse(json.loads(SPACE.write_proposal(SPACE.sample(np.random.default_rng(seed)))))
    for seed in (0, 1)
)
TEXT, OTHER = SPACE.write_proposal(FIRST, "json"), SPACE.write_proposal(SECOND, "json")
LINES = SPACE.write_proposal(FIRST)
DATA: dict[str, Any] = json.loads(TEXT)


def changed(**fields: Any) -> str:
    """The first stage with other values."""
    first, *others = DATA["stages"]
    return json.dumps(DATA | {"stages": [first | fields, *others]})


@pytest.mark.parametrize(
    "reply",
    [
        TEXT,
        f"```json\n{TEXT}\n```",
        f"Sure! Here {{it}} is:\n{TEXT}\nIt keeps all limits.",
        f"[{TEXT}]",
        f'{{"architecture": {TEXT}}}',
        f"{TEXT}\n{OTHER}",
        f"{TEXT}{TEXT[:80]}",
        f'{{"stages": []}} {TEXT}',
        f"<think>Perhaps {OTHER}? No.</think>{TEXT}",
        TEXT[:-1],
        TEXT[:-2],
        TEXT.replace("}, {", "},\n {").replace('"', "'"),
        TEXT[:-1] + ",}",
        TEXT.replace("true", "True").replace("false", "False").replace("null", "None"),
        json.dumps(DATA, indent=4),
        LINES,
        f"```json\n{LINES}\n```",
        LINES[:-2],
    ],
    ids=[
        "plain", "fence", "prose", "list", "wrapped", "doubled", "doubled_cut",
        "second_is_legal", "thought", "cut_brace", "cut_bracket", "single_quotes",
        "trailing_comma", "python", "indented", "lines", "lines_fence", "lines_cut",
    ],
)  # fmt: skip
def test_finds_the_architecture(reply: str) -> None:
    assert parse_reply(reply, SPACE) == FIRST


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "the reply is empty"),
        ("I cannot do that.", "no JSON object"),
        ("{}", "no JSON object"),
        ("[[1, 2], 3]", "no JSON object"),
        (changed(channels="16"), 'channels="16"'),
        (changed(channels=16.0), "channels=16.0"),
        (changed(channels=True), "channels=true"),
        (changed(kernel=3.0), "kernel=3.0"),
        (changed(stride=True), "stride=true"),
        (changed(skip=1), "skip=1"),
        (changed(skip="true"), 'skip="true"'),
        (changed(se_ratio=0.3), "se_ratio=0.3, legal values are 0, 0.25, 0.5"),
        (changed(channels=512), "channels=512"),
        (changed(layers=-1), "layers=-1"),
        (changed(colour="red"), "colour"),
        (changed(se_ratio=float("nan")), "se_ratio"),
        (changed(channels=10**400), "channels"),
        (json.dumps(DATA | {"stages": DATA["stages"][:1]}), "stages: 1 of them"),
        (json.dumps(DATA | {"stages": {"a": 1}}), "stages"),
        (json.dumps({key: value for key, value in DATA.items() if key != "stem"}), "stem missing"),
        (TEXT[: len(TEXT) // 2], "not an architecture"),
        (changed(channels=8).replace('"channels": 8', '"channels": ' + "9" * 5000), "channels"),
        ("x" * (MAX_REPLY_CHARACTERS + 1), "more than"),
    ],
)
def test_names_what_is_wrong(reply: str, reason: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        parse_reply(reply, SPACE)
    assert reason in str(caught.value)


def test_a_broken_reply_is_repaired_once(monkeypatch: pytest.MonkeyPatch) -> None:
    repaired, loads = [], json_repair.loads
    monkeypatch.setattr(json_repair, "loads", lambda text: repaired.append(text) or loads(text))
    reply = read_reply(f'{{"choice": {LINES}, "why": {{"text": "small"')
    found = reply.with_key("choice")
    assert found and reply.with_key("why") == found and found["why"] == {"text": "small"}
    assert read_architectures(reply.part(found["choice"]), SPACE, 1) == [FIRST]
    assert len(repaired) == 1


def test_a_choice_written_as_text_is_parsed_as_text() -> None:
    reply = read_reply(json.dumps({"choice": f"Here: {LINES}", "why": None}))
    found = reply.with_key("choice")
    assert found and read_architectures(reply.part(found["choice"]), SPACE, 1) == [FIRST]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[",
        '{"stages":',
        '{"a":[',
        '{"stages":[{',
        '{"a":"',
        "{/*",
        '{"a": "b" c" ',
        "\\",
        "```{",
    ],
)
def test_survives_hostile_nesting(unit: str) -> None:
    with pytest.raises(ArchitectureError):
        parse_reply(unit * (MAX_REPLY_CHARACTERS // len(unit)), SPACE)


SCRAP = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        '"',
        ",",
        ":",
        '"stages"',
        "null",
        "true",
        "16",
        "1e999",
        "-",
        "\\u0000",
        "```",
        "\n",
        "é",
        "💥",
    ]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["stages", "stem", "head", "block", "kernel"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)
REPLIES = st.one_of(
    st.text(max_size=300),
    st.lists(SCRAP, max_size=60).map("".join),
    JSON_VALUES.map(json.dumps),
    st.builds(lambda at, scrap: TEXT[:at] + scrap + TEXT[at:], st.integers(0, len(TEXT)), SCRAP),
    st.builds(
        lambda at, end: TEXT[:at] + TEXT[end:], st.integers(0, len(TEXT)), st.integers(0, len(TEXT))
    ),
)


@settings(max_examples=400)
@given(REPLIES)
def test_fuzz_gives_a_legal_architecture_or_a_reason(reply: str) -> None:
    try:
        assert SPACE.contains(parse_reply(reply, SPACE))
    except ArchitectureError as error:
        assert str(error)
