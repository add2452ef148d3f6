"""Integer graph -> a folder of self-contained C: the kernels as they are, and one file of constants
and calls.
"""

from pathlib import Path
from shutil import copyfile

import numpy as np

from lmanet.cost.c_runtime.fields import MOST_BYTES, SIZE
from lmanet.cost.c_runtime.plan import CStaticOptions, CStaticPlan, plan_c_static
from lmanet.cost.c_runtime.steps import Step
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.int8.layers import Layers
from lmanet.deploy.run.toolchain import SUPPORT
from lmanet.deploy.write.chooser import declared, defined
from lmanet.deploy.write.names import c_string
from lmanet.errors import DeployError
from lmanet.network.operators import INPUT, c_kernel

KERNELS = (
    "lmanet_kernels.h",
    "lmanet_inner.h",
    "lmanet_kernels.c",
    "lmanet_multiply.c",
    "lmanet_depthwise.c",
)
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def write_program(
    graph: IntegerGraph, folder: Path, options: CStaticOptions | None = None
) -> CStaticPlan:
    """Write ``network.h``, ``network.c`` and the kernels; gives the plan of the arena.

    Raises:
        DeployError: the graph asks of the kernels what they cannot do.
    """
    plan = plan_c_static(graph.operators, options)
    _check(graph, plan)
    folder.mkdir(parents=True, exist_ok=True)
    for name in KERNELS:
        copyfile(SUPPORT / name, folder / name)
    (folder / "network.h").write_text(_header(graph, plan), encoding="utf-8")
    (folder / "network.c").write_text(_source(graph, plan), encoding="utf-8")
    return plan


def _check(graph: IntegerGraph, plan: CStaticPlan) -> None:
    if plan.arena_bytes > MOST_BYTES:
        layer = plan.steps[plan.step_bytes.index(max(plan.step_bytes))].output
        raise DeployError(
            f"{layer}: the arena takes {plan.arena_bytes} bytes, and the generated C holds at most "
            f"{MOST_BYTES}; {SIZE}"
        )
    if len(graph.mean) != (inputs := graph.operators[0].in_shape[0]):
        raise DeployError(
            f"the normalisation has {len(graph.mean)} channels, and the input has {inputs}; each "
            "channel needs one mean and one deviation"
        )
    if len(graph.labels) != (outputs := graph.operators[-1].out_shape[0]):
        raise DeployError(
            f"{len(graph.labels)} names of classes were given for {outputs} logits; each logit "
            "needs one name"
        )


def _header(graph: IntegerGraph, plan: CStaticPlan) -> str:
    channels, height, width = graph.operators[0].in_shape
    source, result = graph.scales[INPUT], graph.scales[graph.operators[-1].name]
    return f"""{LICENCE}
#ifndef LMANET_NETWORK_H
#define LMANET_NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* The image: {height} x {width} x {channels} int8, rows of pixels; real = {source.scale:.9g} * (value - {source.zero_point}) */
#define LMANET_INPUT_HEIGHT {height}
#define LMANET_INPUT_WIDTH {width}
#define LMANET_INPUT_BYTES {channels * height * width}
/* One int8 a class; real = {result.scale:.9g} * (value - {result.zero_point}) */
#define LMANET_OUTPUT_BYTES {graph.operators[-1].out_shape[0]}
/* All memory of the network but the stack. */
#define LMANET_ARENA_BYTES {plan.arena_bytes}
#define LMANET_NUM_STEPS {len(plan.steps)}

extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps; /* for tools that read the ELF */
extern const int8_t lmanet_input_table[{channels}][256]; /* {_bytes(channels)} -> value of the image */
/* Name of the class of each logit, in UTF-8. In their order:
{_listed(graph)} */
extern const char *const lmanet_classes[LMANET_OUTPUT_BYTES];

int8_t *lmanet_input(void);        /* where the image goes, before each run: the network works in its place */
const int8_t *lmanet_output(void); /* valid until the next image is written */
void lmanet_run(void);
void lmanet_step(int step); /* one kernel call of lmanet_run */
{declared(graph.thresholds)}
#ifdef __cplusplus
}}
#endif

#endif
"""


def _source(graph: IntegerGraph, plan: CStaticPlan) -> str:
    layers = Layers(graph)
    calls = [
        f"    case {number}: {_call(layers, plan, number, step)} break;"
        for number, step in enumerate(plan.steps)
    ]
    steps = "\n".join(calls)
    return f"""{LICENCE}#include "network.h"

#include "lmanet_kernels.h"

static int8_t arena[LMANET_ARENA_BYTES] __attribute__((aligned(16)));

const int lmanet_input_bytes = LMANET_INPUT_BYTES, lmanet_output_bytes = LMANET_OUTPUT_BYTES;
const int lmanet_arena_bytes = LMANET_ARENA_BYTES, lmanet_num_steps = LMANET_NUM_STEPS;

{layers.text}
const int8_t lmanet_input_table[{len(graph.mean)}][256] = {{
{_input_table(graph)}}};

const char *const lmanet_classes[LMANET_OUTPUT_BYTES] = {{
{_names(graph)}}};

int8_t *lmanet_input(void) {{ return arena + {plan.offsets[INPUT]}; }}

const int8_t *lmanet_output(void) {{ return arena + {plan.offsets[graph.operators[-1].name]}; }}

void lmanet_step(int step) {{
    switch (step) {{
{steps}
    }}
}}

void lmanet_run(void) {{
    for (int step = 0; step < LMANET_NUM_STEPS; step++) lmanet_step(step);
}}
{defined(graph.thresholds, graph.labels)}"""


def _call(layers: Layers, plan: CStaticPlan, number: int, step: Step) -> str:
    layer = layers.define(number, step)
    inputs = [f"arena + {plan.offsets[name]}" for name in step.inputs]
    arguments = [f"&{layer}", *inputs, f"arena + {plan.offsets[step.output]}"]
    kernel = None if step.rows or step.pixels else c_kernel(step.operators[0])
    if kernel is None or kernel.scratch_bytes:
        arguments.append(f"arena + {plan.scratch_offsets[number]}")
    if kernel and kernel.takes_size:
        arguments.append(str(step.output_bytes))
    return f"lm_{layers.kind(step)}({', '.join(arguments)}); /* {step.output} */"


def _bytes(channels: int) -> str:
    """What a byte of each channel is."""
    return {1: "grey byte", 3: "red, green, blue byte"}.get(channels, "byte of each channel")


def _input_table(graph: IntegerGraph) -> str:
    scale = graph.scales[INPUT]
    real = (np.arange(256) / 255 - np.array(graph.mean)[:, None]) / np.array(graph.std)[:, None]
    table = np.clip(np.round(real / scale.scale + scale.zero_point), -128, 127).astype(int)
    return "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in table)


def _listed(graph: IntegerGraph) -> str:
    return "\n".join(f" *   {logit} {c_string(label)}" for logit, label in enumerate(graph.labels))


def _names(graph: IntegerGraph) -> str:
    return "".join(f"    {c_string(label)},\n" for label in graph.labels)
