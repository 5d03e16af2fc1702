import pytest

from codesign.resources import Coefficients, Component, Resources, coefficients, estimate_resources
from codesign.sim.calibrate import Sample, _fit, draw, relative_errors
from codesign.sim.synthesis import synthesize

TRUTH = {
    "lut": {"array": {"elements": 9.0, "sum_bits": 2.5, "wide_elements": 4.0}, "rows": {"rows": 40.0},
            "columns": {"columns": 300.0, "accumulator_bits": 7.0}, "control": {"once": 3000.0, "bus_bits": 5.0}},
    "ff": {"array": {"sum_bits": 1.5}, "rows": {"rows": 50.0, "row_address_bits": 3.0}, "columns": {"columns": 250.0},
           "control": {"once": 2200.0, "weight_delays": 1.0}},
}


def test_drawn_accelerators():
    drawn = draw("ecp5", 40, 1)
    assert drawn == draw("ecp5", 40, 1) and drawn[:3] == draw("ecp5", 3, 1) and drawn != draw("ecp5", 40, 2)
    assert len({c.digest() for c in drawn}) == 40
    assert {c.rows for c in drawn} >= {4, 16} and max(c.rows for c in draw("xcup", 40, 1)) > 20


@pytest.mark.parametrize("hierarchy", [True, False])
@pytest.mark.parametrize("family", ["ecp5", "xcup"])
def test_a_known_model_is_found_again(family, hierarchy):
    """From whole accelerators and their repeated modules, or from every module's own share."""
    truth = Coefficients(family=family, made={}, **TRUTH)

    def sample(config):
        estimate = estimate_resources(config, family, truth)
        parts = {c.name: {"lut": c.lut, "ff": c.ff} for c in estimate.components if hierarchy or c.name != "control"}
        return Sample(config=config, whole=estimate, parts=parts)

    samples = [sample(config) for config in draw(family, 10, 1)]
    found = Coefficients(family=family, made={}, lut=_fit("lut", samples), ff=_fit("ff", samples))
    for config in draw(family, 20, 2):
        errors = relative_errors(config, estimate_resources(config, family, truth), found)
        assert abs(errors["lut"]) < 0.01 and abs(errors["ff"]) < 0.01 and errors["dsp"] == errors["bram18"] == 0


def test_errors_are_of_the_estimate():
    (config,) = draw("ecp5", 1, 3)
    estimate = estimate_resources(config, "ecp5")
    double = Resources("ecp5", (Component("all", lut=2 * estimate.lut, ff=estimate.ff, dsp=estimate.dsp + 1,
                                          bram18=estimate.bram18),), method="synthesis")
    errors = relative_errors(config, double, coefficients("ecp5"))
    assert errors == {"lut": -0.5, "ff": 0.0, "dsp": -1, "bram18": 0}


@pytest.mark.parametrize("family", ["ecp5", "xcup"])
def test_the_shipped_model_was_within_bounds(family):
    """On accelerators that were not used for the fit, as the file says; the next test synthesizes others."""
    made = coefficients(family).made
    assert made["held_out"] >= 1 and 0 < made["held_out_lut_error"] <= 0.1 and made["fitted"] >= 1


@pytest.mark.synth
@pytest.mark.parametrize("family", ["ecp5", "xcup"])
def test_estimates_against_fresh_syntheses(family):
    """Accelerators drawn for this test alone: look-up tables within 10 %, block RAMs and multipliers exact."""
    for config in draw(family, 4, 1234):
        errors = relative_errors(config, synthesize(config, family), coefficients(family))
        assert abs(errors["lut"]) <= 0.1, (config, errors)
        assert errors["dsp"] == errors["bram18"] == 0, (config, errors)
