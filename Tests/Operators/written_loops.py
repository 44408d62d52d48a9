"""WHILE whose rounds a counter decides, and files with several signatures.

    python make_operators.py --output loops.tar.gz --modules written_loops
"""

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import generator, integer_vectors
from written_weighted import activation

CODES = Quantization(0.0471, -5)
OTHER = Quantization(0.0913, 3)


class Loop:
    """A WHILE of one int32 counter and some tensors of codes."""

    def __init__(self, model, outer, shapes):
        self.model, self.outer, self.shapes = model, outer, shapes
        self.condition, self.body = model.graph(), model.graph()
        self.indices = len(model.graphs) - 2, len(model.graphs) - 1
        self.limit = self.condition.input("i", (), "int32")
        for k, (shape, codes) in enumerate(shapes):
            self.condition.input(f"c{k}", shape, "int8", codes)
        self.i = self.body.input("i", (), "int32")
        self.variables = [self.body.input(f"v{k}", shape, "int8", codes) for k, (shape, codes) in enumerate(shapes)]
        self.made = 0

    def compare(self, operator, limit, result=None):
        go = self.condition.tensor("go", (), "bool") if result is None else result
        self.condition.operator(operator, [self.limit, self.condition.constant(f"limit{go}", np.int32(limit), "int32")], [go])
        self.condition.outputs = [go]
        return go

    def tensor(self, shape, codes=CODES):
        self.made += 1
        return self.body.tensor(f"b{self.made}", shape, "int8", codes)

    def add(self, a, b, shape, codes=CODES):
        y = self.tensor(shape, codes)
        self.body.operator("ADD", [a, b], [y], fusedActivationFunction=activation("none"), potScaleInt16=False)
        return y

    def step(self, by=1):
        following = self.body.tensor("following", (), "int32")
        self.body.operator("ADD", [self.i, self.body.constant("by", np.int32(by), "int32")], [following],
                           fusedActivationFunction=activation("none"), potScaleInt16=False)
        return following

    def finish(self, start, inputs, results, following):
        """Writes the WHILE; its tensors of codes."""
        self.body.outputs = [following, *results]
        self.made += 1
        outer = self.outer
        outputs = [outer.tensor(f"end{self.indices[0]}", (), "int32")]
        outputs += [outer.tensor(f"out{self.indices[0]}_{k}", shape, "int8", codes) for k, (shape, codes) in enumerate(self.shapes)]
        begin = outer.constant(f"start{self.indices[0]}", np.int32(start), "int32") if isinstance(start, int) else start
        outer.operator("WHILE", [begin, *inputs], outputs, condSubgraphIndex=self.indices[0],
                       bodySubgraphIndex=self.indices[1])
        return outputs[1:]


def case(name, model, shape):
    return Case(name, "WHILE", model.serialize(), integer_vectors(name, [(shape, "int8", CODES.zero_point)], 6))


def finished(name, model, x_shape, outputs):
    """With an ADD behind the loop, so that the network's output is made outside."""
    graph = model.main
    y = graph.output("y", x_shape, "int8", OTHER)
    graph.operator("ADD", [outputs[0], outputs[-1]], [y], fusedActivationFunction=activation("none"), potScaleInt16=False)
    return case(name, model, x_shape)


def started(shape=(1, 6)):
    model = Model()
    return model, model.main.input("x", shape, "int8", CODES)


def counted(name, start, operator, limit, by):
    model, x = started()
    loop = Loop(model, model.main, [((1, 6), CODES)])
    loop.compare(operator, limit)
    result = loop.add(loop.variables[0], loop.variables[0], (1, 6))
    return finished(f"while_{name}", model, (1, 6), loop.finish(start, [x], [result], loop.step(by)))


def dense():
    name = "while_dense"
    model, x = started()
    rng = generator(name)
    loop = Loop(model, model.main, [((1, 6), CODES)])
    loop.compare("LESS", 4)
    w = loop.body.constant("w", rng.integers(-127, 128, (6, 6)).astype(np.int8), "int8", Quantization(0.0081))
    b = loop.body.constant("b", rng.integers(-900, 900, 6).astype(np.int32), "int32", Quantization(0.0081 * CODES.scale))
    y = loop.tensor((1, 6))
    loop.body.operator("FULLY_CONNECTED", [loop.variables[0], w, b], [y], fusedActivationFunction=activation("relu"))
    return finished(name, model, (1, 6), loop.finish(0, [x], [y], loop.step()))


