"""What a file of the comparison of language models says, in Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from llm_ways import AGAINST, WAYS

from lmanet.explain.compare.statistics import Pair, compare_pairs, holm

BySeed = Mapping[str, float]


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """A row a way; then the tests, a row a way and number of trained networks."""
    ways: Mapping[str, Mapping[str, Any]] = found["ways"]
    points = sorted({int(point) for way in ways.values() for point in way["accuracy"]})
    heads = [*map(str, points), "as asked", "tokens a proposal", "s", "price a run"]
    yield f"| way | seeds | {' | '.join(heads)} |"
    yield f"|---|---:|{'---|' * (len(heads) - 3)}---:|---:|---:|"
    for way, measured in ways.items():
        cells = [spread(measured["accuracy"].get(str(point), {})) for point in points]
        seeds = max(map(len, measured["accuracy"].values()), default=0)
        yield f"| {way} | {seeds} | {' | '.join([*cells, *_spent(measured)])} |"
    yield from _test_rows(ways, points)


def answers(found: Mapping[str, Any]) -> Iterator[str]:
    """Sentences: what was left out, what feedback is worth, and how many claims are true."""
    if left_out := found.get("left_out"):
        yield f"Left out, as the server gives no probabilities of tokens: {left_out}."
    if told := found.get("feedback"):
        yield _of_feedback(told)
    if claims := found.get("claims"):
        yield _of_claims(claims)


def best_told(found: Mapping[str, Any], told: set[str]) -> str | None:
    """The way with the best mean of the last column, of those whose prompts hold no
    history without feedback; None where none was measured.
    """
    reached = {
        way: {int(point): fmean(seeds.values()) for point, seeds in each["accuracy"].items()}
        for way, each in found["ways"].items()
        if way in told and each["accuracy"]
    }
    last = max((max(points) for points in reached.values()), default=0)
    ended = {way: points[last] for way, points in reached.items() if last in points}
    return max(ended, key=lambda way: ended[way], default=None)


def spread(by_seed: BySeed) -> str:
    """Mean, and the standard deviation over seeds."""
    values = list(by_seed.values())
    if not values:
        return ""
    deviation = f" ({stdev(values):.2f})" if len(values) > 1 else ""  # one seed has none
    return f"{fmean(values):.2f}{deviation}"


def _test_rows(ways: Mapping[str, Mapping[str, Any]], points: Sequence[int]) -> Iterator[str]:
    """p after Holm's correction over all tests after equally many networks; no row where no two
    have two seeds in common.
    """
    by_point = {point: tests for point in points if (tests := _tests(ways, str(point)))}
    if not by_point:
        return
    tested = (control for tests in by_point.values() for _, control in tests)
    against = list(dict.fromkeys([*AGAINST, *tested]))
    yield ""
    yield f"| p (effect) of | networks | against {' | '.join(against)} |"
    yield f"|---|---:|{'---|' * len(against)}"
    for way in ways:
        for point, tests in by_point.items():
            cells = [_test(tests.get((way, control))) for control in against]
            if any(cells):
                yield f"| {way} | {point} | {' | '.join(cells)} |"


def _tests(ways: Mapping[str, Mapping[str, Any]], point: str) -> dict[tuple[str, str], Pair]:
    pairs: dict[tuple[str, str], Pair] = {}
    for way, measured in ways.items():
        ours = measured["accuracy"].get(point, {})
        own = WAYS[way].own_controls if way in WAYS else ()
        for control in (*AGAINST, *own) if measured["model"] else ():
            theirs = ways.get(control, {}).get("accuracy", {}).get(point, {})
            if len(ours.keys() & theirs.keys()) > 1:
                pairs[way, control] = compare_pairs({way: ours, control: theirs})[0]
    corrected = holm([pair.p for pair in pairs.values()])
    return {
        key: pair._replace(p_holm=p)
        for (key, pair), p in zip(pairs.items(), corrected, strict=True)
    }


def _test(pair: Pair | None) -> str:
    return f"{pair.p_holm:.3f} ({pair.effect:+.2f})" if pair else ""


def _spent(measured: Mapping[str, Any]) -> list[str]:
    asked = measured.get("as_asked")  # files of before do not tell
    cached = measured.get("cached_tokens_a_proposal", 0)
    prompt, completion = (
        measured[f"{part}_tokens_a_proposal"] for part in ("prompt", "completion")
    )
    price = measured["price_a_run"]
    return [
        "" if asked is None else f"{asked:.0%}",
        f"{prompt:.0f}{f' ({cached:.0f} cached)' if cached else ''} + {completion:.0f}",
        f"{measured['seconds_a_proposal']:.1f}",
        "" if price is None else f"{price:.4f}",
    ]


def _of_feedback(told: Mapping[str, Any]) -> str:
    results = {name: told[name] for name in ("with", "without")}
    test = ""
    if len(told["with"].keys() & told["without"].keys()) > 1:
        pair = compare_pairs(results)[0]
        test = f", p {pair.p:.3f} (effect {pair.effect:+.2f})"
    return (
        f"Feedback against none, by `{told['way']}`, the best way that it can be taken from: "
        f"{spread(told['with'])} % against {spread(told['without'])} %{test}, after "
        f"{told['networks']} networks, {len(told['with'])} seeds on which the way was not chosen."
    )


def _of_claims(claims: Mapping[str, Any]) -> str:
    known = claims["true"] + claims["false"]
    proposals = f"{claims['proposals']} proposals of {len(claims['seeds'])} seeds"
    if not known:
        return f"No claim in {proposals} could be told true or false."
    low, high = claims["interval"]
    form = ""
    if claims["chance"] is not None:
        form = (
            f" Of those on a network's form {claims['form_rate']:.1%} are true, and "
            f"{claims['chance']:.1%} would be of the run's other networks."
        )
    return (
        f"Claims: {claims['true']} of {known} are true, {claims['true'] / known:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}), in {proposals}, at "
        f"{claims['completion_tokens_a_proposal']:.0f} completion tokens a proposal.{form}"
    )
