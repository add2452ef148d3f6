"""A page made by hand: three networks, two tables and two figures, with text of a model that tries
to be markup.
"""

import pytest
from plotly.graph_objects import Bar, Figure, Scatter

from lmanet.claims.check import CheckedClaim, Truth
from lmanet.claims.kinds import DownsamplesEarly, ExpectedAccuracy, WidensLate
from lmanet.explain.card import NetworkCard, PartDrawing
from lmanet.explain.page import Contents
from lmanet.explain.tables.table import Column, Table
from lmanet.run.records import Epoch

PLANTED = "</script><script>window.wasRun = true</script><img src=x onerror='window.wasRun = true'>"
FRONT = Table(
    "front",
    "The front",
    (
        Column("network", "network", "code"),
        Column("note", "note"),
        Column("macs", "MACs (M)", "millions"),
        Column("change", "change", "change"),
    ),
    (
        ("1e3", 'said "so", twice', 2_500_000, -0.25),
        ("20", "=1+1", 10_000_000, 0.5),
        ("3f", PLANTED, None, 0.0),
        ("9", "-5", 900_000, None),
    ),
)
RULES = Table("rules", "Rules", (Column("rule", "rule"),), (("keep it small",),))
CLAIMS = (
    CheckedClaim(DownsamplesEarly(), "It downsamples early", Truth.TRUE, "8x8 after two stages"),
    CheckedClaim(WidensLate(), "It widens late", Truth.FALSE, f"stage 1 is the widest {PLANTED}"),
    CheckedClaim(
        ExpectedAccuracy(expected="higher", than="parent"),
        "It beats its parent",
        Truth.UNKNOWN,
        "it has no parent",
    ),
)


def card(
    number: int, on_front: bool, val_accuracy: float, macs: int, text: str = ""
) -> NetworkCard:
    parts = (
        PartDrawing("stem", "3x3, stride 2", (8, 16, 16), macs // 4, 200, 9000, False),
        PartDrawing("stage1", "mbconv, 5x5", (32, 8, 8), macs // 2, 2000, 20000, True),
        PartDrawing("classifier", "linear", (10, 1, 1), macs // 4, 320, 100, False),
    )
    return NetworkCard(
        number=number,
        id=f"id{number}",
        on_front=on_front,
        val_accuracy=val_accuracy,
        macs=macs,
        peak_sram_bytes=20000 - number,
        flash_bytes=30000 + number,
        params=2520,
        costs=(("MACs (M)", f"{macs / 1e6:.2f}", macs / 4e6), ("parameters", "2,520", None)),
        parts=parts,
        curve=tuple(
            Epoch(
                epoch=e,
                train_loss=2.0 - e,
                val_loss=1.9 - e,
                val_accuracy=val_accuracy - 0.1 * (1 - e),
                seconds=1.0,
            )
            for e in (0, 1)
        ),
        origin="proposed by a double",
        text=text,
        claims=CLAIMS if text else (),
        architecture=f'{{"name": "{number}"}}',
        retrain=f"python run.py arch=networks/id{number}.json",
    )


CARDS = (
    card(4, True, 0.9, 3_000_000, text=f"Small & early. {PLANTED}"),
    card(1, True, 0.8, 1_000_000),
    card(122, False, 0.7, 5_000_000),
)
FIGURES = {
    "accuracy": Figure(
        [Scatter(x=[1, 2], y=[3, 4])], {"title": {"text": "Accuracy <over> time"}, "height": 300}
    ),
    "bars": Figure([Bar(x=["a"], y=[1])]),
}
TEXT = """# A run

It went *well*.

## The front

[[explorer]]

[[table:front]]

[[figure:accuracy]]

## The rest

### Rules

[[table:rules]]

[[figure:bars]]

### Rules

Said a model: \\[\\[table:front\\]\\] and &lt;b&gt; <script>window.wasRun = true</script>

<img src=x onerror="window.wasRun = true">
"""


@pytest.fixture(scope="session")
def contents() -> Contents:
    return Contents("A run <1>", TEXT, {"front": FRONT, "rules": RULES}, FIGURES, CARDS)


@pytest.fixture(scope="session")
def planted() -> str:
    return PLANTED
