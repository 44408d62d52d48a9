"""Networks that keep state, called several times in a row: variables, SVDF, UNIDIRECTIONAL_SEQUENCE_LSTM.

    python make_operators.py --output states.tar.gz --modules written_states
"""

import numpy as np
from tflite_model import Case, Model, OPTIONAL_TENSOR, Quantization
from vectors import generator, integer_vectors
from written_weighted import activation

CODES = Quantization(0.0471, -5)
OTHER = Quantization(0.0913, 3)


class Streaming:
    """A graph with one input, and variables."""

    def __init__(self, name, shape):
        self.name, self.shape = "states_" + name, shape
        self.model = Model()
        self.graph = self.model.main
        self.rng = generator(self.name)
        self.x = self.graph.input("x", shape, "int8", CODES)
        self.start = None
        self.made = 0

    def tensor(self, shape, quantization=CODES):
        self.made += 1
        return self.graph.tensor(f"t{self.made}", shape, "int8", quantization)

    def variable(self, name, shape, initial=None):
        """A handle; `initial` are codes that a subgraph assigns once."""
        options = dict(container="", sharedName=name)
        if initial is not None:
            if self.start is None:
                self.start = self.model.graph()
                self.graph.operator("CALL_ONCE", [], [], initSubgraphIndex=1)
            inner = self.start.tensor(name, (), "resource")
            self.start.operator("VAR_HANDLE", [], [inner], **options)
            value = self.start.constant(name + "_start", np.broadcast_to(initial, shape).astype(np.int8), "int8", CODES)
            self.start.operator("ASSIGN_VARIABLE", [inner, value], [])
        handle = self.graph.tensor(name, (), "resource")
        self.graph.operator("VAR_HANDLE", [], [handle], **options)
        return handle

    def read(self, handle, shape):
        value = self.tensor(shape)
        self.graph.operator("READ_VARIABLE", [handle], [value])
        return value

    def assign(self, handle, value):
        self.graph.operator("ASSIGN_VARIABLE", [handle, value], [])

    def apply(self, operator, inputs, shape, quantization=CODES, **options):
        value = self.tensor(shape, quantization)
        self.graph.operator(operator, inputs, [value], **options)
        return value

    def add(self, a, b, shape, quantization=CODES):
        return self.apply("ADD", [a, b], shape, quantization, fusedActivationFunction=activation("none"),
                          potScaleInt16=False)

    def joined(self, parts, axis, shape):
        return self.apply("CONCATENATION", parts, shape, axis=axis, fusedActivationFunction=activation("none"))

    def sliced(self, value, begin, end):
        index = [self.graph.constant(f"i{self.made}_{k}", np.asarray(v, np.int32), "int32")
                 for k, v in enumerate((begin, end, [1] * len(begin)))]
        return self.apply("STRIDED_SLICE", [value, *index], [e - b for b, e in zip(begin, end)], beginMask=0, endMask=0,
                          ellipsisMask=0, newAxisMask=0, shrinkAxisMask=0, offset=False)

    def finish(self, operator, outputs):
        self.graph.outputs = list(outputs)
        return Case(self.name, operator, self.model.serialize(),
                    integer_vectors(self.name, [(self.shape, "int8", CODES.zero_point)], 8))


def ring(name, rows, kept, channels, initial):
    """The last `kept` rows, and `rows` new ones at every call."""
    s = Streaming(f"ring_{name}", (1, rows, channels))
    handle = s.variable("ring", (1, kept, channels), initial)
    whole = s.joined([s.read(handle, (1, kept, channels)), s.x], 1, (1, kept + rows, channels))
    s.assign(handle, s.sliced(whole, [0, rows, 0], [1, rows + kept, channels]))
    return s.finish("READ_VARIABLE", [s.add(whole, whole, (1, kept + rows, channels), OTHER)])


def kept_whole(name, rows, channels):
    """Everything is kept; what is read is cut first."""
    s = Streaming(f"whole_{name}", (1, 1, channels))
    handle = s.variable("whole", (1, rows, channels), -5)
    rest = s.sliced(s.read(handle, (1, rows, channels)), [0, 1, 0], [1, rows, channels])
    whole = s.joined([rest, s.x], 1, (1, rows, channels))
    s.assign(handle, whole)
    return s.finish("ASSIGN_VARIABLE", [s.add(whole, whole, (1, rows, channels), OTHER)])


def leaky_sum(name, initial):
    """y = s = s + x, in coarser codes."""
    s = Streaming(f"sum_{name}", (1, 6))
    handle = s.variable("sum", (1, 6), initial)
    total = s.add(s.read(handle, (1, 6)), s.x, (1, 6))
    s.assign(handle, total)
    return s.finish("ASSIGN_VARIABLE", [total])


