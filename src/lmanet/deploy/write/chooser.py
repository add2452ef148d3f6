"""C that chooses a class by thresholds: of networks that have some."""

from collections.abc import Sequence

from lmanet.deploy.write.names import c_string
from lmanet.run.results import FirmwareThresholds


def declared(thresholds: FirmwareThresholds | None) -> str:
    """For the network's header; nothing without thresholds."""
    if thresholds is None:
        return ""
    return f"""
/* Thresholds by class, fitted on {thresholds.val_images} validation images: something is added to
 * each logit, and the largest sum is taken, of equal ones the first. Where it leads the second by
 * less than its class asks for, the network is unsure. */
#define LMANET_UNSURE (-1)
int lmanet_class(void); /* of lmanet_output(): the number of a class, or LMANET_UNSURE */
"""


def defined(thresholds: FirmwareThresholds | None, labels: Sequence[str]) -> str:
    """For the network's source; nothing without thresholds."""
    if thresholds is None:
        return ""
    return f"""
/* In steps of the logits. */
static const int16_t added[LMANET_OUTPUT_BYTES] = {{
{_rows(thresholds.added, labels)}}};
static const int16_t least_lead[LMANET_OUTPUT_BYTES] = {{
{_rows(thresholds.least_lead, labels)}}};

int lmanet_class(void) {{
    const int8_t *logits = lmanet_output();
    int best = 0, largest = logits[0] + added[0], second = -32768;
    for (int i = 1; i < LMANET_OUTPUT_BYTES; i++) {{
        const int sum = logits[i] + added[i];
        if (sum > largest) {{
            second = largest;
            largest = sum;
            best = i;
        }} else if (sum > second) {{
            second = sum;
        }}
    }}
    return largest - second < least_lead[best] ? LMANET_UNSURE : best;
}}
"""


def _rows(values: Sequence[int], labels: Sequence[str]) -> str:
    named = zip(values, labels, strict=True)
    return "".join(f"    {value}, /* {c_string(label)} */\n" for value, label in named)
