"""A text that is counted line by line is the one that would be counted whole."""

from hypothesis import given
from hypothesis import strategies as st

from lmanet.feedback.sections import Section, fit
from lmanet.tokens import count_tokens

LINE = st.text(alphabet="abcdeXY 01{}\n.é", max_size=30)
SECTIONS = st.lists(
    st.builds(Section, LINE, st.lists(LINE, max_size=5).map(tuple), st.integers(0, 9)), max_size=5
)


def whole(sections: list[Section], max_tokens: int) -> str:
    """The definition: a line is kept where the whole text with it fits."""

    def text(kept: list[int]) -> str:
        blocks = [
            "\n".join((section.title, *section.lines[:number]))
            for section, number in zip(sections, kept, strict=True)
            if number
        ]
        left = sum(len(section.lines) for section in sections) - sum(kept)
        lines = f"({left} line{'s' if left > 1 else ''} left out to save room)"
        return "\n\n".join([*blocks, *([lines] if left else [])])

    kept, full = [0] * len(sections), set()
    places = sorted(
        (place, section.rank, i)
        for i, section in enumerate(sections)
        for place in range(len(section.lines))
    )
    for _, _, i in places:
        if i not in full:
            kept[i] += 1
            if count_tokens(text(kept)) > max_tokens:
                kept[i] -= 1
                full.add(i)
    return text(kept)


@given(sections=SECTIONS, max_tokens=st.integers(0, 200))
def test_lines_counted_apart_fit_as_a_text_counted_whole(sections, max_tokens):
    assert fit(sections, max_tokens) == whole(sections, max_tokens)


@given(st.text(), st.text())
def test_lines_can_be_counted_apart(first, second):
    assert count_tokens(f"{first}\n{second}") == count_tokens(first) + 1 + count_tokens(second)
