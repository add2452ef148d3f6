"""A deployed network gets its senses: a front end of audio or a stream of signals in its firmware,
and what that takes.
"""

import importlib.util
from pathlib import Path

from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.firmware import NETWORK
from lmanet.deploy.write.moments import write_moments
from lmanet.deploy.write.sound import write_sound
from lmanet.run.measurement import Hearing
from lmanet.run.results import Deployed
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.steps import HeardData, ImageData, SensedData


def sense(
    data: ImageData, verifier: Verifier, graph: IntegerGraph, deployed: Deployed
) -> Hearing | None:
    """Write what feeds the network with sounds or signals into its firmware; pictures have their
    camera. What it takes is known of sounds.

    Args:
        data: that the network was trained on.
        verifier: whose toolchain and core.
        graph: of the network.
        deployed: whose firmware is added to; its folder is a path from here.
    """
    if isinstance(data, HeardData):
        return hear(verifier, data.front_end, graph, deployed)
    if isinstance(data, SensedData):
        firmware = Path(deployed.folder) / deployed.firmware
        write_moments(firmware, firmware / NETWORK, data.sensing(), _logit_scale(graph))
    return None


def hear(
    verifier: Verifier, front_end: FrontEnd, graph: IntegerGraph, deployed: Deployed
) -> Hearing:
    """Write the front end into the firmware, and run it on the emulated core where one can.

    Args:
        verifier: whose toolchain and core.
        graph: of the network.
        deployed: whose firmware is added to; its folder is a path from here.

    Raises:
        DeployError: a hop is longer than a clip, or the compiler refuses the program.
    """
    firmware = Path(deployed.folder) / deployed.firmware
    network = firmware / NETWORK
    write_sound(firmware, network, front_end, _logit_scale(graph))
    estimated, measured = estimate_sound(front_end), None
    if importlib.util.find_spec("unicorn"):
        from lmanet.deploy.run.stream import EmulatedStream

        stream = EmulatedStream(network, front_end, verifier.toolchain, verifier.core)
        measured = stream.cost(deployed.measurement.measured_bss_bytes)
    return Hearing(
        estimated_ram_bytes=estimated.ram_bytes,
        estimated_flash_bytes=estimated.flash_bytes,
        estimated_frame_instructions=estimated.frame_instructions,
        measured_ram_bytes=measured.ram_bytes if measured else None,
        measured_frame_instructions=measured.frame_instructions if measured else None,
        frames_per_second=front_end.sample_rate_hz / front_end.step_samples,
        hop_frames=front_end.hop_frames,
    )


def _logit_scale(graph: IntegerGraph) -> float:
    return graph.scales[graph.operators[-1].name].scale
