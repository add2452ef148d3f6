"""Is an adapter (LoRA) that learns the run's own history worth its training? The decisions of
ranking_on_paper.py, ordered by a small model with an adapter, without one, and by a random forest.

pip install peft transformers accelerate gguf
python benchmarks/adapter_on_paper.py build/adapter --seeds 0 1 2 3
The history of a seed is a line for each trained network, which ends in the digit of its rank. One
adapter a seed learns to write that digit, and candidates are ordered by the digit that it expects.
What was computed is kept in FOLDER, so a command that was stopped goes on.
"""

import argparse
import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from rank_statistics import kendall
from rank_table import Judged, judge, table_of
from ranking_on_paper import IMAGES, Decision, Scorer, decisions, largest, with_size

from lmanet.propose.baselines.forest import Forest
from lmanet.propose.llm.servers import packaged_model
from lmanet.propose.roles.task import Round
from lmanet.space import AnyArchitecture, estimate_on, short_number

DIGITS = "0123456789"
LORA = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
BATCH, LEARNING_RATE = 5, 1e-3
BARS = ("random forest", "largest first")  # the control, and the rule that costs nothing


class Lesson(NamedTuple):
    """Trained networks, and the digit of each: 9 of the best tenth."""

    lines: list[str]
    digits: list[int]


