import pytest
import torch

from codesign.train.bench import NETWORKS, compare


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_rates_and_ratios_belong_together():
    result = compare(NETWORKS[0], batch=8, rounds=1, device="cpu", turn_s=0.03)
    rates = result["images_per_s"]
    for quantizer in ("dorefa", "lsq"):
        assert result["ratio"][quantizer] == pytest.approx(rates["float"] / rates[quantizer])


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_quantization_costs_at_most_1_6_times_float_training(network):
    ratio = compare(network, batch=64, rounds=7, device="cpu")["ratio"]
    assert max(ratio.values()) <= 1.6
