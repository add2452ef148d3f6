"""The few-shot example of the prompt: a network within the limits, found by formula alone."""

from itertools import pairwise

import numpy as np

from lmanet.errors import ConfigError
from lmanet.network.graph import feature_operators
from lmanet.propose.roles.legal import macs_excess
from lmanet.run.brief import Brief
from lmanet.space import AnyArchitecture, estimate_on

MAX_CLIMBS = 10  # a climb may end beside a limit that only two changes at once would meet
STEPS = 500
NEAR = 0.1  # enough to ROOM; more would cost seconds and show nothing
ROOM = 0.5  # of the tightest limit: an example at the limit would invite proposals beyond it

LAST_PIXELS = 8  # height and width that are left for the classifier, at most
USUAL_LAYERS = 3

# Smaller is better, the first entry first: excess over the limits, habits broken, distance from
# ROOM.
Awkwardness = tuple[float, int, float]


def example(brief: Brief) -> AnyArchitecture:
    """Climb from a random network to one that keeps the limits and looks like what people build. It
    uses half of the tightest limit.

    The brief, its seed included, decides the result.

    Raises:
        ConfigError: no network within the limits was found.
    """
    rng = np.random.default_rng(brief.seed)
    for _ in range(MAX_CLIMBS):
        found = _climb(brief, rng)
        if _awkwardness(found, brief)[0] == 0:
            return found
    raise ConfigError(
        f"no network of the space {brief.space.name} within {dict(brief.limits)} was found in "
        f"{MAX_CLIMBS} climbs; raise the limits (conf/target) or widen the space (conf/space)"
    )


def _climb(brief: Brief, rng: np.random.Generator) -> AnyArchitecture:
    best = brief.space.sample(rng)
    least, most_macs = _awkwardness(best, brief), macs_excess(best, brief)
    for _ in range(STEPS):
        if least[:2] == (0, 0) and least[2] < NEAR:
            break
        changed = brief.space.mutate(best, rng)
        if (
            macs_excess(changed, brief) > most_macs
        ):  # known in a fraction of the time that the rest takes
            continue
        if (awkwardness := _awkwardness(changed, brief)) <= least:
            best, least, most_macs = changed, awkwardness, macs_excess(changed, brief)
    return best


def _awkwardness(architecture: AnyArchitecture, brief: Brief) -> Awkwardness:
    known = estimate_on(architecture, brief.num_classes, brief.platform).quantities()
    shares = [known[name] / limit for name, limit in brief.limits.items()]
    over = sum(share - 1 for share in shares if share > 1)
    return over, _broken_habits(architecture), abs(max(shares, default=ROOM) - ROOM)


def _broken_habits(architecture: AnyArchitecture) -> int:
    if (network := architecture.network) is None:
        return 0
    stages = network.stages
    narrower = sum(after.channels < before.channels for before, after in pairwise(stages))
    mixed = sum(after.activation != before.activation for before, after in pairwise(stages))
    long = sum(stage.layers > USUAL_LAYERS for stage in stages)
    large = max(feature_operators(network)[-1].out_shape[1:]) > LAST_PIXELS
    return narrower + mixed + long + large
