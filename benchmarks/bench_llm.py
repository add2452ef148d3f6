"""Is a language model worth its tokens? The whole comparison with one model, in one command.

make bench-llm MODEL=NAME BASE_URL=http://127.0.0.1:8000/v1
python benchmarks/bench_llm.py build/bench-llm --model model.gguf --seeds 0 1 2 --networks 25
Searches on a table of trainings, so that only the model takes time: each way of asking and each
control, with the same seeds, the same start and the same number of trained networks. Then what
feedback is worth, and how many of the model's claims are true. A comparison that was stopped goes
on by the same command. The result is a table, and a file for docs/llm_results to send in as a pull
request; what it holds of other ways stays.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
from llm_runs import Runs, best_after, digest, run_all, slug, summary, truth
from llm_table import answers, best_told, table
from llm_ways import (
    BENCHES,
    CLAIM_NETWORKS,
    CLAIM_SEEDS,
    CLAIMS,
    CONTROLS,
    SEEDS,
    START,
    WAYS,
)

from lmanet.errors import LmanetError
from lmanet.files import write_text
from lmanet.propose import EmbeddedServer, RemoteServer, Sampling

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "llm_results"
GO_ON = "Nothing is lost: the same command goes on."
QUESTIONS = ("feedback", "claims")


def main() -> None:
    """Run what is missing, print the table, write the file."""
    options = parsed()
    try:
        found = compared(options)
    except LmanetError as error:
        sys.exit(f"\n{error}\n{GO_ON}")
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. {GO_ON}")
    print("\n".join([*table(found), "", *answers(found)]))
    print(f"\n{file_of(options)}: send it in as a pull request")


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
    parser.add_argument(
        "--also", nargs="*", default=[], help="overrides, as '~propose.sampling.extra_body.min_p'"
    )
    parser.add_argument("--bench", default="cifar100", choices=BENCHES)
    parser.add_argument("--seeds", type=int, nargs="+", help="0 to 19; 40 to 59 of imagenet16")
    parser.add_argument("--networks", type=int, default=25, help="trained in each run")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--controls", nargs="*", default=list(CONTROLS), choices=CONTROLS)
    parser.add_argument(
        "--questions", nargs="*", choices=QUESTIONS, help="beside the table; both on cifar100"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the file")
    options = parser.parse_args()
    if options.base_url and not options.model:
        parser.error("--base-url needs --model, the name under which the server knows the model")
    if options.networks <= START:
        parser.error(f"--networks must be above {START}, the networks that all runs begin with")
    if options.seeds is None:
        options.seeds = list(SEEDS[options.bench])
    if options.questions is None:
        options.questions = QUESTIONS if options.bench == "cifar100" else ()
    return options


def name_of(options: argparse.Namespace) -> str:
    """The model's, for people and paths."""
    model = options.model or "SmolLM2-135M-Instruct"
    return slug(Path(model).stem if model.endswith(".gguf") else model)


def file_of(options: argparse.Namespace) -> Path:
    """What is sent in."""
    return Path(options.results) / f"{name_of(options)}_{options.bench}.json"


def compared(options: argparse.Namespace) -> dict[str, Any]:
    """What the file holds; it is written after each way, so that a stop loses none."""
    found = kept(file_of(options)) | about(options)
    ways = answerable(options)
    found["left_out"] = ", ".join(way for way in options.ways if way not in ways)
    for way in [*options.controls, *ways]:
        print(f"{way}, {len(options.seeds)} seeds", flush=True)
        runs = run(way, options, options.seeds)
        asked = WAYS.get(way)
        # without the server's address, which is nobody's business
        shown = {"model": asked is not None, "overrides": list(own_of(way))}
        found["ways"][way] = {**summary(runs, options.networks, asked), **shown}
        keep(found, options)
    told = {way for way in ways if WAYS[way].told}
    if "feedback" in options.questions and (way := best_told(found, told)):
        rivals = [each for each in found["ways"] if each in WAYS and WAYS[each].told]
        seeds = unbiased_seeds(options.seeds, rivals)
        found["feedback"] = worth_of_feedback(way, options, seeds)
        keep(found, options)
    if "claims" in options.questions:
        found["claims"] = true_claims(options)
        keep(found, options)
    return found


