"""A checkpoint of DiracDeltaNet's public training code as checked tensors: names, shapes and what they tell.

Names and shapes are those of its ``models/diracdeltanet.py`` (Yang et al., "Synetgy: Algorithm-hardware Co-design for
ConvNet Accelerators on Embedded FPGAs", FPGA 2019; repository Yang-YiFan/DiracDeltaNet).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .diracdeltanet import STAGE_BLOCKS
from .errors import CodesignError, require
from .layers import DIRECTIONS, MAX_CHANNELS, MAX_EXPANSION, RELEASED

__all__ = ["ReleasedTensors", "check_tensors", "read_tensors"]

WRAPPERS = ("state_dict", "net", "model")  # keys under which training scripts put a state dict
PREFIXES = ("module.", "model.")  # DataParallel and the label refinery's wrapper
ARCHIVE = b"PK\x03\x04"  # what torch.save writes: a zip file, or before PyTorch 1.6 a pickle
PICKLE = b"\x80\x02"
IGNORED = "num_batches_tracked"  # a batch norm's, of newer PyTorch; decides nothing
SHOWN = 3  # names in one message
AS_STATE_DICT = ("if you trust it, and where its code can be imported, python -c \"import torch; "
                 "torch.save(torch.load('OLD', weights_only=False)['net'].state_dict(), 'NEW')\" makes one")


@dataclass(frozen=True)
class ReleasedTensors:
    """float32 arrays by published name, and the network's size worked out from them."""

    tensors: dict[str, np.ndarray]
    base: int
    expansion: int
    classes: int


