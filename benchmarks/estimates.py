"""How long an estimate of cost takes on one core, against building the network and asking thop.

python benchmarks/estimates.py
"""

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.cost import estimate
from lmanet.cost.estimate import _estimate
from lmanet.network import Architecture
from lmanet.network.build import build
from lmanet.network.graph import feature_operators
from lmanet.space import architecture_id, load_space
from lmanet.validate import Validator

CONF = Path(__file__).parents[1] / "conf"
NUM_CLASSES = 100
MOST_BUILT_PARAMS = 20_000_000  # uniform draws have up to billions, which no memory holds
CACHES = (_estimate, feature_operators, architecture_id)


def main() -> None:
    """Print a row for each space: microseconds of CPU time for one network, median over the rounds,
    lowest and highest.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--n",
        type=int,
        default=400,
        help="networks of a round, fresh draws each, and no cache is kept",
    )
    parser.add_argument(
        "--slow", type=int, default=4, help="of these, how many are built and given to thop"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("lmanet", "mcu"):
        works = {
            **{runtime: of_runtime(runtime) for runtime in ("c_static", "tflm", "plain")},
            "validate": validation(name),
        }
        slow = {"build": lambda each: build(each, NUM_CLASSES), "thop": ask_thop}
        taken: dict[str, list[float]] = {work: [] for work in (*works, *slow)}
        rng = np.random.default_rng(args.seed)
        for _ in range(args.rounds):
            drawn = [load_space(name).sample(rng) for _ in range(args.n)]
            for work, run in works.items():
                taken[work].append(microseconds(run, drawn))
            small = [each for each in drawn if params(each) < MOST_BUILT_PARAMS]
            for work, run in slow.items():
                taken[work].append(microseconds(run, small[: args.slow]))
        report(name, taken)


def params(architecture: Architecture) -> int:
    """Of the whole network."""
    return estimate(architecture, NUM_CLASSES, "plain").params


def of_runtime(runtime: str) -> Callable[[Architecture], object]:
    """An estimate for it."""
    return lambda architecture: estimate(architecture, NUM_CLASSES, runtime)


def validation(space: str) -> Callable[[Architecture], object]:
    """All rules of the STM32H743, nothing having been proposed before."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [f"space={space}", "target=stm32h743"])
    validator = Validator(instantiate(cfg.space), instantiate(cfg.target), NUM_CLASSES)
    return lambda architecture: validator.validate(architecture, set())


def ask_thop(architecture: Architecture) -> object:
    """Build the network, and have it counted in one pass of an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # thop (2022) compares versions with distutils
        import thop

        image = torch.zeros(1, 3, architecture.resolution, architecture.resolution)
        return thop.profile(build(architecture, NUM_CLASSES), (image,), verbose=False)


def microseconds(run: Callable[[Architecture], object], drawn: Sequence[Architecture]) -> float:
    """CPU time of one, with empty caches at the start."""
    for cache in CACHES:
        cache.cache_clear()
    start = time.process_time()
    for architecture in drawn:
        run(architecture)
    return (time.process_time() - start) / len(drawn) * 1e6


def report(space: str, taken: dict[str, list[float]]) -> None:
    """One line a piece of work."""
    plan = median(taken["c_static"])
    for work, times in taken.items():
        spread = f"{min(times):,.0f} to {max(times):,.0f}"
        print(
            f"{space:8}{work:10}{median(times):12,.0f} us "
            f"({spread}){1e6 / median(times):10,.0f}/s{median(times) / plan:10.2f} of c_static"
        )


if __name__ == "__main__":
    main()
