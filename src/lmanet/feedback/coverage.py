"""Which values of the space no proposal has used yet."""

from collections.abc import Iterator, Sequence

from lmanet.run.records import Trial
from lmanet.space import AnyArchitecture, AnySpace, Cell, CellSpace, write_choices


def untried(trials: Sequence[Trial], space: AnySpace) -> list[str]:
    """One line for every field that has values which no proposed network used, trained or not."""
    used = {
        entry
        for trial in trials
        if trial.architecture
        for entry in _entries(trial.architecture, space)
    }
    return [
        f"- {name}: {', '.join(map(str, missing))}"
        for name, values in _choices(space)
        if (missing := [value for value in values if (name, value) not in used])
    ]


def _choices(space: AnySpace) -> Iterator[tuple[str, Sequence[object]]]:
    if isinstance(space, CellSpace):
        yield from space.words().items()
        return
    yield from space.fields.items()
    yield "number of stages", space.num_stages
    for name, part in {**space.parts, "stage": space.stage}.items():
        for field, values in part.fields.items():
            yield f"{name} {field}", values


def _entries(architecture: AnyArchitecture, space: AnySpace) -> Iterator[tuple[str, object]]:
    if isinstance(architecture, Cell):
        yield from write_choices(space, architecture).items()
        return
    yield from {"resolution": architecture.resolution, "padding": architecture.padding}.items()
    yield "number of stages", len(architecture.stages)
    parts = [
        ("stem", architecture.stem),
        ("head", architecture.head),
        *(("stage", stage) for stage in architecture.stages),
    ]
    for name, part in parts:
        if part:
            yield from ((f"{name} {field}", value) for field, value in part)
