"""Instructions -> milliseconds on a board, as a range: what an emulator counts is no time."""

# Placeholder until measured bounds arrive.
CYCLES_PER_INSTRUCTION = {"cortex-m7": (0.6, 1.2), "cortex-m4": (1.0, 1.6)}


def latency_ms(instructions: int, core: str, clock_mhz: int) -> tuple[float, float]:
    """Lowest and highest milliseconds of so many instructions."""
    low, high = CYCLES_PER_INSTRUCTION[core]
    return low * instructions / clock_mhz / 1e3, high * instructions / clock_mhz / 1e3
