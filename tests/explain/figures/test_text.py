"""Text of a model, a tool or a data set in a figure is text, and a page stays small."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lmanet.claims.kinds import DownsamplesEarly, Rationale
from lmanet.explain.figures.style import hover, label

PLANTED = "<script>alert(1)</script><a href='javascript:alert(1)'>x</a><br><b>%{y}</b> & \n more"
OWN_TAGS = {"<br>", "<extra>", "</extra>"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


@pytest.fixture
def hostile(run, examined):
    """Every text of a run that comes from elsewhere is planted."""
    trials = []
    for trial in run.trials:
        why = Rationale(claims=(DownsamplesEarly(),)) if trial.architecture else None
        proposal = trial.proposal.model_copy(
            update={"proposer": f"{PLANTED}{trial.number % 2}", "rationale": why, "reply": PLANTED}
        )
        verdict = trial.verdict and trial.verdict.model_copy(
            update={
                "violations": tuple(
                    v.model_copy(update={"hint": PLANTED}) for v in trial.verdict.violations
                )
            }
        )
        trials.append(
            trial.model_copy(
                update={
                    "proposal": proposal,
                    "verdict": verdict,
                    "error": PLANTED if trial.error else None,
                }
            )
        )
    deployment = run.deployments[0]
    measured = deployment.deployed.measurement.model_copy(
        update={"kernel_instructions": {PLANTED: 7}, "emulator": PLANTED}
    )
    deployed = deployment.deployed.model_copy(update={"measurement": measured})
    return replace(
        run,
        trials=tuple(trials),
        full=tuple(network.model_copy(update={"stage": PLANTED}) for network in run.full),
        deployments=(deployment.model_copy(update={"deployed": deployed}),),
        examination=examined(run, classes=(PLANTED, "dog", PLANTED)),
    )


def test_no_text_from_elsewhere_is_markup(hostile, setting, draw):
    drawn = {name: json.loads(figure.to_json()) for name, figure in draw(hostile, setting).items()}
    assert len(drawn) > 15
    for name, figure in drawn.items():
        found = {tag for text in texts(figure) for tag in re.findall(r"<[^>]*>?", text)}
        assert found <= OWN_TAGS, name
    for name in ("verdicts", "claims", "curves", "kernels_1", "confusion"):
        assert "&lt;script&gt;" in json.dumps(drawn[name]), f"{name} does not show what was planted"


def test_no_template_holds_text_from_elsewhere(hostile, setting, draw):
    """Plotly fills in ``%{y}`` in templates alone."""
    for figure in draw(hostile, setting).values():
        for trace in figure.data:
            assert "script" not in str(trace.hovertemplate)


def test_hover_text_is_broken_into_lines_that_a_phone_shows():
    lines = hover("macs is 7,000,000, allowed are 6,000,000: take fewer channels, " * 5).split(
        "<br>"
    )
    assert 1 < len(lines) < 6 and all(len(line) <= 42 for line in lines)
    assert hover("a < b & c") == "a &lt; b &amp; c"


def test_labels_are_short():
    assert label("Staffordshire bull terrier, an English dog") == "Staffordshire bull terr…"
    assert label("dog") == "dog"


def test_the_figures_of_five_hundred_trials_are_small(run, setting, draw):
    many = [
        run.trials[place % len(run.trials)].model_copy(update={"number": place})
        for place in range(500)
    ]
    drawn = draw(replace(run, trials=tuple(many)), setting)
    assert sum(len(figure.to_json()) for figure in drawn.values()) < 300_000