def read_tensors(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The state dict in the file ``path``, without wrappers and prefixes. Nothing but tensors is unpickled.

    Raises :class:`CodesignError` where the file cannot be read or is none.
    """
    what = f"Checkpoint {os.fspath(path)!r}"
    try:
        with open(path, "rb") as file:
            begin = file.read(len(ARCHIVE))
            require(begin == ARCHIVE or begin.startswith(PICKLE),
                    f"{what} must be a state dict that torch.save wrote, not another kind of file")
            file.seek(0)
            values = torch.load(file, weights_only=True, map_location="cpu")
    except OSError as e:
        raise CodesignError(f"{what} must be readable: {e.strerror or e}") from None
    except CodesignError:
        raise
    except Exception as e:  # damaged bytes can make the unpickler fail in any way
        text = str(e)
        if "nsupported global" in text or "Unsupported class" in text or "Unsupported operand" in text:
            raise CodesignError(f"{what} must be a state dict, not pickled modules: {AS_STATE_DICT}") from None
        raise CodesignError(f"{what} must be a state dict that torch.save wrote, not a damaged file or another kind "
                            f"({type(e).__name__} at its contents)") from None
    while isinstance(values, Mapping) and not any(isinstance(v, torch.Tensor) for v in values.values()):
        inner = [values[key] for key in WRAPPERS if isinstance(values.get(key), Mapping)]
        if not inner:
            break
        values = inner[0]
    require(isinstance(values, Mapping) and len(values) > 0 and all(isinstance(key, str) for key in values),
            f"{what} must be a state dict (tensors by name), not {_kind(values)}")
    for key, value in values.items():
        require(isinstance(value, torch.Tensor), f"{what}: {key} must be a tensor, not {type(value).__name__}")
    stripped = dict(values)
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in stripped)), None):
        stripped = {key.removeprefix(prefix): value for key, value in stripped.items()}
    return stripped


def _kind(values: Any) -> str:
    if isinstance(values, Mapping):
        return f"a mapping of {', '.join(str(key)[:40] for key in list(values)[:SHOWN]) or 'nothing'}"
    return type(values).__name__


def check_tensors(tensors: Mapping[str, torch.Tensor]) -> ReleasedTensors:
    """Check that ``tensors`` are a whole DiracDeltaNet: every name, shape and type, finite values, shift patterns.

    Raises :class:`CodesignError` naming the tensor.
    """
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(IGNORED)}
    base, expansion, classes = _size(tensors)
    wanted = _shapes(base, expansion, classes)
    _refuse("lack", [name for name in wanted if name not in tensors])
    _refuse("have tensors of another network:", [name for name in tensors if name not in wanted])
    arrays = {}
    for name, shape in wanted.items():
        tensor = tensors[name]
        require(tuple(tensor.shape) == shape, f"Tensor {name} must have shape {shape}, not {tuple(tensor.shape)}")
        require(tensor.layout == torch.strided and tensor.is_floating_point() and not tensor.is_quantized,
                f"Tensor {name} must be floating-point numbers, not {tensor.dtype} of layout {tensor.layout}")
        arrays[name] = tensor.detach().to(torch.float32).contiguous().numpy()
        require(bool(np.isfinite(arrays[name]).all()), f"Tensor {name} must be finite")
        if name.endswith("running_var"):
            require(bool((arrays[name] >= 0).all()), f"Tensor {name} must be at least 0, not {arrays[name].min()}")
        elif name.endswith("scale_coef"):
            require(bool((arrays[name] != 0).all()), f"Tensor {name} must not be 0 (it is a clip)")
        elif name.endswith("kernel"):
            require(np.array_equal(arrays[name], _shift_kernel(shape[0])),
                    f"Tensor {name} must be the one-hot kernels {', '.join(RELEASED)} in turn")
    return ReleasedTensors(arrays, base, expansion, classes)


def _refuse(rule: str, names: list[str]) -> None:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    require(not names, f"Checkpoint must not {rule} {', '.join(names[:SHOWN])}{more}")


def _size(tensors: Mapping[str, torch.Tensor]) -> tuple[int, int, int]:
    """Base channels, expansion, classes."""
    telling = {"layer1.0.conv1.weight": 4, "layer1.0.conv3.weight": 4, "linear.weight": 2}
    _refuse("lack", [name for name in telling if name not in tensors])
    for name, dimensions in telling.items():
        require(tensors[name].dim() == dimensions and min(tensors[name].shape) >= 1,
                f"Tensor {name} must have {dimensions} dimensions, not shape {tuple(tensors[name].shape)}")
    middle, half, classes = (tensors[name].shape[0] for name in telling)
    # Released code moves the last n - floor(3n/4) channels of a stage to the front: a quarter only of multiples of 4.
    require(half % 2 == 0 and 8 * half <= MAX_CHANNELS,
            f"Base channels (twice the rows of layer1.0.conv3.weight) must be a multiple of 4 up to "
            f"{MAX_CHANNELS // 4}, not {2 * half}")
    require(middle % half == 0 and middle // half <= MAX_EXPANSION,
            f"Tensor layer1.0.conv1.weight must have 1..{MAX_EXPANSION} times the {half} rows of "
            f"layer1.0.conv3.weight, not {middle}")
    require(classes <= MAX_CHANNELS, f"Classes must be at most {MAX_CHANNELS}, not {classes}")
    return 2 * half, middle // half, classes


def _shapes(base: int, expansion: int, classes: int) -> dict[str, tuple[int, ...]]:
    """Every tensor of the published network."""
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(weight: str, norm: str, m: int, k: int) -> None:
        shapes[f"{weight}.weight"] = (m, k, 1, 1)
        for field in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{field}"] = (m,)

    convolution("conv1", "bn1", 32, 3)
    convolution("conv2", "bn2", 64, 32)
    shapes.update({"quant_act1.scale_coef": (1,), "quant_act2.scale_coef": (1,), "quant_act3.scale_coef": (1,),
                   "shift1.kernel": (32, 1, 3, 3), "shift2.kernel": (64, 1, 3, 3)})
    channels = 64
    for stage, blocks in enumerate(STAGE_BLOCKS):
        half = (base << stage) // 2
        for block in range(blocks):
            name, middle = f"layer{stage + 1}.{block}", expansion * half
            k = channels if block == 0 and stage > 0 else channels // 2
            convolution(f"{name}.conv1", f"{name}.bn1", middle, k)
            convolution(f"{name}.conv3", f"{name}.bn3", half, middle)
            if block == 0:
                convolution(f"{name}.shortcut.0", f"{name}.shortcut.1", half, k)
            shapes |= {f"{name}.quant_act1.scale_coef": (1,), f"{name}.quant_act2.scale_coef": (1,),
                       f"{name}.shift2.kernel": (middle, 1, 3, 3)}
            channels = 2 * half
    convolution("conv3", "bn3", 1024, channels)
    return shapes | {"linear.weight": (classes, 1024), "linear.bias": (classes,)}


def _shift_kernel(channels: int) -> np.ndarray:
    kernel = np.zeros((channels, 1, 3, 3), np.float32)
    for channel in range(channels):
        dx, dy = DIRECTIONS[RELEASED[channel % len(RELEASED)]]
        kernel[channel, 0, 1 + dy, 1 + dx] = 1
    return kernel
