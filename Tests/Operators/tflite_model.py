"""Writes small .tflite files through the schema's object API.

TensorFlow's converter only ever emits "reasonable" networks. A kernel has to be right for every file
the schema can express, so most of the corpus is written here, field by field.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence, Union

import flatbuffers
from flatbuffers import flexbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

TENSOR_TYPES = {
    "int4": schema.TensorType.INT4,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "float32": schema.TensorType.FLOAT32,
    "bool": schema.TensorType.BOOL,
    "float16": schema.TensorType.FLOAT16,
    "resource": schema.TensorType.RESOURCE,
    "uint32": schema.TensorType.UINT32,
    "uint64": schema.TensorType.UINT64,
}

# Names of the Options union's members, where they are not derivable from the operator's own name.
OPTIONS_NAMES = {"AVERAGE_POOL_2D": "Pool2DOptions", "MAX_POOL_2D": "Pool2DOptions", "PADV2": "PadV2Options",
                 "MEAN": "ReducerOptions", "CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
                 "BATCH_MATMUL": "BatchMatMulOptions",
                 "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions"}
OPTIONS_NAMES |= {name: "ReducerOptions" for name in ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN")}
OPTIONS_NAMES |= {name: "MaximumMinimumOptions" for name in ("MAXIMUM", "MINIMUM")}
OPTIONS_NAMES |= {"L2_NORMALIZATION": "L2NormOptions", "SELECT_V2": "SelectV2Options", "SVDF": "SVDFOptions"}

OPTIONAL_TENSOR = -1


class Quantization(NamedTuple):
    """real = scale * (code - zero_point); lists mean one entry for each index along `axis`."""
    scale: Union[float, Sequence[float]]
    zero_point: Union[int, Sequence[int]] = 0
    axis: int = 0


class AlignedBuffer(schema.BufferT):
    """A buffer whose bytes start at a multiple of 16, as the schema's `force_align: 16` demands.

    The generated Python code ignores `force_align`; files with misaligned int32 constants would test
    a reader's tolerance, which is not what this corpus is for.
    """

    def Pack(self, builder):
        vector = None
        if self.data is not None:
            count = len(self.data)
            builder.StartVector(1, count, 16)
            builder.head -= count
            builder.Bytes[builder.head:builder.head + count] = bytes(self.data)
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


class Graph:
    """The tensors and operators of one subgraph."""

    def __init__(self, model: "Model"):
        self.model = model
        self.tensors = []
        self.operators = []
        self.inputs = []
        self.outputs = []

    def tensor(self, name, shape, dtype="int8", quantization: Optional[Quantization] = None, data=None,
               shape_signature=None, is_variable=False):
        """Adds a tensor and returns its index; `data` makes it a constant."""
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = [int(d) for d in shape]
        tensor.shapeSignature = shape_signature
        tensor.type = TENSOR_TYPES[dtype]
        tensor.buffer = self.model.buffer(data, dtype)
        tensor.isVariable = is_variable
        tensor.hasRank = True
        if quantization is not None:
            tensor.quantization = quantization_table(quantization)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def input(self, name, shape, dtype="int8", quantization=None, **keywords):
        index = self.tensor(name, shape, dtype, quantization, **keywords)
        self.inputs.append(index)
        return index

    def output(self, name, shape, dtype="int8", quantization=None, **keywords):
        index = self.tensor(name, shape, dtype, quantization, **keywords)
        self.outputs.append(index)
        return index

    def constant(self, name, array, dtype=None, quantization=None):
        array = np.asarray(array)
        return self.tensor(name, array.shape, dtype or str(array.dtype), quantization, data=array)

    def operator(self, name, inputs, outputs, custom_code=None, **options):
        """Adds an operator; keyword arguments are fields of its builtin options, or what a custom one is given."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self.model.operator_code(name, custom_code)
        operator.inputs = list(inputs)
        operator.outputs = list(outputs)
        if name != "CUSTOM":
            set_builtin_options(operator, name, options)
        elif options:
            operator.customOptions = list(flexible_map(options))
        self.operators.append(operator)

    def table(self):
        subgraph = schema.SubGraphT()
        subgraph.tensors = self.tensors
        subgraph.operators = self.operators
        subgraph.inputs = self.inputs
        subgraph.outputs = self.outputs
        subgraph.name = "main" if self is self.model.graphs[0] else "branch"
        return subgraph