class Learner:
    """A model that expects a digit at the end of a line.

    Args:
        path: of a .gguf file, whose weights are taken out of their quantisation.
    """

    def __init__(self, path: Path) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # a file is read, nobody is asked
        # imported here: they take long, and a second start has it all in its file
        import gguf
        from transformers import AutoModelForCausalLM, AutoTokenizer

        # else made anew for each of some hundred modules
        gguf.get_tensor_name_map = cache(gguf.get_tensor_name_map)
        place: Mapping[str, Any] = {"gguf_file": path.name}
        self.tokenizer = AutoTokenizer.from_pretrained(str(path.parent), **place)
        self.model = AutoModelForCausalLM.from_pretrained(
            str(path.parent), dtype=torch.float32, **place
        ).eval()
        ends = [self._ids(f"x: {digit}") for digit in DIGITS]
        if len({tuple(each[:-1]) for each in ends}) != 1 or len({each[-1] for each in ends}) != 10:
            raise SystemExit(f"{path}: its tokenizer writes no digit as a token of its own")
        # the head is needed of ten tokens only
        self.head = self.model.get_output_embeddings().weight[[each[-1] for each in ends]].detach()

    def expected(self, lines: Sequence[str]) -> list[float]:
        """Of each line, the mean of the digit that may follow."""
        values = torch.arange(10.0)
        with torch.no_grad():
            parts = [lines[i : i + BATCH] for i in range(0, len(lines), BATCH)]
            return [
                float(each @ values) for part in parts for each in self._logits(part).softmax(1)
            ]

    def learned(self, lesson: Lesson, lines: Sequence[str], epochs: int, seed: int) -> list[float]:
        """As `expected`, by an adapter that has learned; it is taken off again."""
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        adapted = get_peft_model(self.model, LoraConfig(**LORA))
        try:
            self._train(
                [each for each in adapted.parameters() if each.requires_grad], lesson, epochs
            )
            return self.expected(lines)
        finally:
            self.model = adapted.unload()

    def _train(self, weights: list[torch.nn.Parameter], lesson: Lesson, epochs: int) -> None:
        optimizer = torch.optim.AdamW(weights, LEARNING_RATE, weight_decay=0.0)
        steps = epochs * -(-len(lesson.lines) // BATCH)
        decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        for _ in range(epochs):
            for chosen in torch.randperm(len(lesson.lines)).split(BATCH):
                logits = self._logits([lesson.lines[i] for i in chosen])
                wanted = torch.tensor([lesson.digits[i] for i in chosen])
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(logits, wanted).backward()
                optimizer.step()
                decay.step()

    def _logits(self, lines: Sequence[str]) -> torch.Tensor:
        """Of the ten digits after each line."""
        asked = [self._ids(f"{line}: 0")[:-1] for line in lines]
        longest = max(map(len, asked))
        # what is filled in stands behind, where a causal model does not look
        ids = torch.tensor([each + [0] * (longest - len(each)) for each in asked])
        hidden = self.model.model(input_ids=ids).last_hidden_state
        ends = torch.tensor([len(each) - 1 for each in asked])
        return hidden[torch.arange(len(asked)), ends] @ self.head.T

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def line(given: Round, network: AnyArchitecture) -> str:
    """A network as the way ``digits`` writes it: its values, and its size."""
    brief = given.brief
    macs = estimate_on(network, brief.num_classes, brief.platform).quantities()["macs"]
    return f"{' '.join(map(str, brief.space.write_choices(network).values()))} {short_number(macs)}"


def lesson_of(given: Round) -> Lesson:
    """The history, in the order of the proposals."""
    ranked = [place.trial for place in given.past.ranked()][::-1]
    shown = [(trial, 10 * place // len(ranked)) for place, trial in enumerate(ranked)]
    shown.sort(key=lambda each: each[0].number)
    lines = [line(given, trial.architecture) for trial, _ in shown if trial.architecture]
    return Lesson(lines, [digit for _, digit in shown])


def answers(found: Sequence[Decision], options: argparse.Namespace) -> dict[str, Any]:
    """Line -> digit expected, with the adapter and without, for all candidates of a history."""
    given = found[0].given
    lesson = lesson_of(given)
    lines = sorted({line(given, choice.architecture) for each in found for choice in each.choices})
    settings = [name_of(options), LORA, BATCH, LEARNING_RATE, options.epochs, found[0].seed]
    text = json.dumps([settings, lesson, lines], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = options.folder / f"{options.dataset}_{name_of(options)}.jsonl"
    known = dict(map(json.loads, path.read_text().splitlines())) if path.is_file() else {}
    if key not in known:
        if options.learner is None:
            options.learner = Learner(options.model)
        began = time.monotonic()
        before = options.learner.expected(lines)
        whole = [*lines, *lesson.lines]
        after = options.learner.learned(lesson, whole, options.epochs, found[0].seed)
        known[key] = {
            "before": dict(zip(lines, before, strict=True)),
            "after": dict(zip(lines, after[: len(lines)], strict=True)),
            "fit": kendall(after[len(lines) :], lesson.digits),
            "seconds": time.monotonic() - began,
        }
        with path.open("a") as file:
            file.write(json.dumps([key, known[key]]) + "\n")
    return dict(known[key])


def by(scores: Mapping[str, float]) -> Scorer:
    """A way as a function of the decision."""
    return lambda given, choices: [scores[line(given, each.architecture)] for each in choices]


def name_of(options: argparse.Namespace) -> str:
    """The model's."""
    return str(options.model.stem)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="a .gguf file; none: the packaged")
    parser.add_argument("--dataset", default="cifar100", choices=IMAGES)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--size", type=int, default=25, help="trained networks of the history")
    parser.add_argument("--decisions", type=int, default=4, help="of each history")
    parser.add_argument("--epochs", type=int, default=12, help="over the history")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.model, options.learner = options.model or packaged_model(), None
    return options


def main() -> None:
    """Train what is not known yet, and print the table."""
    options = parsed()
    torch.set_num_threads(options.threads)
    options.folder.mkdir(parents=True, exist_ok=True)
    judged: dict[str, list[Judged]] = defaultdict(list)
    told = []
    for seed in options.seeds:
        found = list(decisions(options.dataset, seed, [options.size], options.decisions))
        if not found:
            continue
        told.append(answers(found, options))
        adapter, name = by(told[-1]["after"]), name_of(options)
        scorers: dict[str, Scorer] = {
            "largest first": largest,
            "random forest": Forest().scores,
            "random forest, and size": with_size(Forest().scores),
            f"{name}, no adapter": by(told[-1]["before"]),
            f"{name}, adapter": adapter,
            f"{name}, adapter, and size": with_size(adapter),
        }
        for each in found:
            sizes = largest(each.given, each.choices)
            for way, scorer in scorers.items():
                scores = scorer(each.given, each.choices)
                judged[way].append(Judged(seed, each.size, *judge(scores, each.truth, sizes)))
    print("\n".join(table_of(judged, [options.size], BARS)))
    print(f"\n{fmean(each['seconds'] for each in told):.0f} s a history, {options.epochs} epochs.")
    print(f"Kendall's tau of the adapter on its own history: {fmean(t['fit'] for t in told):.2f}")


if __name__ == "__main__":
    main()