def read_after_assign():
    s = Streaming("read_after_assign", (1, 4))
    handle = s.variable("v", (1, 4), 7)
    before = s.read(handle, (1, 4))
    s.assign(handle, s.x)
    after = s.read(handle, (1, 4))
    return s.finish("READ_VARIABLE", [s.add(before, after, (1, 4), OTHER)])


def read_twice():
    s = Streaming("read_twice", (1, 4))
    handle = s.variable("v", (1, 4), [1, -2, 3, -4])
    a, b = s.read(handle, (1, 4)), s.read(handle, (1, 4))
    s.assign(handle, s.add(a, s.x, (1, 4)))
    return s.finish("READ_VARIABLE", [s.add(a, b, (1, 4), OTHER)])


def delay_line():
    """a = b, b = x: what one variable holds goes into another."""
    s = Streaming("delay_line", (1, 4))
    first, second = s.variable("a", (1, 4), 10), s.variable("b", (1, 4), 20)
    old, newer = s.read(first, (1, 4)), s.read(second, (1, 4))
    s.assign(first, newer)
    s.assign(second, s.x)
    return s.finish("ASSIGN_VARIABLE", [s.add(old, newer, (1, 4), OTHER)])


def exchanged():
    """Two variables change places, and one takes the input in."""
    s = Streaming("exchanged", (1, 4))
    first, second = s.variable("a", (1, 4), 10), s.variable("b", (1, 4), -20)
    a, b = s.read(first, (1, 4)), s.read(second, (1, 4))
    s.assign(first, b)
    s.assign(second, s.add(a, s.x, (1, 4)))
    return s.finish("ASSIGN_VARIABLE", [s.add(a, b, (1, 4), OTHER)])


def old_content(through_reshape):
    """What the variable was is returned, while the run leaves something else in it."""
    s = Streaming(f"old_content_{through_reshape}", (1, 4))
    handle = s.variable("v", (1, 4), [1, 2, 3, 4])
    old = s.read(handle, (1, 4))
    total = s.add(old, s.x, (1, 4))
    s.assign(handle, total)
    if through_reshape:
        shape = s.graph.constant("shape", np.asarray([4], np.int32), "int32")
        old = s.apply("RESHAPE", [old, shape], (4,), newShape=[4])
    return s.finish("READ_VARIABLE", [old, total])


def named_alike():
    """Two variables whose containers and names run together to the same text."""
    s = Streaming("named_alike", (1, 4))
    handles = []
    for index, (container, name) in enumerate((("a", "b/c"), ("a/b", "c"))):
        handle = s.graph.tensor(f"h{index}", (), "resource")
        s.graph.operator("VAR_HANDLE", [], [handle], container=container, sharedName=name)
        handles.append(handle)
    first, second = s.read(handles[0], (1, 4)), s.read(handles[1], (1, 4))
    s.assign(handles[0], s.x)
    s.assign(handles[1], s.add(second, s.x, (1, 4)))
    return s.finish("READ_VARIABLE", [s.add(first, second, (1, 4), OTHER)])


def never_assigned():
    s = Streaming("never_assigned", (1, 4))
    handle = s.variable("v", (1, 4), [3, 1, 4, 1])
    return s.finish("READ_VARIABLE", [s.add(s.read(handle, (1, 4)), s.x, (1, 4), OTHER)])


def svdf(features, units, rank, memory, wide, scales=(0.03, 0.02, 0.05, 0.4), zero_point=4):
    """`wide`: the memory and its weights have 16 bits. (TFLM needs a bias.)"""
    name = f"states_svdf_{features}_{units}_{rank}_{memory}_{16 if wide else 8}" + ("" if zero_point == 4 else "_z")
    rng = generator(name)
    model = Model()
    graph = model.main
    filters = units * rank
    state, kept = ("int16", scales[2] / 64) if wide else ("int8", scales[2])
    x = graph.input("x", (1, features), "int8", CODES)
    inputs = [
        x, graph.constant("features", rng.integers(-127, 128, (filters, features)).astype(np.int8), "int8",
                          Quantization(scales[0])),
        graph.constant("time", rng.integers(-127, 128, (filters, memory)).astype(state), state, Quantization(scales[1])),
        graph.constant("bias", rng.integers(-2000, 2000, units).astype(np.int32), "int32",
                       Quantization(scales[1] * kept)),
        graph.tensor("state", (1, filters * memory), state, Quantization(kept), is_variable=True)]
    graph.operator("SVDF", inputs, [graph.output("y", (1, units), "int8", Quantization(scales[3], zero_point))], rank=rank,
                   fusedActivationFunction=activation("relu"), asymmetricQuantizeInputs=False)
    return Case(name, "SVDF", model.serialize(), integer_vectors(name, [((1, features), "int8", CODES.zero_point)], 8))


