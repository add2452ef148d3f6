"""What is said before a run: what was found, what was chosen and why, and how long it will take."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from lmanet.app.plan.choices import Choice, Facts
from lmanet.app.plan.clock import Forecast
from lmanet.data.faults import FEW, resolution_of
from lmanet.data.survey import Found

WIDTH = 80
NAMES = 6  # classes that are named
GREY = 0.99  # share of the pictures above which all count as grey


def told(
    found: Found,
    chosen: Sequence[Choice],
    facts: Facts,
    measured: Forecast | None,
    lacking: str,
) -> str:
    """The whole text, at most 80 columns wide but for long values.

    Args:
        chosen: settings that were not typed.
        measured: seconds of the parts; None where nothing could be timed.
        lacking: why there is no teacher; empty where there is one.
    """
    blocks = [
        ("Found", [*_found(found, facts, lacking), *_noise(measured, found)]),
        ("Chosen, as nothing else was typed", [*_chosen(chosen), *_beginning(facts, lacking)]),
        ("Takes", _takes(measured)),
    ]
    return "\n".join(f"{title}\n" + "\n".join(lines) for title, lines in blocks) + "\n"


def _found(found: Found, facts: Facts, lacking: str) -> Iterator[str]:
    total = f"{sum(found.parts.values()):,} of {len(found.counts)} classes"
    yield from _line("pictures", f"{total}; to train and validate {_each(found)}")
    if found.unlabelled:
        use = "not used, as there is no teacher" if lacking else "for teacher and student"
        yield from _line("no label", f"{found.unlabelled:,} more, {use}")
    own = " and ".join(found.given) or "none"
    yield from _line(
        "parts",
        f"{found.parts['train']:,} to train, {found.parts['val']:,} to validate, "
        f"{found.parts['test']:,} for test (own folders: {own})",
    )
    colour = "all are grey" if found.grey >= GREY else f"{found.grey:.0%} are grey"
    smallest, median, largest = found.sides
    yield from _line(
        "sizes",
        f"shorter sides {smallest} to {largest} pixels, median {median}; {colour}; "
        f"{found.looked_at:,} looked at, all can be read",
    )
    if found.grey >= GREY and facts.channels > 1:
        yield from _line(
            "note",
            "data.channels=1 makes a network for a grey camera, at less cost; it goes without the "
            "teacher, who reads colours",
        )
    for notice in found.notices:
        yield from _line("note", notice.text)


def _each(found: Found) -> str:
    """Pictures of each class, or of the smallest and the largest of many, and their ratio."""
    most, least = found.counts[found.largest], found.counts[found.smallest]
    if len(found.counts) <= NAMES:
        told = ", ".join(f"{name} {count:,}" for name, count in found.counts.items())
    else:
        names = ", ".join(list(found.counts)[:NAMES])
        told = f"{least:,} ({found.smallest}) to {most:,} ({found.largest}) each ({names}, ...)"
    if most > least:
        told += f"; the largest class has {most / max(1, least):.1f} times the smallest"
    return told


def _noise(measured: Forecast | None, found: Found) -> Iterator[str]:
    if measured and measured.folds > 1:
        pictures = sum(found.counts.values())
        yield from _line(
            "noise",
            f"{measured.folds}-fold validation on {pictures} pictures: differences below "
            f"{100 * resolution_of(pictures):.0f} points mean nothing in the search",
        )
    elif found.parts["val"] >= FEW:
        pictures = found.parts["val"]
        yield from _line(
            "noise",
            f"{pictures:,} validation pictures: differences below "
            f"{100 * resolution_of(pictures):.1f} points mean nothing",
        )


def _chosen(chosen: Sequence[Choice]) -> Iterator[str]:
    """Settings with one reason stand together."""
    for place, choice in enumerate(chosen):
        yield f"  {choice.setting}={choice.value}"
        if place + 1 == len(chosen) or chosen[place + 1].why != choice.why:
            yield from (f"      {line}" for line in wrap(choice.why, WIDTH - 6))


def _beginning(facts: Facts, lacking: str) -> Iterator[str]:
    if facts.donor is None:
        yield from _line("donor", "none is shipped with this version: networks begin from nothing")
    if lacking:
        yield from _line("teacher", f"none: {lacking}")


def _takes(measured: Forecast | None) -> Iterator[str]:
    if measured is None:
        yield "  unknown: no legal network was drawn that could be timed"
        return
    parts = {
        f"search of {measured.candidates} networks": measured.search,
        "training of the best": measured.training,
        "teacher and distillation": measured.teaching,
        "deployment and report": measured.rest,
    }
    shown = ", ".join(f"{name} {_minutes(each)}" for name, each in parts.items() if each)
    yield from _line("about", f"{_minutes(sum(parts.values()))} in all: {shown}")
    yield from _line("by", "timing a few steps on this machine, as it is now")


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min"


def _line(name: str, text: str) -> list[str]:
    first, *rest = wrap(text, WIDTH - 12) or [""]
    return [f"  {name:<10}{first}", *(f"{'':12}{line}" for line in rest)]
