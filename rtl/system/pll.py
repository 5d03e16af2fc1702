"""The ECP5's phase-locked loop, EHXPLLL, within Lattice's limits (FPGA-DS-02012, sysCLOCK PLL timing).

Its first output, fed back, is as fast as the divided reference, so the oscillator runs ``oscillator_divider`` times as
fast; its second output is the clock: reference / input_divider * oscillator_divider / output_divider.
"""

from dataclasses import dataclass

from amaranth import Const, Instance, Signal

from codesign.errors import CodesignError

__all__ = ["Pll", "pll_for", "pll_instance"]

DETECTOR_HZ = (10_000_000, 400_000_000)  # of the divided reference
OSCILLATOR_HZ = (400_000_000, 800_000_000)
CLOCK_HZ = (3_125_000, 400_000_000)
DIVIDERS = range(1, 129)
UNUSED = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG", "PLLWAKESYNC", "ENCLKOP",
          "ENCLKOS", "ENCLKOS2", "ENCLKOS3")


@dataclass(frozen=True, kw_only=True)
class Pll:
    """The dividers that make ``clock_hz`` of ``reference_hz``."""

    reference_hz: int
    clock_hz: int
    input_divider: int
    oscillator_divider: int
    output_divider: int


def _within(hz: float, limits: tuple[int, int]) -> bool:
    return limits[0] <= hz <= limits[1]


def _reachable(reference_hz: int) -> dict[int, Pll]:
    """By clocks in whole hertz, the best way to make them: the fastest detector, then the slowest oscillator."""
    found: dict[int, Pll] = {}
    for i in DIVIDERS:
        for o in DIVIDERS:
            if not (_within(reference_hz / i, DETECTOR_HZ) and _within(reference_hz / i * o, OSCILLATOR_HZ)):
                continue
            for d in DIVIDERS:
                hz, rest = divmod(reference_hz * o, i * d)
                if rest == 0 and _within(hz, CLOCK_HZ):
                    found.setdefault(hz, Pll(reference_hz=reference_hz, clock_hz=hz, input_divider=i,
                                             oscillator_divider=o, output_divider=d))
    return found


def pll_for(reference_hz: int, clock_hz: int) -> Pll:
    """How to make ``clock_hz`` of ``reference_hz``. Raises :class:`CodesignError` naming the nearest that can be made.
    """
    there = _reachable(reference_hz)
    if clock_hz in there:
        return there[clock_hz]
    near = [*sorted(hz for hz in there if hz < clock_hz)[-1:], *sorted(hz for hz in there if hz > clock_hz)[:1]]
    raise CodesignError(f"Clock must be one that the PLL makes of {reference_hz} Hz (nearest: "
                        f"{' and '.join(f'{hz} Hz' for hz in near) or 'none'}), not {clock_hz} Hz")


def pll_instance(pll: Pll, reference: Signal, clock: Signal, locked: Signal) -> Instance:
    """The PLL, from ``reference`` to ``clock``; ``locked`` is high while that is as it should be."""
    feedback = Signal()
    return Instance(
        "EHXPLLL",
        p_CLKI_DIV=pll.input_divider, p_CLKFB_DIV=1, p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=pll.oscillator_divider, p_CLKOP_CPHASE=pll.oscillator_divider - 1,
        p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=pll.output_divider, p_CLKOS_CPHASE=pll.output_divider - 1,
        # As Lattice's tools set the analogue part at these frequencies; Project Trellis' ecppll has the same.
        a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
        i_CLKI=reference, i_CLKFB=feedback, o_CLKOP=feedback, o_CLKOS=clock, o_LOCK=locked,
        **{f"i_{name}": Const(0, 1) for name in UNUSED})