def lstm(name, time, features, units, power=-11, clip=10.0, hidden=Quantization(1 / 128, 0), weight_scale=0.01,
         returned="sequence"):
    """`returned`: the hidden states, the variable that holds the last one, or both."""
    name = f"states_lstm_{name}"
    rng = generator(name)
    model = Model()
    graph = model.main
    codes = Quantization(0.03, -7)
    x = graph.input("x", (1, time, features), "int8", codes)

    def weights(kind, columns):
        return [graph.constant(f"{kind}{gate}", rng.integers(-127, 128, (units, columns)).astype(np.int8), "int8",
                               Quantization(weight_scale * (1 + gate / 8))) for gate in range(4)]

    inputs = [x, *weights("w", features), *weights("r", units), *[OPTIONAL_TENSOR] * 3,
              *[graph.constant(f"b{gate}", rng.integers(-3000, 3000, units).astype(np.int32), "int32",
                               Quantization(codes.scale * weight_scale * (1 + gate / 8))) for gate in range(4)],
              OPTIONAL_TENSOR, OPTIONAL_TENSOR,
              graph.tensor("hidden", (1, units), "int8", hidden, is_variable=True),
              graph.tensor("cell", (1, units), "int16", Quantization(2.0 ** power), is_variable=True),
              *[OPTIONAL_TENSOR] * 4]
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [graph.output("y", (1, time, units), "int8", hidden)],
                   fusedActivationFunction=4, cellClip=clip, projClip=0.0, timeMajor=False, asymmetricQuantizeInputs=False,
                   diagonalRecurrentTensors=False)
    if returned != "sequence":
        graph.outputs = [inputs[18]] if returned == "hidden" else [*graph.outputs, inputs[18]]
    # The intermediate tensors' scales are read by no kernel, but must be there.
    graph.operators[-1].intermediates = [graph.tensor(f"m{k}", (0,), "float32") for k in range(4)] + [
        graph.tensor("m4", (0,), "int8", hidden)]
    return Case(name, "UNIDIRECTIONAL_SEQUENCE_LSTM", model.serialize(),
                integer_vectors(name, [((1, time, features), "int8", codes.zero_point)], 6))


def cases():
    for rows, kept, channels in ((1, 2, 3), (3, 2, 4), (1, 7, 2), (2, 5, 1), (1, 1, 1)):
        for initial in (-5, -128, 100):
            yield lambda r=rows, k=kept, c=channels, i=initial: ring(f"{r}_{k}_{c}_{i}", r, k, c, i)
    yield lambda: ring("counted", 1, 4, 2, np.arange(8).reshape(1, 4, 2))
    yield lambda: ring("unset", 2, 3, 2, None)
    for rows, channels in ((2, 3), (5, 2), (9, 1)):
        yield lambda r=rows, c=channels: kept_whole(f"{r}_{c}", r, c)
    for initial in (-5, 0, 90):
        yield lambda i=initial: leaky_sum(f"{i}", i)
    yield lambda: leaky_sum("unset", None)
    yield read_after_assign
    yield read_twice
    yield delay_line
    yield exchanged
    yield never_assigned
    yield lambda: old_content(False)
    yield lambda: old_content(True)
    yield named_alike
    yield lambda: lstm("hidden_returned", 3, 4, 5, returned="hidden")
    yield lambda: lstm("cell_kept", 3, 4, 5, returned="both")
    for features, units, rank, memory in ((4, 3, 1, 5), (8, 4, 2, 3), (3, 2, 1, 1), (10, 1, 1, 9), (2, 6, 2, 2)):
        for wide in (True, False):
            yield lambda f=features, u=units, r=rank, m=memory, w=wide: svdf(f, u, r, m, w)
            yield lambda f=features, u=units, r=rank, m=memory, w=wide: svdf(
                f, u, r, m, w, (0.011, 0.037, 0.09, 1.3), -128)
    for power in range(-15, -8):
        yield lambda p=power: lstm(f"power_{-p}", 3, 4, 5, power=p)
    yield lambda: lstm("unclipped", 4, 3, 4, clip=0.0)
    yield lambda: lstm("tightly_clipped", 4, 3, 4, clip=0.4)
    yield lambda: lstm("one_step", 1, 6, 3)
    yield lambda: lstm("shifted", 5, 4, 6, hidden=Quantization(0.0047, -3))
    yield lambda: lstm("large_weights", 5, 4, 6, weight_scale=0.05)
    yield lambda: lstm("one_unit", 6, 1, 1)
    yield lambda: lstm("wide", 2, 20, 17)
