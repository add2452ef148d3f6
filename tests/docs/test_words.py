"""The pages are short and plain: their sentences are counted."""

import re
import statistics
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).parents[2]
# Results hold figures, and an example holds what a run wrote.
OTHERS = ("docs/results.md", "docs/example/report.md", "docs/example/motion/report.md")
PAGES = [page for page in pages.PAGES if page not in OTHERS]
MOST_WORDS = 25
MEDIAN_WORDS = 15
MOST_CHARACTERS = 100
README_LINES = 87  # the table of cores and boards is ten of them


def _length(sentence: str) -> int:
    return len(re.findall(r"\S*\w\S*", sentence))


def test_a_sentence_ends_at_its_full_stop_and_code_is_one_word(sentences):
    text = """# A heading. Not counted.

One two
three. Four `five six` seven: eight.

- nine ten
- eleven [twelve thirteen](page.md)

| a table | is none |

```
python run.py never.counted
```
Last one!
"""
    assert [_length(sentence) for sentence in sentences(text)] == [3, 4, 2, 3, 2]


@pytest.mark.parametrize("page", PAGES)
def test_no_sentence_of_a_page_is_long(page, read, sentences):
    long = [each for each in sentences(read(page)) if _length(each) > MOST_WORDS]
    assert not long, f"{page}: more than {MOST_WORDS} words"


@pytest.mark.parametrize("page", PAGES)
def test_no_line_of_prose_is_wide(page, read):
    lines = re.sub(r"```.*?```", "", read(page), flags=re.DOTALL).splitlines()
    assert not [line for line in lines if len(line) > MOST_CHARACTERS and line[0] != "|"]


def test_most_sentences_of_the_readme_are_short(read, sentences):
    lengths = [_length(each) for each in sentences(read("README.md"))]
    assert len(lengths) > 20
    assert statistics.median(lengths) <= MEDIAN_WORDS


def test_the_readme_is_a_screen_and_a_half(read):
    assert len(read("README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize(
    "word", ["front", "hypervolume", "niche", "rung", "mini-training", "run", "halving"]
)
def test_the_words_that_new_users_lack_are_explained(word, read):
    assert f"| {word} |" in read("docs/reference/words.md")


def test_the_signs_of_the_command_line_are_explained(read):
    page = read("docs/reference/commands.md")
    assert all(f"| `{form}" in page for form in ("+group=", "++group.", "~group."))
