"""A deployed network gets its ears: the front end of audio in its firmware, and what that takes."""

import importlib.util
from pathlib import Path

from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.firmware import NETWORK
from lmanet.deploy.write.sound import write_sound
from lmanet.run.measurement import Hearing
from lmanet.run.results import Deployed
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound


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
    write_sound(firmware, network, front_end, graph.scales[graph.operators[-1].name].scale)
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