class Model:
    """A file: subgraphs, operator codes and buffers."""

    def __init__(self):
        self.buffers = [AlignedBuffer()]  # buffer 0 is empty by convention: "no constant data"
        self.operator_codes = []
        self.signatures = []
        self.graphs = []
        self.graph()

    @property
    def main(self):
        return self.graphs[0]

    def graph(self):
        self.graphs.append(Graph(self))
        return self.graphs[-1]

    def signature(self, key, subgraph, inputs, outputs):
        """A function of the file; inputs and outputs are tensors of a subgraph by the signature's names for them."""
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = key, subgraph
        for ports, field in ((inputs, "inputs"), (outputs, "outputs")):
            maps = []
            for name, tensor in ports.items():
                maps.append(schema.TensorMapT())
                maps[-1].name, maps[-1].tensorIndex = name, tensor
            setattr(signature, field, maps)
        self.signatures.append(signature)

    def buffer(self, data, dtype):
        if data is None:
            return 0
        buffer = AlignedBuffer()
        if dtype == "int4":
            buffer.data = packed(np.asarray(data).reshape(-1)).tobytes()
        else:
            buffer.data = np.ascontiguousarray(np.asarray(data, dtype=np.dtype(dtype))).tobytes()
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def operator_code(self, name, custom_code):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        # Readers older than the int32 field look at the int8 one; 127 tells them to look further.
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.customCode = custom_code
        code.version = 1
        for index, other in enumerate(self.operator_codes):
            if (other.builtinCode, other.customCode) == (code.builtinCode, code.customCode):
                return index
        self.operator_codes.append(code)
        return len(self.operator_codes) - 1

    def serialize(self):
        model = schema.ModelT()
        model.version = 3
        model.description = "written by make_operators.py"
        model.subgraphs = [graph.table() for graph in self.graphs]
        model.operatorCodes = self.operator_codes
        model.buffers = self.buffers
        model.signatureDefs = self.signatures or None
        builder = flatbuffers.Builder(4096)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def packed(codes):
    """Codes of 4 bits, two a byte, the first of them in the low half."""
    halves = np.append(codes, [0] * (len(codes) % 2)).astype(np.uint8) & 15
    return halves[0::2] | halves[1::2] << 4


def quantization_table(quantization):
    table = schema.QuantizationParametersT()
    per_axis = not np.isscalar(quantization.scale)
    scales = np.atleast_1d(np.asarray(quantization.scale, np.float32))
    table.scale = [float(s) for s in scales]
    zero_points = np.broadcast_to(np.asarray(quantization.zero_point, np.int64), scales.shape)
    table.zeroPoint = [int(z) for z in zero_points]
    table.quantizedDimension = quantization.axis if per_axis else 0
    return table


def options_name(operator):
    camel = "".join(word.capitalize() for word in operator.split("_")) + "Options"
    return OPTIONS_NAMES.get(operator, camel)


def set_builtin_options(operator, name, fields):
    type_name = options_name(name)
    if not hasattr(schema.BuiltinOptions, type_name):
        if fields:
            raise ValueError(f"{name} has no builtin options for {fields}")
        return
    options = getattr(schema, type_name + "T")()
    for field, value in fields.items():
        if not hasattr(options, field):
            raise ValueError(f"{type_name} has no field {field}")
        setattr(options, field, value)
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, type_name)
    operator.builtinOptions = options


def flexible_map(fields):
    """A FlexBuffer that maps names to integers and truth values."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in fields.items():
            builder.Key(name)
            builder.Bool(value) if isinstance(value, bool) else builder.Int(value)
    return bytes(builder.Finish())


def operators_in(model_bytes):
    """The builtin operator names of a file's first subgraph, in order."""
    names = {value: key for key, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(model_bytes), 0))
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    return [names[codes[op.opcodeIndex]] for op in model.subgraphs[0].operators or []]


def quantize_multiplier(real):
    """The (mantissa, exponent) by which the reference kernels represent a positive real multiplier."""
    if real == 0:
        return 0, 0
    fraction, exponent = math.frexp(real)
    mantissa = int(math.floor(fraction * 2.0**31 + 0.5))
    if mantissa == 1 << 31:
        mantissa, exponent = 1 << 30, exponent + 1
    return (0, 0) if exponent < -31 else (mantissa, exponent)


class Overflow(Exception):
    """The model could overflow int32 for some input, so its outputs would not be a reference for anything."""

    def __init__(self, name, reason):
        super().__init__(reason)
        self.name = name


def require_no_overflow(name, lowest, highest, real_multiplier):
    """Raises Overflow unless every accumulator in [lowest, highest] can be requantised within int32."""
    _, exponent = quantize_multiplier(real_multiplier)
    largest = max(abs(int(lowest)), abs(int(highest)))
    if largest << max(exponent, 0) >= 1 << 31:
        raise Overflow(name, f"accumulator {largest} shifted left by {max(exponent, 0)} leaves int32")
    if largest * real_multiplier + 256 >= 1 << 31:
        raise Overflow(name, f"accumulator {largest} times {real_multiplier} leaves int32")


@dataclass
class Case:
    """One model of the corpus with the inputs it is to be run on."""
    name: str
    operator: str
    model: bytes
    inputs: list
