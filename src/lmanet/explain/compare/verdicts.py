"""The sentence that says who won, or that it cannot be told."""

from collections.abc import Collection, Sequence

from lmanet.explain.compare.statistics import FEWEST_SEEDS, SIGNIFICANCE, Pair

METHOD = f"(Wilcoxon's signed-rank test with Holm's correction; better is p < {SIGNIFICANCE}.)"
MEASURE_WORDS = {"hypervolume": "hypervolume", "accuracy": "best validation accuracy"}


def verdict(measure: str, names: Sequence[str], pairs: Sequence[Pair]) -> str:
    """Name the winner: the searcher that is told apart from each of the others and ahead of it.

    Args:
        measure: a key of `MEASURE_WORDS`.
        names: of all searchers.
        pairs: of `compare_pairs` on what they had reached.
    """
    by = f"By {MEASURE_WORDS[measure]}"
    if len(names) == 1:
        return f"{by} there is nothing to tell: only one searcher was given."
    enough = [pair for pair in pairs if pair.seeds >= FEWEST_SEEDS]
    against = {
        name: [pair if pair.first == name else pair.turned() for pair in enough if name in pair[:2]]
        for name in names
    }
    complete = [name for name in names if len(against[name]) == len(names) - 1]
    if not complete:
        return (
            f"{by} it cannot be told who is best: no searcher has {FEWEST_SEEDS} seeds in common "
            "with each of the others."
        )
    leader = max(complete, key=lambda name: sum(pair.effect for pair in against[name]))
    beaten = [pair for pair in against[leader] if pair.significant and pair.effect > 0]
    unsure = [pair for pair in against[leader] if pair not in beaten]
    if not unsure:
        return f"{by} {leader} won: {_told_apart(beaten)}. {METHOD}"
    rivals = ", ".join(
        f"{pair.second} (p = {p_value(pair.p_holm)}, {pair.seeds} seeds)" for pair in unsure
    )
    ahead = f"{leader} is ahead, but" if all(pair.effect > 0 for pair in unsure) else leader
    also = (
        f" It is better than {', '.join(pair.second for pair in beaten)}: {_told_apart(beaten)}."
        if beaten
        else ""
    )
    return (
        f"{by} it cannot be told who is best: {ahead} is not shown to be better than "
        f"{rivals}.{also} {METHOD}"
    )


def seeds_note(seeds: Sequence[Collection[int]]) -> str:
    """Whether all searchers have the same seeds.

    Args:
        seeds: of each searcher.
    """
    common = set.intersection(*map(set, seeds))
    if all(set(own) == common for own in seeds):
        return f"All searchers have the same {len(common)} seeds."
    return (
        f"The searchers have not all the same seeds ({len(common)} common to all): each pair is "
        "tested on its common seeds alone."
    )


def p_value(p: float) -> str:
    """Two digits that count."""
    return f"{p:.2g}"


def _told_apart(pairs: Sequence[Pair]) -> str:
    """The weakest of what was found, over pairs that are told apart."""
    least, seeds = min(pair.share_won for pair in pairs), min(pair.seeds for pair in pairs)
    p = p_value(max(pair.p_holm for pair in pairs))
    each = " against each" if len(pairs) > 1 else ""
    share = f"all {seeds}" if least == 1 else f"at least {least:.0%} of {seeds}"
    return f"ahead in {share} common seeds{each}, p at most {p}"
