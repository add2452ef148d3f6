"""The bound on tokens against real tokenizers, and the whole prompt of a long search within a
context of 8,192.
"""

import json
import random
import re
import string
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st

from lmanet.network import parse_architecture
from lmanet.propose import Prompt
from lmanet.propose.llm.why import claims_text, with_reasons
from lmanet.propose.roles.figures import cost_text
from lmanet.propose.roles.task import Task
from lmanet.run.brief import Brief
from lmanet.run.records import Trial
from lmanet.space import Space, load_space
from lmanet.tokens import clip_tokens, count_tokens

CONF = Path(__file__).parents[2] / "conf"
CONTEXT = 8192
LONGEST_REPLY = 2048
Make = Callable[..., tuple[list[Trial], list[Trial]]]


def _mix(alphabet: str) -> str:
    return "".join(random.Random(0).choices(alphabet, k=600))


TEXTS = {
    "lower": _mix(string.ascii_lowercase),
    "letters": _mix(string.ascii_letters),
    "digits": _mix(string.digits),
    "printable": _mix(string.printable),
    "unicode": _mix("".join(map(chr, range(0x80, 0x3000)))) + "💥" * 50,
    "spaced digits": " ".join(_mix(string.digits)),
    "code": Path(__file__).read_text(encoding="utf-8"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_never_counts_too_few(tokens: Callable[[str], int], text: str) -> None:
    assert count_tokens(text) >= tokens(text)


# A word of up to 16 letters with the space before it, else any single character.
PIECE = re.compile(r" ?(?<![A-Za-z])([A-Za-z]?[a-z]{0,15})(?![A-Za-z])|.", re.DOTALL)


@given(st.text(alphabet=st.sampled_from("abzAZ 19.\né\U0001f600"), max_size=60) | st.text())
def test_words_spare_what_the_definition_says(text: str) -> None:
    pieces = PIECE.finditer(text)
    assert count_tokens(text) == sum(
        (len(piece[1]) + 1) // 2 if piece[1] else len(piece[0].encode()) for piece in pieces
    )


def test_counts_of_pieces_by_hand() -> None:
    assert [
        count_tokens(text) for text in ("", "stage", "hard_swish", " 160", "é", "ABC", "a" * 17)
    ] == [0, 3, 6, 4, 2, 3, 17]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mcu", "lmanet"])
def test_500_trials_do_not_outgrow_8k(
    tokens: Callable[[str], int], make_history: Make, name: str
) -> None:
    space: Space = load_space(name)
    limits = {"macs": 1_000_000_000, "peak_sram_bytes": 4_000_000, "flash_bytes": 10_000_000}
    trials, front = make_history(space, 500, limits)
    assert len(front) > 3
    with initialize_config_dir(str(CONF), version_base="1.3"):
        feedback = instantiate(compose("feedback/pareto").feedback, space=space)
    text = feedback.compose(trials, front)
    assert count_tokens(text) <= feedback.max_tokens and tokens(text) <= count_tokens(text)
    prompt = Prompt(max_attempts=3)
    brief = Brief(space=space, seed=0, images="CIFAR-100", num_classes=100, limits=limits)
    # as many as conf/propose lets the role rank choose from
    shown = [trial.architecture for trial in trials if trial.architecture][:8]
    task = "\n".join(f"{space.write_proposal(each)} ({cost_text(each, brief)})" for each in shown)
    asked = with_reasons(Task(task, '{"order": ["..."]}', {}, lambda reply: []), brief, count=4)
    first = prompt.ask(
        prompt.opening(brief, shown[0]),
        claims_text(brief),
        text,
        clip_tokens("Wider stages are better. " * 50, 200),
        asked.question,
    )
    assert tokens(first[0]["content"]) <= count_tokens(first[0]["content"])
    again = prompt.ask_again(first, _mix(string.printable) * 10, _mix(string.ascii_lowercase) * 10)
    turns = 20 * len(again)  # what chat templates put around each
    assert sum(tokens(message["content"]) for message in again) + turns + LONGEST_REPLY < CONTEXT


def test_a_five_stage_network_takes_at_most_120_tokens(tokens: Callable[[str], int]) -> None:
    """The longest lines of the paper's space, also where a server breaks and indents the JSON."""
    space = load_space("lmanet")
    fields = {
        "block": "mbconv",
        "channels": 128,
        "kernel": 7,
        "stride": 2,
        "expansion": 6,
        "se_ratio": 0.25,
        "skip": True,
        "layers": 6,
    }
    for activation in space.stage.fields["activation"]:
        longest = parse_architecture({"stages": [fields | {"activation": activation}] * 5})
        proposal = json.loads(space.write_proposal(longest))
        assert (
            tokens(json.dumps(proposal, separators=(",", ":"))) <= 105
            and tokens(json.dumps(proposal, indent=2)) <= 120
        )


def test_a_reply_of_the_small_models_default_takes_at_most_40_tokens(
    space: Space, tokens: Callable[[str], int]
) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        asked = compose("propose/embedded").propose
    assert not asked.prompt.rationale and set(asked.strategy.roles) <= {"rank", "mutate"}
    parent = space.sample(np.random.default_rng(0))
    edits = [space.change_text(parent, each) for each in space.neighbours(parent)][::5]
    assert tokens(json.dumps({"order": ["H"]})) <= 40
    assert fmean(tokens(json.dumps({"edits": [edit]})) for edit in edits) <= 40
