"""Is a language model worth its tokens? The whole comparison with one model, in one command.

make bench-llm MODEL=NAME BASE_URL=http://127.0.0.1:8000/v1
python benchmarks/bench_llm.py build/bench-llm --model model.gguf --seeds 0 1 2 --networks 25
Searches on a table of trainings, so that only the model takes time: each way of asking and each
control, with the same seeds and the same number of trained networks. A run that was stopped goes
on. The result is a table, and a file for docs/llm_results to send in as a pull request.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import joblib

from lmanet.explain.compare.statistics import compare_pairs, holm
from lmanet.files import write_text
from lmanet.run.folder import HISTORY
from lmanet.run.lines import read_records
from lmanet.run.records import Status, Trial, Usage

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "llm_results"
CHECKPOINTS = (10, 25, 50, 100)
CONTROLS = {
    "random": ["propose=random", "propose.feasible_draws=30"],
    "sampler": ["propose=sampler"],
    "sampler, largest first": ["propose=sampler", "propose.rank.listed=largest_first"],
    "TPE": ["propose=tpe", "propose.feasible_draws=30"],
    "forest": ["propose=forest"],
    "bandit": ["propose=bandit"],
}
AGAINST = ("sampler", "TPE")  # what a model has to beat
RANK = "propose.team.rank."
PLAIN = [
    "propose.prompt.rationale=false",
    "propose.strategy.roles=[rank]",
    "propose.strategy.stall_after=null",
    "propose.strategy.niches=1",
    f"{RANK}listed=at_random",
    "feedback.max_tokens=300",
    "feedback.recent_failures=0",
]
LETTERS = [*PLAIN, f"{RANK}read=logprobs", f"{RANK}calibrated=true"]
WAYS = {
    "spoken": PLAIN,
    "logprobs": [*PLAIN, f"{RANK}read=logprobs"],
    "logprobs, calibrated": LETTERS,
    "logprobs, calibrated, 4 rotations": [*LETTERS, f"{RANK}rotations=4"],
    "logprobs, calibrated, no feedback": [*LETTERS, "feedback=none"],
    "evidence": [*LETTERS, f"{RANK}evidence=1"],
    "pairs": [*PLAIN, f"{RANK}read=pairs"],
    "digits": [*PLAIN, f"{RANK}read=digits"],
    "steer": [*PLAIN, "propose.strategy.roles=[steer]", "propose.team.steer.read=logprobs"],
}
BENCHES = {
    "cifar10": ["+experiment=bench_nasbench201", "data=nasbench201_cifar10"],
    "cifar100": ["+experiment=bench_nasbench201"],
    "imagenet16": ["+experiment=bench_nasbench201", "data=nasbench201_imagenet"],
    "lmanet": ["+experiment=bench_lmanet"],
}


def main() -> None:
    """Run what is missing, print the table, write the file."""
    options = parsed()
    model = options.model or "SmolLM2-135M-Instruct"
    name = slug(Path(model).stem if model.endswith(".gguf") else model)
    searchers = {way: CONTROLS[way] for way in options.controls}
    searchers |= {way: asking(options, WAYS[way]) for way in options.ways}
    measured = {}
    for way, overrides in searchers.items():
        folder = options.folder / options.bench / ("controls" if way in CONTROLS else name)
        runs = run(folder / slug(way), overrides, options, together=way in CONTROLS)
        measured[way] = {
            **summary(runs, options.networks),
            "model": way in WAYS,
            "overrides": overrides,
        }
    found = {
        "model": name,
        "bench": options.bench,
        "networks": options.networks,
        "seeds": options.seeds,
        "machine": f"{joblib.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "lmanet": version("lmanet"),
        "ways": measured,
    }
    path = options.results / f"{name}_{options.bench}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(found, indent=1) + "\n")
    print("\n".join(table(found)))
    print(f"\n{path}: send it in as a pull request")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of the runs")
    parser.add_argument("--model", help="name at the server, or a .gguf file; none: the packaged")
    parser.add_argument("--base-url", help="of a server; none: the model is embedded")
    parser.add_argument("--api-key-env", help="environment variable with the server's key")
    parser.add_argument(
        "--price", type=float, nargs=3, help="of a million tokens: prompt, cached, completion"
    )
    parser.add_argument("--bench", default="cifar100", choices=BENCHES)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(20)))
    parser.add_argument("--networks", type=int, default=25, help="trained in each run")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--controls", nargs="*", default=list(CONTROLS), choices=CONTROLS)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the file")
    return parser.parse_args()


def asking(options: argparse.Namespace, overrides: Sequence[str]) -> list[str]:
    """The overrides of a way with this model."""
    # quoted, as Hydra would read "=" and commas in it
    model = [f"propose.model={json.dumps(options.model)}"] if options.model else []
    if options.base_url:
        who = ["propose=llm", *model, f"propose.server.base_url={json.dumps(options.base_url)}"]
        who += [f"propose.server.api_key_env={options.api_key_env or 'null'}"]
    else:
        who = ["propose=embedded", *model]
    if options.price:
        prompt, cached, completion = options.price
        prices = f"prompt:{prompt},cached:{cached},completion:{completion}"
        who.append(f"++propose.sampling.price={{_target_:lmanet.propose.Price,{prices}}}")
    quiet = "feedback=none" in overrides  # which has no settings
    return [*who, *(each for each in overrides if not (quiet and each.startswith("feedback.")))]


def run(
    folder: Path, overrides: Sequence[str], options: argparse.Namespace, together: bool
) -> dict[int, list[Trial]]:
    """Seed -> the trials of its run; what has ended is not run again.

    Args:
        together: all new seeds in one process, as most of a search without a model is its start. A
            model has a process a seed, and each its own server.
    """
    new = []
    for seed in options.seeds:
        place = folder / str(seed)
        if not (place / HISTORY).is_file():
            new.append(seed)
        elif trained(history(place)) < options.networks:
            start(f"resume={place}", f"budget.trained={options.networks}")
    parts = [new] if together else [[seed] for seed in new]
    for seeds in filter(None, parts):
        start(
            "-m",
            *BENCHES[options.bench],
            *overrides,
            f"seed={','.join(map(str, seeds))}",
            f"budget.trained={options.networks}",
            f"hydra.sweep.dir={folder}",
            "hydra.sweep.subdir=${seed}",
            "~track.progress",
        )
    return {seed: history(folder / str(seed)) for seed in options.seeds}


def start(*command: str) -> None:
    """The program, to its end."""
    subprocess.run([sys.executable, str(ROOT / "run.py"), *command], check=True)


def history(folder: Path) -> list[Trial]:
    """The trials of a run in the order in which they ended; none where there is no run."""
    path = folder / HISTORY
    return list(read_records(path, Trial)) if path.is_file() else []


def trained(trials: Sequence[Trial]) -> int:
    """Networks trained."""
    return sum(trial.status is Status.TRAINED for trial in trials)


def summary(runs: Mapping[int, Sequence[Trial]], networks: int) -> dict[str, Any]:
    """What the file holds of a way: the best accuracy by seed, and what a proposal takes.

    Args:
        networks: trained in each run; a run of an earlier command may have more.
    """
    usages = [trial.proposal.usage for trials in runs.values() for trial in trials]
    total = Usage.total(usages)
    number = max(1, len(usages))
    networks = min([networks, *map(trained, runs.values())])
    return {
        "accuracy": {
            str(point): {str(seed): best_after(trials, point) for seed, trials in runs.items()}
            for point in CHECKPOINTS
            if point <= networks
        },
        "prompt_tokens_a_proposal": total.prompt_tokens / number,
        "completion_tokens_a_proposal": total.completion_tokens / number,
        "seconds_a_proposal": total.seconds / number,
        "price_a_run": None if total.price is None else total.price / max(1, len(runs)),
    }


def best_after(trials: Sequence[Trial], networks: int) -> float:
    """The best validation accuracy (%) among the first trained networks."""
    scores = (trial.score.val_accuracy for trial in trials if trial.score)
    return round(100 * max(score for score, _ in zip(scores, range(networks), strict=False)), 4)


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """Markdown: a row a way, p after Holm's correction over all tests of the last column."""
    ways: Mapping[str, Mapping[str, Any]] = found["ways"]
    points = sorted({int(point) for way in ways.values() for point in way["accuracy"]})
    last = str(points[-1]) if points else ""
    tests = {}
    for control in AGAINST:
        for way, measured in ways.items():
            theirs = ways.get(control, {}).get("accuracy", {}).get(last, {})
            if measured["model"] and len(theirs) > 1:
                results = {
                    way: measured["accuracy"][last],
                    control: theirs,
                }
                tests[way, control] = compare_pairs(results)[0]
    corrected = dict(zip(tests, holm([pair.p for pair in tests.values()]), strict=True))
    heads = [*(f"{point}" for point in points), *(f"p (effect) against {c}" for c in AGAINST)]
    yield "| way | seeds | " + " | ".join(heads) + " | tokens a proposal | s | price a run |"
    yield "|---|---:|" + "---|" * len(heads) + "---:|---:|---:|"
    for way, measured in ways.items():
        cells = [_spread(measured["accuracy"].get(str(point), {})) for point in points]
        for control in AGAINST:
            pair = tests.get((way, control))
            cells.append(f"{corrected[way, control]:.3f} ({pair.effect:+.2f})" if pair else "")
        tokens = (measured[f"{part}_tokens_a_proposal"] for part in ("prompt", "completion"))
        price = measured["price_a_run"]
        yield (
            f"| {way} | {len(measured['accuracy'].get(last, {}))} | {' | '.join(cells)} | "
            f"{' + '.join(f'{each:.0f}' for each in tokens)} | "
            f"{measured['seconds_a_proposal']:.1f} | {'' if price is None else f'{price:.4f}'} |"
        )


def _spread(by_seed: Mapping[str, float]) -> str:
    values = list(by_seed.values())
    if not values:
        return ""
    spread = f" ({stdev(values):.2f})" if len(values) > 1 else ""  # one seed has none
    return f"{fmean(values):.2f}{spread}"


def slug(name: str) -> str:
    """A name as part of a path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")


if __name__ == "__main__":
    main()
