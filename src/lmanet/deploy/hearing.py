"""A deployed network gets its senses: the front end of audio in its firmware, and what that takes;
or the stream of a sensor's signals.
"""

import importlib.util
from pathlib import Path

from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.firmware import NETWORK
from lmanet.deploy.write.moments import write_moments
from lmanet.deploy.write.sound import check_noise, sound_check, write_sound
from lmanet.run.measurement import Hearing
from lmanet.run.results import Deployed
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.sound.host import HostFrontEnd
from lmanet.steps import Sensing


def give_ears(front_end: FrontEnd, graph: IntegerGraph, firmware: Path, host: HostNetwork) -> str:
    """Write the front end into a firmware; gives the text that checks it on the board.

    Args:
        graph: of the network.
        firmware: folder of `lmanet.deploy.write.firmware.write_firmware`.
        host: the network on this machine.

    Raises:
        DeployError: a hop is longer than a clip.
    """
    scale = graph.scales[graph.operators[-1].name].scale
    write_sound(firmware, firmware / NETWORK, front_end, scale)
    noise = check_noise(front_end.clip_samples)
    features = HostFrontEnd(front_end).features(noise[None])
    return sound_check(host.run_bytes(features[..., None])[0])


def feel(sensing: Sensing, graph: IntegerGraph, deployed: Deployed) -> None:
    """Write the stream of a sensor's signals into the firmware.

    Args:
        sensing: how windows are made of them.
        graph: of the network.
        deployed: whose firmware is added to; its folder is a path from here.
    """
    firmware = Path(deployed.folder) / deployed.firmware
    scale = graph.scales[graph.operators[-1].name].scale
    write_moments(firmware, firmware / NETWORK, sensing, scale)


def hear(verifier: Verifier, front_end: FrontEnd, deployed: Deployed) -> Hearing:
    """Run the front end of the firmware on the emulated core where one can.

    Args:
        verifier: whose toolchain and core.
        deployed: whose firmware listens; its folder is a path from here.

    Raises:
        DeployError: the compiler refuses the program.
    """
    network = Path(deployed.folder) / deployed.firmware / NETWORK
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
