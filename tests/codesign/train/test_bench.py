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
