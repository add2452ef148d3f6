"""What the ears of a deployed network take: the front end of audio in its firmware."""

import importlib.util
from pathlib import Path

from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.firmware import NETWORK
from lmanet.run.measurement import Hearing
from lmanet.run.results import Deployed
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound


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