def exchanged():
    model, x = started()
    loop = Loop(model, model.main, [((1, 6), CODES), ((1, 6), CODES)])
    loop.compare("LESS", 3)
    total = loop.add(*loop.variables, (1, 6))
    return finished("while_exchanged", model, (1, 6),
                    loop.finish(0, [x, x], [loop.variables[1], total], loop.step()))


def both_conditions():
    model, x = started()
    loop = Loop(model, model.main, [((1, 6), CODES)])
    a = loop.compare("LESS", 5, loop.condition.tensor("a", (), "bool"))
    b = loop.compare("NOT_EQUAL", 3, loop.condition.tensor("b", (), "bool"))
    go = loop.condition.tensor("both", (), "bool")
    loop.condition.operator("LOGICAL_AND", [a, b], [go])
    loop.condition.outputs = [go]
    result = loop.add(loop.variables[0], loop.variables[0], (1, 6))
    return finished("while_both_conditions", model, (1, 6), loop.finish(0, [x], [result], loop.step()))


def nested():
    model, x = started()
    outer = Loop(model, model.main, [((1, 6), CODES)])
    outer.compare("LESS", 2)
    inner = Loop(model, outer.body, [((1, 6), CODES)])
    inner.compare("LESS", 3)
    total = inner.add(inner.variables[0], inner.variables[0], (1, 6))
    results = inner.finish(0, [outer.variables[0]], [total], inner.step())
    return finished("while_nested", model, (1, 6), outer.finish(0, [x], results, outer.step()))


def rows():
    """Every round adds the row of a constant that the counter names."""
    name = "while_rows"
    model, x = started()
    loop = Loop(model, model.main, [((1, 6), CODES)])
    loop.compare("LESS", 4)
    table = loop.body.constant("table", generator(name).integers(-128, 128, (4, 6)).astype(np.int8), "int8", CODES)
    row = loop.tensor((6,))
    loop.body.operator("GATHER", [table, loop.i], [row], axis=0, batchDims=0)
    total = loop.add(loop.variables[0], row, (1, 6))
    return finished(name, model, (1, 6), loop.finish(0, [x], [total], loop.step()))


def two_loops():
    model, x = started()
    results = [x]
    for limit in (2, 3):
        loop = Loop(model, model.main, [((1, 6), CODES)])
        loop.compare("LESS", limit)
        results = loop.finish(0, results, [loop.add(loop.variables[0], loop.variables[0], (1, 6))], loop.step())
    return finished("while_two", model, (1, 6), results)


def two_functions(other_subgraph=1, other_input=0, other_output=1):
    """"twice" is x + x, "rectified" max(x, 0), both of codes [1, 4]."""
    model, x = started((1, 4))
    y = model.main.output("y", (1, 4), "int8", CODES)
    model.main.operator("ADD", [x, x], [y], fusedActivationFunction=activation("none"), potScaleInt16=False)
    other = model.graph()
    a = other.input("a", (1, 4), "int8", CODES)
    other.operator("RELU", [a], [other.output("b", (1, 4), "int8", CODES)])
    model.signature("twice", 0, {"value": x}, {"result": y})
    model.signature("rectified", other_subgraph, {"value": other_input}, {"result": other_output})
    return model


def write_others(folder):
    """Files whose signatures do not hold together."""
    folder = folder / "signatures"
    folder.mkdir()
    for name, model in {
        "no_subgraph": two_functions(other_subgraph=7), "no_input": two_functions(other_input=9),
        "no_output": two_functions(other_output=9), "output_for_input": two_functions(other_input=1),
    }.items():
        (folder / f"{name}.tflite").write_bytes(model.serialize())


def cases():
    yield lambda: Case("signatures_two", "ADD", two_functions().serialize(), integer_vectors(
        "signatures_two", [((1, 4), "int8", CODES.zero_point)], 6))
    for name, values in {
        "five": (0, "LESS", 5, 1), "none": (7, "LESS", 5, 1), "once": (4, "LESS_EQUAL", 4, 1), "down": (6, "GREATER", 0, -2),
        "unequal": (3, "NOT_EQUAL", 7, 2),
    }.items():
        yield lambda n=name, v=values: counted(n, *v)
    yield from (dense, exchanged, both_conditions, nested, rows, two_loops)
