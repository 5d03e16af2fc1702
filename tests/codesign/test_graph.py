import pytest

from codesign.errors import CodesignError
from codesign.graph import Concat, Conv, GlobalAverage, GraphBuilder, Linear, MaxPool, Permute, Shift, Slice


@pytest.mark.parametrize("op, shapes, expected", [
    (Conv(out_channels=7), [(3, 5, 6)], (7, 5, 6)),
    (Shift(offsets=((-1, 0), (1, 1))), [(2, 5, 6)], (2, 5, 6)),
    (MaxPool(), [(2, 5, 6)], (2, 2, 3)),
    (MaxPool(padding=1), [(2, 5, 6)], (2, 3, 4)),
    (MaxPool(padding=1), [(2, 224, 113)], (2, 113, 57)),
    (MaxPool(padding=1), [(2, 1, 1)], (2, 1, 1)),
    (Slice(start=2, stop=5), [(6, 2, 2)], (3, 2, 2)),
    (Concat(), [(2, 3, 3), (5, 3, 3)], (7, 3, 3)),
    (Permute(order=(1, 2, 0)), [(3, 2, 2)], (3, 2, 2)),
    (GlobalAverage(), [(9, 7, 5)], (9, 1, 1)),
    (Linear(out_channels=10), [(9, 1, 1)], (10, 1, 1)),
])
def test_shapes(op, shapes, expected):
    assert op.output_shape(*shapes) == expected


@pytest.mark.parametrize("op, shapes, message", [
    (Conv(out_channels=0), [(3, 5, 6)], r"Convolution's out must be at least 1 channel, not 0"),
    (Shift(offsets=((0, 0),)), [(2, 5, 6)], r"Shift must have one offset per channel \(2\), not 1"),
    (Shift(offsets=((0, 2),)), [(1, 5, 6)], r"Shift offsets must be in -1\.\.1 pixels"),
    (MaxPool(padding=2), [(2, 5, 6)], r"Pool padding must be 0 or 1, not 2"),
    (MaxPool(), [(2, 1, 6)], r"Pool must see a map of at least 2x2 pixels with padding 0, not 1x6"),
    (Slice(start=3, stop=3), [(6, 2, 2)], r"Slice must lie within 0\.\.6 channels, not 3\.\.3"),
    (Slice(start=0, stop=7), [(6, 2, 2)], r"Slice must lie within 0\.\.6 channels, not 0\.\.7"),
    (Concat(), [(2, 3, 3)], r"Concat must have at least 2 operands, not 1"),
    (Concat(), [(2, 3, 3), (2, 3, 4)], r"Concat operands must share one map size, not \['3x3', '3x4'\]"),
    (Permute(order=(0, 0)), [(2, 3, 3)], r"Permute order must be a permutation of 0\.\.1"),
    (Linear(out_channels=0), [(2, 1, 1)], r"Linear's out must be at least 1, not 0"),
    (Linear(out_channels=3), [(2, 1, 4)], r"Linear must see a 1x1 map \(put an average before it\), not 1x4"),
])
def test_bad_operators_name_their_node(op, shapes, message):
    builder = GraphBuilder(shapes[0])
    for shape in shapes[1:]:
        builder.nodes.append(GraphBuilder(shape).nodes[0])
    with pytest.raises(CodesignError, match=f"^layer7: {message}$"):
        builder.add("layer7", op, *range(len(shapes)))
    assert len(builder.nodes) == len(shapes)


@pytest.mark.parametrize("shape", [(0, 4, 4), (1, 4), (1, 4, 4.0)])
def test_bad_input(shape):
    with pytest.raises(CodesignError, match=r"^Input must be \[channels, height, width\], each at least 1, not \["):
        GraphBuilder(shape)


def test_graph_ends_with_its_classifier():
    builder = GraphBuilder((3, 4, 4))
    conv = builder.add("conv", Conv(out_channels=6), 0)
    pool = builder.add("pool", MaxPool(), conv)
    with pytest.raises(CodesignError, match="^Network must end with a linear layer$"):
        builder.graph()
    average = builder.add("average", GlobalAverage(), pool)
    builder.add("linear", Linear(out_channels=2), average)
    graph = builder.graph()
    assert (graph.input_shape, graph.classes) == ((3, 4, 4), 2)
    assert [graph.consumers(i) for i in range(5)] == [[1], [2], [3], [4], []]