def kept(path: Path) -> dict[str, Any]:
    """What an earlier command has measured by the same rules."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if before.get("random_start") != START:
        return {"ways": {}}
    known = {*WAYS, *CONTROLS}
    before["ways"] = {way: each for way, each in before["ways"].items() if way in known}
    return before


def about(options: argparse.Namespace) -> dict[str, Any]:
    """The head of the file."""
    cores = joblib.cpu_count()
    system = f"{platform.system()} {platform.machine()}"
    return {
        "model": name_of(options),
        "bench": options.bench,
        "random_start": START,
        "also": options.also,
        "machine": f"{cores} core{'' if cores == 1 else 's'}, {system}",
        "date": datetime.now(UTC).date().isoformat(),
        "lmanet": version("lmanet"),
    }


def keep(found: dict[str, Any], options: argparse.Namespace) -> None:
    """Write the file; its head tells of all that it holds, also by earlier commands."""
    reached = [each["accuracy"] for each in found["ways"].values()]
    found["networks"] = max((int(point) for each in reached for point in each), default=0)
    found["seeds"] = sorted({int(seed) for each in reached for by in each.values() for seed in by})
    path = file_of(options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(found, indent=1) + "\n")


def answerable(options: argparse.Namespace) -> list[str]:
    """The ways that this model can be asked by; a server is asked once, before any search.

    Raises:
        LmanetError: no model answers.
    """
    if not options.ways and not options.questions:
        return []
    if not options.base_url:
        EmbeddedServer(threads=1, context_tokens=1, timeout_s=60, retries=0).require(options.model)
        return list(options.ways)
    # imports openai, which takes seconds
    from lmanet.propose.llm.client import Client, Query

    server = RemoteServer(options.base_url, options.api_key_env, timeout_s=180, retries=1)
    server.require(options.model)
    client = Client(server.start(options.model), Sampling(1.0, 16, "never"))
    question = {"role": "user", "content": "Answer with one letter, A or B."}
    client.ask(Query([question], None, 0, 1.0, 1, likeliest=20))
    return [way for way in options.ways if client.gives_likeliest or not WAYS[way].by_tokens]


def asking(options: argparse.Namespace, overrides: Sequence[str]) -> list[str]:
    """The overrides of a way with this model."""
    # quoted, as Hydra would read "=" and commas in it
    model = [f"propose.model={json.dumps(options.model)}"] if options.model else []
    who = "propose=llm" if options.base_url else "propose=embedded"
    quiet = "feedback=none" in overrides  # which has no settings
    chosen = (each for each in overrides if not (quiet and each.startswith("feedback.")))
    return [who, *model, *reached_by(options), *options.also, *chosen]


def reached_by(options: argparse.Namespace) -> list[str]:
    """The overrides that a run which goes on may find changed: address, key and price."""
    found = []
    if options.base_url:
        found += [
            f"propose.server.base_url={json.dumps(options.base_url)}",
            f"propose.server.api_key_env={options.api_key_env or 'null'}",
        ]
    if options.price:
        prompt, cached, completion = options.price
        prices = f"prompt:{prompt},cached:{cached},completion:{completion}"
        found.append(f"++propose.sampling.price={{_target_:lmanet.propose.Price,{prices}}}")
    return found


def run(way: str, options: argparse.Namespace, seeds: Sequence[int], *more: str) -> Runs:
    """Seed -> the trials of a control's or a way's run.

    Args:
        more: overrides of this way alone.
    """
    control, own = way in CONTROLS, [*own_of(way), *more]
    owner = "controls" if control else name_of(options)
    place = options.folder / options.bench / owner / slug(way)
    folder = place.with_name(f"{place.name}-{setup_of(own, None if control else options)}")
    overrides = own if control else asking(options, own)
    setup = [*BENCHES[options.bench], f"random_start={START}", *overrides]
    reached = None if control else reached_by(options)
    return run_all(folder, setup, seeds, options.networks, reached)


def setup_of(own: Sequence[str], options: argparse.Namespace | None) -> str:
    """Tells folders apart, so that what was measured otherwise is never taken for this.

    Args:
        options: None of a control.
    """
    served = [bool(options.base_url), *options.also] if options else []
    return digest([START, *served, *own])


def own_of(way: str) -> Sequence[str]:
    """The overrides of a control, or those of a way with any model."""
    return CONTROLS[way] if way in CONTROLS else WAYS[way].overrides


def unbiased_seeds(seeds: Sequence[int], ways: Sequence[str]) -> Sequence[int]:
    """Those on which the best of some ways was chosen flatter it, so as many others come in their
    place. One way alone was not chosen by any.
    """
    first = max(seeds) + 1
    return seeds if len(ways) == 1 else range(first, first + len(seeds))


def worth_of_feedback(
    way: str, options: argparse.Namespace, seeds: Sequence[int]
) -> dict[str, Any]:
    """The best accuracy by seed, with feedback and without."""
    arms = {"with": run(way, options, seeds), "without": run(way, options, seeds, "feedback=none")}
    reached = {
        arm: {str(seed): best_after(trials, options.networks) for seed, trials in runs.items()}
        for arm, runs in arms.items()
    }
    return {"way": way, "networks": options.networks, **reached}


def true_claims(options: argparse.Namespace) -> dict[str, Any]:
    """How many of what the model says of its networks is true, on a table of our own space."""
    folder = options.folder / "lmanet" / name_of(options) / f"claims-{setup_of(CLAIMS, options)}"
    setup = [*BENCHES["lmanet"], f"random_start={START}", *asking(options, CLAIMS)]
    return truth(run_all(folder, setup, CLAIM_SEEDS, CLAIM_NETWORKS, reached_by(options)))


if __name__ == "__main__":
    main()
