"""Strategist: every few rounds the model digests the history into a short note, which every later
request shows.
"""

from statistics import fmean

from lmanet.errors import ConfigError
from lmanet.propose.llm.prompt import render
from lmanet.propose.roles.figures import cost_text
from lmanet.propose.roles.past import Past, accuracy
from lmanet.propose.roles.task import Round
from lmanet.run.records import Trial
from lmanet.tokens import clip_tokens

SHOWN = 3  # networks of either end
EFFECTS = 8  # choices whose values are compared
FEW = 2  # trained networks with a value, at least


class Strategist:
    """Decides when a note is due and what it is written from.

    Args:
        every: trained networks between two notes; 0 is no note ever.
        max_tokens: of a note; what is longer is cut.
    """

    def __init__(self, every: int, max_tokens: int) -> None:
        if every < 0 or max_tokens < 1:
            raise ConfigError(
                f"propose.team.strategist: every={every} must be at least 0 and "
                f"max_tokens={max_tokens} at least 1"
            )
        self.every = every
        self.max_tokens = max_tokens

    def is_due(self, past: Past) -> bool:
        """Whether ``every`` networks have been trained since the last note."""
        return 0 < self.every <= past.eligible_since_note

    def question(self, given: Round) -> str:
        """The end of the prompt that asks for a note."""
        return render("strategist", **figures(given), words=str(self.max_tokens // 2))

    def note(self, reply: str) -> str:
        """A reply as a note: one paragraph of at most ``max_tokens``."""
        return clip_tokens(" ".join(reply.split()), self.max_tokens)


def figures(given: Round) -> dict[str, str]:
    """What a note or rules are written from: ``best`` and ``worst`` networks, and ``effects`` of
    values on the mean accuracy.
    """
    trained = [place.trial for place in given.past.ranked()]
    best, worst = trained[:SHOWN], trained[SHOWN:][-SHOWN:]
    return {
        "best": "\n".join(_line(given, trial) for trial in best),
        "worst": _section("The least accurate ones:", [_line(given, trial) for trial in worst]),
        "effects": _section("Mean accuracy by value:", effects(given.past)),
    }


def effects(past: Past) -> list[str]:
    """Mean accuracy by value, for the choices whose values differ most in it."""
    means = {
        name: {value: fmean(found) for value, found in values.items() if len(found) >= FEW}
        for name, values in past.reached.items()
    }
    telling = sorted(
        (n for n, values in means.items() if len(values) > 1),
        key=lambda n: min(means[n].values()) - max(means[n].values()),
    )
    return [
        f"- {name}: "
        + ", ".join(
            f"{value} {mean:.3f}"
            for value, mean in sorted(means[name].items(), key=lambda pair: -pair[1])
        )
        for name in telling[:EFFECTS]
    ]


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *lines, ""]) if lines else ""


def _line(given: Round, trial: Trial) -> str:
    assert trial.architecture is not None
    costs = cost_text(trial.architecture, given.brief)
    return (
        f"- accuracy {accuracy(trial):.3f}, {costs}: "
        f"{given.brief.space.write_proposal(trial.architecture, given.form)}"
    )
