"""The exact words of the prompt, the example in it, and that every part of the brief is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lmanet.cost import estimate
from lmanet.errors import ConfigError
from lmanet.propose import Prompt
from lmanet.propose.llm.example import example
from lmanet.propose.llm.prompt import input_text
from lmanet.run.brief import Brief
from lmanet.space import load_space


def test_golden_prompts(
    brief: Brief, paper_brief: Brief, golden: Callable[[str, str], None]
) -> None:
    prompt = Prompt(max_attempts=2)
    mcu = prompt.ask(
        prompt.opening(brief, example(brief)), "Results so far:\nnone worth telling.\n"
    )
    golden("mcu.txt", _text(mcu))
    long = Prompt(max_attempts=2, form="json")
    golden("lmanet_json.txt", _text(long.ask(long.opening(paper_brief, example(paper_brief)), "")))
    golden("lmanet.txt", _text(prompt.ask(prompt.opening(paper_brief, example(paper_brief)), "")))
    golden(
        "asked_again.txt",
        _text(prompt.ask_again(mcu, '{"stages": 5}', "not an architecture: stages=5")[1:]),
    )


def test_ordinary_convolutions_are_told_of_where_the_space_has_them(brief: Brief) -> None:
    without = load_space("mcu", {"stage": {"block": ["depthwise", "mbconv"]}})
    for space, told in ((brief.space, True), (without, False)):
        here = brief.model_copy(update={"space": space})
        assert (
            "conv is an ordinary convolution" in Prompt(max_attempts=1).opening(here, example(here))
        ) is told


def _text(messages: list[Any]) -> str:
    return "\n".join(f"[{message['role']}]\n{message['content']}\n" for message in messages)


def test_the_beginning_does_not_depend_on_the_feedback(brief: Brief) -> None:
    prompt = Prompt(max_attempts=1)
    opening = prompt.opening(brief, example(brief))
    for feedback in ("", "cost: $100 ${space}"):
        text = prompt.ask(opening, feedback)[0]["content"]
        assert text.startswith(opening) and feedback in text


def test_a_correction_quotes_no_more_than_fits(brief: Brief) -> None:
    again = Prompt(max_attempts=2).ask_again([], "é💥" * 5000, "ü" * 5000)
    assert len(again[0]["content"].encode()) <= 2000
    assert len(again[1]["content"].encode()) <= 800


def test_a_form_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"propose\.prompt\.form=line: choose one of lines, json"):
        Prompt(max_attempts=1, form="line")


def test_attempts_need_a_number_above_zero() -> None:
    with pytest.raises(ConfigError, match="max_attempts=0"):
        Prompt(max_attempts=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "macs", "peak_sram_bytes"),
    [
        ("lmanet", 30_000_000, 204_800),
        ("lmanet", 100_000_000, 327_680),
        ("mcu", 4_000_000, 65_536),
        ("mcu", 80_000_000, 262_144),
    ],
)
def test_the_example_lies_inside_the_space_and_the_limits(
    name: str, macs: int, peak_sram_bytes: int, seed: int
) -> None:
    limits = {"macs": macs, "peak_sram_bytes": peak_sram_bytes, "flash_bytes": 1 << 20}
    brief = Brief(
        space=load_space(name), seed=seed, images="photographs", num_classes=100, limits=limits
    )
    shown = example(brief)
    cost = estimate(shown, 100)
    assert brief.space.contains(shown)
    assert all(getattr(cost, quantity) <= limit for quantity, limit in limits.items())
    assert brief.space.parse(json.loads(brief.space.write_proposal(shown, "json"))) == shown
    assert example(brief) == shown


def test_limits_that_nothing_meets_are_refused_before_any_request(brief: Brief) -> None:
    with pytest.raises(ConfigError, match="raise the limits"):
        example(brief.model_copy(update={"limits": {"macs": 1000}}))


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((3, 32, 32), "RGB, 32x32 pixels"),
        ((1, 24, 32), "one channel, 32x24 pixels"),
        ((6, 1, 100), "6 channels, a signal of 100 samples: kernels and strides go along it"),
        ((3, 1, 100), "3 channels, a signal of 100 samples: kernels and strides go along it"),
    ],
)
def test_the_input_is_told_as_it_is(shape: tuple[int, int, int], told: str) -> None:
    space = load_space("mcu").reading(shape, resizable=False)
    assert input_text(space.channels, space.image_sizes) == told
