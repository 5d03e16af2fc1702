"""The integer network as QONNX: standard operators on integer-valued floats, every requantization a MultiThreshold.

Requantization is monotone in the accumulator, so per channel it *is* 15 (of 8 bits: 255) integer thresholds, exactly.
Whoever executes the file, such as the ``qonnx`` package, gets the accelerator's logits bit for bit. MultiThreshold:
Umuroglu and Jahre, "Streamlined Deployment for Quantized Neural Networks" (2017), in ``qonnx.custom_op.general``.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .analysis import max_values
from .errors import CodesignError, require
from .graph import Concat, Conv, GlobalAverage, Linear, MaxPool, Node, Permute, Shift, Slice
from .integer import IntegerNetwork, Layer

__all__ = ["INPUT", "OUTPUT", "qonnx_model", "save_qonnx", "thresholds"]

INPUT, OUTPUT = "image", "logits"
DOMAIN = "qonnx.custom_op.general"
OPSET = 13
EXACT = 1 << 24  # integers below this are exact in float32


def _onnx():
    try:
        import onnx
    except ImportError:
        raise CodesignError("QONNX export must find the onnx package: pip install onnx") from None
    return onnx


def thresholds(layer: Layer, bits: int, reach: np.ndarray) -> np.ndarray:
    """int64 (M, 2**bits - 1): per channel, the least accumulators whose activations are 1, 2, ...

    ``reach`` (M,) >= |accumulator|; thresholds beyond are moved to where all or no accumulators pass.
    """
    levels = np.arange(1, 1 << bits, dtype=object)
    rows = []
    for mul, add, shift, most in zip(layer.mul.tolist(), layer.add.tolist(), layer.shift.tolist(), reach.tolist(),
                                     strict=True):
        wanted = levels * (1 << shift) - add  # acc * mul must be at least that
        exact = [-(-w // mul) if mul else (-most if w <= 0 else most + 1) for w in wanted]
        rows.append([min(max(t, -most), most + 1) for t in exact])
    return np.array(rows, np.int64)


class _Exporter:
    def __init__(self, network: IntegerNetwork):
        self.onnx, self.network = _onnx(), network
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.values: list[Any] = []
        self.types: dict[str, str] = {}  # tensor -> QONNX data type
        self.largest = max_values(network.graph)

    def constant(self, name: str, values: np.ndarray, kind: str | None = None) -> str:
        self.constants.append(self.onnx.numpy_helper.from_array(values, name))
        if kind:
            self.types[name] = kind
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        domain = {"domain": DOMAIN} if op == "MultiThreshold" else {}
        self.nodes.append(self.onnx.helper.make_node(op, inputs, [output], f"{output}.{op}", **domain, **attributes))
        return output

    def shaped(self, name: str, shape: tuple[int, ...], double: bool = False) -> str:
        proto = self.onnx.TensorProto
        self.values.append(self.onnx.helper.make_tensor_value_info(
            name, proto.DOUBLE if double else proto.FLOAT, (1, *shape)))
        return name

    def multiply(self, node: Node, x: str, k: int, reach: np.ndarray) -> str:
        """The accumulators of a convolution or linear layer."""
        op, layer = node.op, self.network.layers[node.name]
        assert isinstance(op, Conv | Linear)
        side = op.kernel if isinstance(op, Conv) else 1
        require(int(reach.max()) < EXACT, f"{node.name}: sums must stay below {EXACT} to be exact in QONNX's float32, "
                                          f"not reach {int(reach.max())}")
        weight = self.constant(f"{node.name}.weight", layer.weight.reshape(-1, k, side, side).astype(np.float32),
                               f"INT{op.weight_bits}")
        acc = self.shaped(f"{node.name}.acc", node.shape)
        self.types[acc] = "INT32"
        return self.add("Conv", [x, weight], acc, kernel_shape=[side, side], pads=[side // 2] * 4)

    def node(self, node: Node, x: list[str], out: str) -> None:
        source = self.network.graph.nodes[node.inputs[0]]
        layer = self.network.layers.get(node.name)
        channels = source.shape[0]
        match node.op:
            case Conv() | Linear():
                assert layer is not None
                reach = np.abs(layer.weight.astype(np.int64)).sum(axis=1) * self.largest[node.inputs[0]]
                acc = self.multiply(node, x[0], channels, reach)
                if isinstance(node.op, Linear):
                    self.logits(node, layer, acc, out)
                    return
                bits = node.op.activation_bits
                steps = self.constant(f"{node.name}.thresholds", thresholds(layer, bits, reach).astype(np.float32),
                                      "INT32")
                self.add("MultiThreshold", [acc, steps], out, out_dtype=f"UINT{bits}")
            case Shift(offsets=offsets):
                kernel = np.zeros((channels, 1, 3, 3), np.float32)
                for c, (dx, dy) in enumerate(offsets):
                    kernel[c, 0, 1 + dy, 1 + dx] = 1
                weight = self.constant(f"{node.name}.one_hot", kernel, "BINARY")
                self.add("Conv", [x[0], weight], out, group=channels, kernel_shape=[3, 3], pads=[1] * 4)
            case MaxPool(padding=padding):
                self.add("MaxPool", x, out, kernel_shape=[2, 2], strides=[2, 2], pads=[padding] * 4)
            case Slice(start=start, stop=stop):
                order = self.constant(f"{node.name}.channels", np.arange(start, stop, dtype=np.int64))
                self.add("Gather", [x[0], order], out, axis=1)
            case Permute(order=channel_order):
                order = self.constant(f"{node.name}.channels", np.array(channel_order, np.int64))
                self.add("Gather", [x[0], order], out, axis=1)
            case Concat():
                self.add("Concat", x, out, axis=1)
            case GlobalAverage():
                axes = self.constant(f"{node.name}.axes", np.array([2, 3], np.int64))
                self.add("ReduceSum", [x[0], axes], out, keepdims=1)
            case _:
                raise TypeError(f"no QONNX form of {node.op!r}")
        self.shaped(out, node.shape)
        self.types[out] = f"UINT{self.largest[self.network.graph.nodes.index(node)].bit_length()}"

    def logits(self, node: Node, layer: Layer, acc: str, out: str) -> None:
        """acc*mul + add in double precision, which holds 32-bit logits."""
        shape = (node.shape[0], 1, 1)
        wide = self.add("Cast", [acc], self.shaped(f"{node.name}.wide", shape, double=True),
                        to=self.onnx.TensorProto.DOUBLE)
        mul = self.constant(f"{node.name}.mul", layer.mul.astype(np.float64)[:, None, None])
        bias = self.constant(f"{node.name}.add", layer.add.astype(np.float64)[:, None, None])
        scaled = self.add("Mul", [wide, mul], self.shaped(f"{node.name}.scaled", shape, double=True))
        raw = self.add("Add", [scaled, bias], self.shaped(f"{node.name}.raw", shape, double=True))
        self.add("Flatten", [raw], out, axis=1)

    def model(self):
        helper, proto, graph = self.onnx.helper, self.onnx.TensorProto, self.network.graph
        names = [INPUT, *(node.name for node in graph.nodes[1:-1]), OUTPUT]
        self.types[INPUT] = "UINT8"
        for node, out in zip(graph.nodes[1:], names[1:], strict=True):
            self.node(node, [names[i] for i in node.inputs], out)
        made = helper.make_graph(
            self.nodes, "codesign", [helper.make_tensor_value_info(INPUT, proto.FLOAT, (1, *graph.input_shape))],
            [helper.make_tensor_value_info(OUTPUT, proto.DOUBLE, (1, graph.classes))], self.constants,
            value_info=self.values)
        for tensor, kind in self.types.items():
            entry = self.onnx.StringStringEntryProto(key="finn_datatype", value=kind)  # the key QONNX reads
            made.quantization_annotation.append(
                self.onnx.TensorAnnotation(tensor_name=tensor, quant_parameter_tensor_names=[entry]))
        model = helper.make_model(made, producer_name="codesign", opset_imports=[
            helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)])
        model.ir_version = 8
        self.onnx.checker.check_model(model)
        return model


def qonnx_model(network: IntegerNetwork):
    """``network`` as an ``onnx.ModelProto``: float32 ``image`` (1, C, H, W) holding 0..255 -> float64 ``logits``
    (1, classes) holding the raw integers. Raises :class:`CodesignError` where float32 would not be exact."""
    return _Exporter(network).model()


def save_qonnx(path: str | os.PathLike, network: IntegerNetwork) -> None:
    """Write :func:`qonnx_model` to ``path``, which must not exist: whole, or not at all."""
    path = Path(path)
    require(not path.exists(), f"Output file must not exist yet: {str(path)!r}")
    data = qonnx_model(network).SerializeToString()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        os.link(partial, path)
    except OSError as e:
        raise CodesignError(f"Output file {str(path)!r} must be writable and new: {e.strerror or e}") from None
    finally:
        partial.unlink(missing_ok=True)
