"""Legal, untried networks to choose from: changes of what is good already, and new draws that are
led within the limits.
"""

from collections.abc import Callable, Iterator

from lmanet.propose.roles.legal import excess, is_legal, is_within, macs_excess
from lmanet.propose.roles.task import Choice, Round, parents
from lmanet.run.brief import Brief
from lmanet.space import AnyArchitecture, architecture_id, estimate_on

MAX_DRAWS = 20  # for one candidate
DESCENT_STEPS = 200
NICHE_DRAWS = 10  # of those draws, the first ones insist on the niche


def draw_candidates(given: Round, number: int, explore: float, most_parents: int) -> list[Choice]:
    """At most ``number`` distinct networks; fewer where draws run out.

    Args:
        explore: share of them that are new draws of the space; without a parent all are.
        most_parents: networks that the others are changes of.
    """
    good = [trial for trial in parents(given, most_parents) if trial.architecture]
    found: dict[str, Choice] = {}
    for _ in range(number):
        fresh = not good or given.rng.random() < explore
        parent = None if fresh else good[int(given.rng.integers(len(good)))]
        for draw in range(MAX_DRAWS):
            drawn = (
                fresh_draw(given)
                if parent is None or parent.architecture is None
                else _mutant(given, parent.architecture)
            )
            if drawn and _fits(given, drawn, found, insist=draw < NICHE_DRAWS):
                found[architecture_id(drawn)] = Choice(drawn, parent.id if parent else None)
                break
    return list(found.values())


def fresh_draw(given: Round) -> AnyArchitecture | None:
    """A uniform draw, changed one field at a time towards the limits; None where the steps do not
    lead there.
    """
    fewer_macs, _ = _descend(given.brief.space.sample(given.rng), given, macs_excess)
    drawn, left = _descend(fewer_macs, given, excess)
    return drawn if left == 0 else None


def _descend(
    drawn: AnyArchitecture, given: Round, measure: Callable[[AnyArchitecture, Brief], float]
) -> tuple[AnyArchitecture, float]:
    """Change ``drawn`` until ``measure`` is 0 or the steps are used up, never upwards; gives what
    it still measures.
    """
    best, least = drawn, measure(drawn, given.brief)
    for _ in range(DESCENT_STEPS):
        if least == 0:
            break
        changed = given.brief.space.mutate(best, given.rng)
        if (measured := measure(changed, given.brief)) <= least:
            best, least = changed, measured
    return best, least


def _mutant(given: Round, parent: AnyArchitecture) -> AnyArchitecture:
    """One change, with every second draw one more."""
    changed = parent
    for _ in range(int(given.rng.geometric(0.5))):
        changed = given.brief.space.mutate(changed, given.rng)
    return changed


def _fits(given: Round, drawn: AnyArchitecture, found: dict[str, Choice], insist: bool) -> bool:
    identity = architecture_id(drawn)
    if identity in found or identity in given.known or not is_within(drawn, given.brief):
        return False
    if not insist or given.niche is None:
        return True
    return (
        given.niche.distance(estimate_on(drawn, given.brief.num_classes, given.brief.platform)) == 0
    )


def neighbours(given: Round, parent: AnyArchitecture, most: int) -> Iterator[AnyArchitecture]:
    """Legal, untried networks one change away from ``parent``, at most
    ``most``, in random order.
    """
    around: list[AnyArchitecture] = list(given.brief.space.neighbours(parent))
    seen: set[str] = set()
    for i in given.rng.permutation(len(around)):
        if len(seen) == most:
            return
        neighbour = around[int(i)]
        identity = architecture_id(neighbour)
        legal = given.brief.space.contains(neighbour) and is_legal(
            neighbour, given.brief, given.known
        )
        if legal and identity not in seen:
            seen.add(identity)
            yield neighbour
