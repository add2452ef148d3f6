"""Evidence: the trained networks that are most similar to a candidate, and what they reached."""

from lmanet.propose.roles.past import accuracy
from lmanet.propose.roles.task import Round
from lmanet.space import AnyArchitecture
from lmanet.space.describe import assignments
from lmanet.space.protocol import changed

MOST_CHANGES = 4  # shown of one difference; a network that differs more is no evidence


def similar_trained(given: Round, architecture: AnyArchitecture, most: int) -> str:
    """One indented line for each of at most ``most`` trained networks: its rank and accuracy, and
    the values that differ in it. Empty where none is similar.
    """
    if most < 1:
        return ""
    ranked = given.past.ranked()
    own = given.brief.space.write_choices(architecture)
    found = [
        (len(differs), rank, place.trial, differs)
        for rank, place in enumerate(ranked, 1)
        if len(differs := changed(own, given.past.choices(place.trial))) <= MOST_CHANGES
    ]
    return "".join(
        f"\n   like the network of rank {rank} of {len(ranked)}, accuracy {accuracy(trial):.3f}, "
        f"which has {assignments(differs)}"
        for _, rank, trial, differs in sorted(found, key=lambda each: each[:2])[:most]
    )
