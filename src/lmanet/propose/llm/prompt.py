"""The text that a model is asked with: the constant opening, then feedback, then the question."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Literal, TypedDict, get_args

from lmanet.errors import ConfigError
from lmanet.propose.roles.figures import cost_text
from lmanet.run.brief import Brief
from lmanet.run.quantities import described
from lmanet.space import AnyArchitecture, Form

FOLDER = Path(__file__).parent / "prompts"
# What a correction may quote: with one token a byte at worst, a re-asked prompt stays within 8k.
MAX_QUOTED_BYTES = 2000
MAX_REASON_BYTES = 600


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["user", "assistant"]
    content: str


class Prompt:
    """Writes the messages.

    Args:
        max_attempts: requests for one proposal. Each after the first names what was wrong with the
            reply before.
        form: how a network is written, ``lines`` or ``json``; the reply is read in either.
        guidance: tell how such networks are designed well: what people know about it.
        rationale: ask why as well, in claims that are checked.
    """

    def __init__(
        self,
        max_attempts: int,
        form: Form = "lines",
        guidance: bool = True,
        rationale: bool = False,
    ) -> None:
        if max_attempts < 1:
            raise ConfigError(f"propose.prompt.max_attempts={max_attempts}: at least 1 is needed")
        if form not in get_args(Form):
            raise ConfigError(
                f"propose.prompt.form={form}: choose one of {', '.join(get_args(Form))}"
            )
        self.max_attempts = max_attempts
        self.form = form
        self.guidance = guidance
        self.rationale = rationale

    def opening(self, brief: Brief, shown: AnyArchitecture) -> str:
        """The part that all requests of a run share; a server may keep it in its prefix cache.

        Args:
            shown: the example of the form.
        """
        guidance = brief.space.guidance if self.guidance else ""
        filled = {
            "images": brief.images,
            "input": input_text(brief.space.channels, brief.space.image_sizes),
            "pixels": _pixels(brief.space.image_sizes),
            "classes": str(brief.num_classes),
            "limits": "\n".join(
                f"- {name}: at most {limit:,} {described(name).unit}"
                for name, limit in brief.limits.items()
            )
            or "- none",
            "guidance": f"{guidance}\n\n" if guidance else "",
            "space": brief.space.describe(self.form),
            "example": brief.space.write_proposal(shown, self.form),
            "example_cost": cost_text(shown, brief),
        }
        try:
            return Template(brief.space.design.strip()).substitute(filled)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"the design text of the space {brief.space.name} asks for {error}; it may ask for "
                f"{', '.join(f'${{{name}}}' for name in filled)} (SearchSpace.design)"
            ) from error

    def ask(self, *parts: str) -> list[Message]:
        """A first request: opening, what is known, question; empty parts are left out."""
        return [
            {"role": "user", "content": "\n\n".join(part.strip() for part in parts if part.strip())}
        ]

    def ask_again(self, first: Sequence[Message], reply: str, reason: str) -> list[Message]:
        """The same request once more, with the unusable reply and what was wrong with it. Of an
        empty reply only the latter: servers refuse an empty turn, and two turns of one side.
        """
        correction = render("correct", reason=_clip(reason, MAX_REASON_BYTES))
        if not reply.strip():
            *before, last = first
            return [
                *before,
                {"role": last["role"], "content": f"{last['content']}\n\n{correction}"},
            ]
        return [
            *first,
            {"role": "assistant", "content": _clip(reply, MAX_QUOTED_BYTES)},
            {"role": "user", "content": correction},
        ]


def input_text(channels: int, sizes: Sequence[tuple[int, int]]) -> str:
    """What the networks read: ``RGB, 32x32 pixels``, or ``6 channels, 100 samples``."""
    kind = {1: "one channel", 3: "RGB"}.get(channels, f"{channels} channels")
    kind = "3 channels" if channels == 3 and any(1 in size for size in sizes) else kind
    return kind + _pixels(sizes)


def _pixels(sizes: Sequence[tuple[int, int]]) -> str:
    if len(sizes) != 1:
        return ""
    height, width = sizes[0]
    if 1 in sizes[0]:
        return f", a signal of {max(sizes[0])} samples: kernels and strides go along it"
    return f", {width}x{height} pixels"


def render(name: str, **values: str) -> str:
    """The text file ``prompts/<name>.txt`` with its values."""
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip())


def _clip(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
