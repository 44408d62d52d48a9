import Reporting

/// An operator that networks may use, and what is asked of it.
struct SupportedOperator {
  var name: String
  /// What must hold beyond int8 inputs and outputs; empty where nothing does.
  var limits: String

  static let all = [
    SupportedOperator(name: "ABS", limits: ""),
    SupportedOperator(name: "ADD", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(
      name: "ADD_N",
      limits: "equal quantisation of all inputs; float between DEQUANTIZE and QUANTIZE where roundings make no difference"),
    SupportedOperator(
      name: "ARG_MAX",
      limits: "constant axis; at most 65,536 elements along it; returns an unsigned code of just enough bits"),
    SupportedOperator(name: "ARG_MIN", limits: "as ARG_MAX"),
    SupportedOperator(
      name: "AVERAGE_POOL_2D", limits: "equal input and output quantisation; fused activation"),
    SupportedOperator(
      name: "BATCH_MATMUL", limits: "of two tensors, or with a constant; either transposed; batches broadcast"),
    SupportedOperator(
      name: "BATCH_TO_SPACE_ND",
      limits: "constant block sizes and crops; equal input and output quantisation"),
    SupportedOperator(name: "BROADCAST_TO", limits: "constant shape; equal input and output quantisation"),
    SupportedOperator(
      name: "CAST",
      limits: "of truth values and codes to float in front of QUANTIZE; of int16 and int32 beside CAST to int8"),
    SupportedOperator(name: "CEIL", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(name: "CONCATENATION", limits: "equal quantisation of all inputs and the output"),
    SupportedOperator(
      name: "CONV_2D",
      limits:
        "constant int8 or int4 weights (int8 beside int16), symmetric, scales per tensor or per channel; int32 bias or none "
        + "(int64 beside int16); groups, "
        + "dilation; fused activation"),
    SupportedOperator(name: "COS", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(
      name: "CUMSUM",
      limits: "constant axis; differing scales: as far as the reference's 32 bits hold the sums; float between DEQUANTIZE "
        + "and QUANTIZE where roundings make no difference"),
    SupportedOperator(name: "CUSTOM SignalDelay", limits: "int16; the samples that it keeps are a state of the program"),
    SupportedOperator(
      name: "CUSTOM SignalEnergy", limits: "int16; bins that it leaves out only in front of SignalFilterBank"),
    SupportedOperator(
      name: "CUSTOM SignalFftAutoScale", limits: "int16; the number of bits goes to SignalFilterBankSquareRoot alone"),
    SupportedOperator(
      name: "CUSTOM SignalFilterBank", limits: "of uint32, constant tables, no negative weights; makes uint64"),
    SupportedOperator(
      name: "CUSTOM SignalFilterBankLog",
      limits: "of uint32; makes int16, which CAST to int32 takes, and arithmetic with constants up to CAST to int8"),
    SupportedOperator(
      name: "CUSTOM SignalFilterBankSpectralSubtraction", limits: "of uint32; its noise is a state of the program"),
    SupportedOperator(name: "CUSTOM SignalFilterBankSquareRoot", limits: "of uint64; makes uint32"),
    SupportedOperator(
      name: "CUSTOM SignalFramer",
      limits: "int16; the samples that it keeps are a state of the program; whether there is a frame is an output"),
    SupportedOperator(
      name: "CUSTOM SignalIrfft", limits: "of one spectrum of at most 8,192 samples, a power of two; int16"),
    SupportedOperator(
      name: "CUSTOM SignalOverlapAdd", limits: "int16; the samples that it keeps are a state of the program"),
    SupportedOperator(name: "CUSTOM SignalPCAN", limits: "of uint32; constant table of 125 gains"),
    SupportedOperator(
      name: "CUSTOM SignalRfft", limits: "of at most 8,192 samples, a power of two or zeros behind them; int16"),
    SupportedOperator(
      name: "CUSTOM SignalStacker",
      limits: "int16; one frame a call, those that it keeps are a state of the program; whether there is a stack is an output"),
    SupportedOperator(name: "CUSTOM SignalWindow", limits: "int16; constant weights"),
    SupportedOperator(
      name: "DEPTHWISE_CONV_2D", limits: "as CONV_2D, with any depth multiplier"),
    SupportedOperator(name: "DEPTH_TO_SPACE", limits: "equal input and output quantisation"),
    SupportedOperator(
      name: "DEQUANTIZE",
      limits: "of a network output: the program returns the codes; inside the network in front of functions of one code"),
    SupportedOperator(
      name: "DIV",
      limits: "by what is never zero; fused activation; float, between DEQUANTIZE and QUANTIZE: by anything; where "
        + "both operands vary, a table of up to 64 KB"),
    SupportedOperator(name: "ELU", limits: ""),
    SupportedOperator(
      name: "EMBEDDING_LOOKUP",
      limits: "int32 network input; constant int8 table; equal quantisation of table and output"),
    SupportedOperator(name: "EQUAL", limits: "of int8 (scales below 1) or bool; bool codes are 0 and 1"),
    SupportedOperator(name: "EXP", limits: ""),
    SupportedOperator(name: "EXPAND_DIMS", limits: "constant axis"),
    SupportedOperator(name: "FLOOR", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(
      name: "FLOOR_DIV", limits: "float, between DEQUANTIZE and QUANTIZE; divisor never zero"),
    SupportedOperator(name: "FLOOR_MOD", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(
      name: "FULLY_CONNECTED",
      limits: "constant int8 or int4 weights, scales per tensor or per channel; bias as CONV_2D; fused activation"),
    SupportedOperator(
      name: "GATHER",
      limits: "constant indices, or rows of a constant table that an int32 network input chooses; equal quantisation"),
    SupportedOperator(name: "GATHER_ND", limits: "constant indices; equal input and output quantisation"),
    SupportedOperator(name: "GELU", limits: ""),
    SupportedOperator(name: "GREATER", limits: "scales below 1"),
    SupportedOperator(name: "GREATER_EQUAL", limits: "scales below 1"),
    SupportedOperator(name: "HARD_SWISH", limits: ""),
    SupportedOperator(
      name: "L2_NORMALIZATION", limits: "output scale 1/128, zero point 0; rows of at most 8,256"),
    SupportedOperator(name: "LEAKY_RELU", limits: ""),
    SupportedOperator(name: "LESS", limits: "scales below 1"),
    SupportedOperator(name: "LESS_EQUAL", limits: "scales below 1"),
    SupportedOperator(name: "LOG", limits: ""),
    SupportedOperator(name: "LOGICAL_AND", limits: ""),
    SupportedOperator(name: "LOGICAL_NOT", limits: ""),
    SupportedOperator(name: "LOGICAL_OR", limits: ""),
    SupportedOperator(name: "LOG_SOFTMAX", limits: "output scale 1/16, zero point 127; rows of at most 4,095"),
    SupportedOperator(name: "LOGISTIC", limits: "output zero point -128; makes the codes of scale 1/256, of int16 codes those of 2^-15"),
    SupportedOperator(name: "MAXIMUM", limits: "broadcasting by NumPy's rules; codes are compared as they are"),
    SupportedOperator(name: "MAX_POOL_2D", limits: "equal input and output quantisation; fused activation"),
    SupportedOperator(name: "MEAN", limits: "constant axes"),
    SupportedOperator(name: "MINIMUM", limits: "as MAXIMUM"),
    SupportedOperator(name: "MIRROR_PAD", limits: "constant amounts; equal input and output quantisation"),
    SupportedOperator(name: "MUL", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(
      name: "NEG",
      limits: "equal scales, zero points that are each other's negatives; float between DEQUANTIZE and QUANTIZE: any"),
    SupportedOperator(name: "NOT_EQUAL", limits: "as EQUAL"),
    SupportedOperator(name: "PACK", limits: "equal quantisation of all inputs and the output"),
    SupportedOperator(name: "PAD", limits: "constant amounts; equal input and output quantisation"),
    SupportedOperator(name: "PADV2", limits: "as PAD, with a constant code to pad with"),
    SupportedOperator(name: "PRELU", limits: "constant slopes"),
    SupportedOperator(
      name: "QUANTIZE",
      limits:
        "of a float32 network input: the program takes the codes; of functions of one code; between int8 and uint8, int8 and "
        + "int16, and either of them and int32, of which inputs are two codes of 16 bits"),
    SupportedOperator(name: "REDUCE_MAX", limits: "constant axes; equal input and output quantisation"),
    SupportedOperator(name: "REDUCE_MIN", limits: "constant axes; equal input and output quantisation"),
    SupportedOperator(name: "RELU", limits: ""),
    SupportedOperator(name: "RELU6", limits: ""),
    SupportedOperator(name: "RELU_N1_TO_1", limits: ""),
    SupportedOperator(name: "RESHAPE", limits: ""),
    SupportedOperator(
      name: "RESIZE_BILINEAR",
      limits: "constant size; any ratio that the reference does not read past the image for"),
    SupportedOperator(name: "RESIZE_NEAREST_NEIGHBOR", limits: "constant size; equal input and output quantisation"),
    SupportedOperator(name: "REVERSE_V2", limits: "constant axes; equal input and output quantisation"),
    SupportedOperator(name: "ROUND", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(name: "RSQRT", limits: "input never negative"),
    SupportedOperator(
      name: "SELECT_V2", limits: "SELECT too; broadcasting by NumPy's rules; codes are chosen, not rescaled"),
    SupportedOperator(name: "SIN", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(name: "SLICE", limits: "constant bounds; equal input and output quantisation"),
    SupportedOperator(name: "SOFTMAX", limits: "output scale 1/256, zero point -128; rows of at most 4,095; of int16 codes scale 2^-15, rows of at most 65,535"),
    SupportedOperator(name: "SPACE_TO_BATCH_ND", limits: "constant block sizes and amounts; pads with the zero point, as LiteRT does"),
    SupportedOperator(name: "SPACE_TO_DEPTH", limits: "equal input and output quantisation"),
    SupportedOperator(name: "SPLIT", limits: "constant axis; equal quantisation of the input and all outputs"),
    SupportedOperator(name: "SPLIT_V", limits: "constant axis and sizes; equal quantisation of the input and all outputs"),
    SupportedOperator(name: "SQRT", limits: "input never negative"),
    SupportedOperator(name: "SQUARE", limits: "float, between DEQUANTIZE and QUANTIZE"),
    SupportedOperator(name: "SQUARED_DIFFERENCE", limits: "broadcasting by NumPy's rules"),
    SupportedOperator(name: "SQUEEZE", limits: ""),
    SupportedOperator(
      name: "STRIDED_SLICE",
      limits: "constant bounds; no ellipsis, no new axis; equal input and output quantisation"),
    SupportedOperator(name: "SUB", limits: "broadcasting by NumPy's rules; fused activation"),
    SupportedOperator(name: "SUM", limits: "constant axes"),
    SupportedOperator(
      name: "SVDF", limits: "8- or 16-bit memory, a state of the program; one vector a call; a bias"),
    SupportedOperator(name: "TANH", limits: "makes the codes of scale 1/128, zero point 0, of int16 codes those of 2^-15"),
    SupportedOperator(name: "TILE", limits: "constant multiples; equal input and output quantisation"),
    SupportedOperator(name: "TRANSPOSE", limits: "constant permutation; equal input and output quantisation"),
    SupportedOperator(name: "TRANSPOSE_CONV", limits: "as CONV_2D, without groups"),
    SupportedOperator(
      name: "UNIDIRECTIONAL_SEQUENCE_LSTM",
      limits: "an int16 cell, with the hidden state a state of the program; one sequence a call, of at most 1,000 moments; "
        + "no peepholes, projection or layer normalisation"),
    SupportedOperator(name: "UNPACK", limits: "equal quantisation of the input and all outputs"),
  ]

  /// Operators that take int16 codes as well, with zero points of 0 (16 × 8: int8 weights and biases of up to 48 bits).
  static let onSixteenBits: Set = [
    "ABS", "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "CONV_2D",
    "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "EXPAND_DIMS", "FULLY_CONNECTED", "GATHER", "GATHER_ND",
    "LEAKY_RELU", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "PACK", "PAD", "PADV2",
    "QUANTIZE", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2",
    "SELECT_V2", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUARED_DIFFERENCE",
    "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE", "TRANSPOSE", "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK",
  ]

  /// The limits as the list has them, in TensorFlow Lite.
  private var allLimits: String {
    guard Self.onSixteenBits.contains(name) else { return limits }
    return limits + (limits.isEmpty ? "" : "; ") + "int16 too"
  }

  /// Operators on variables, which become states of the program.
  static let onVariables = ["ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"].map {
    SupportedOperator(name: $0, limits: "variables become states of the program; a subgraph may assign constants once")
  }

  /// Control flow that is written out.
  static let loops = [
    SupportedOperator(
      name: "WHILE", limits: "a counter and numbers in the file determine how often its body runs; its rounds are written out")
  ]

  /// What networks of old converters may hold, in the words of the list.
  static let uint8 = """
    uint8, as converters wrote it once, asymmetric weights included: ADD, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, \
    DEPTHWISE_CONV_2D, FULLY_CONNECTED, HARD_SWISH, LEAKY_RELU, LOGISTIC, MAXIMUM, MAX_POOL_2D, MEAN, MINIMUM, MUL, \
    QUANTIZE, RELU, RELU6, RELU_N1_TO_1, RESIZE_BILINEAR (by powers of two), SUB, TANH, and all that only moves codes, as \
    LiteRT's reference kernels compute them; SOFTMAX at the end is left to the caller
    """

  /// Operators of TensorFlow Lite that are computed before anything runs, where constants and fixed shapes determine
  /// them, beyond those of `all`, which are so likewise.
  static let onConstants = [
    "BROADCAST_ARGS", "BROADCAST_TO", "CAST", "DIV", "EQUAL", "FILL", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GREATER",
    "GREATER_EQUAL", "LESS", "LESS_EQUAL", "MAXIMUM", "MINIMUM", "NOT_EQUAL", "PACK", "RANGE", "RANK", "REDUCE_MAX",
    "REDUCE_MIN", "REDUCE_PROD", "SELECT", "SELECT_V2", "SHAPE", "SLICE", "SUM", "UNPACK",
    "ZEROS_LIKE",
  ].filter { name in !all.contains { $0.name == name } }.map {
    SupportedOperator(name: $0, limits: "of constants and fixed shapes: computed before anything runs")
  }

  /// Operators of ONNX, opset 7 to 24, of QONNX and of ONNX Runtime.
  static let onnx = [
    SupportedOperator(
      name: "Add, Sub, Mul, Div",
      limits: "of two quantised tensors (divisor never zero), by NumPy's rules; with a constant, one or one a channel"),
    SupportedOperator(
      name: "AveragePool, GlobalAveragePool, ReduceMean, ReduceSum",
      limits: "padding that counts or not, ceil_mode (of volumes padding that counts); reductions over any axes"),
    SupportedOperator(
      name: "ReduceL1, ReduceSumSquare, ReduceL2, ReduceProd",
      limits: "over any axes; magnitudes and squares of 16 bits; ReduceL2 where 16 bits hold its sum, ReduceProd of two elements"),
    SupportedOperator(
      name: "Sum, Mean", limits: "of quantised tensors of one scale and shape, and constants; Sum of two of any"),
    SupportedOperator(name: "BatchNormalization", limits: ""),
    SupportedOperator(
      name: "Concat, Split, Slice, Pad, Gather, GatherElements, GatherND, Tile, Expand, Trilu",
      limits: "constant amounts and bounds; indices constant, or an input that chooses rows of a quantised table; padding with "
        + "a code of the input or of the quantiser behind it, or in the modes reflect, edge and wrap"),
    SupportedOperator(name: "Constant, Identity, Cast, Dropout", limits: "where exporters leave them"),
    SupportedOperator(
      name: "Shape, Size, Range, Equal, Mod, Floor, ReduceProd, …",
      limits: "of constants and shapes: they are computed before anything runs"),
    SupportedOperator(
      name: "Conv", limits: "1 to 3 dimensions, groups, dilation, any padding; constant quantised weights"),
    SupportedOperator(
      name: "ConvTranspose", limits: "1 or 2 dimensions, groups, dilation, any padding; constant quantised weights"),
    SupportedOperator(name: "DepthToSpace, SpaceToDepth", limits: ""),
    SupportedOperator(
      name: "Gemm, MatMul, Einsum",
      limits: "constant quantised weights, or two quantised tensors (Gemm without alpha and C then); Einsum of two factors, "
        + "which are multiplied as matrices"),
    SupportedOperator(name: "CumSum", limits: "of at most 1,024 elements"),
    SupportedOperator(name: "Max, Min", limits: "of quantised tensors and constants, by NumPy's rules"),
    SupportedOperator(name: "MaxPool, GlobalMaxPool, ReduceMax, ReduceMin", limits: "dilation"),
    SupportedOperator(name: "PRelu", limits: "slopes one, or of the input's size along some axes"),
    SupportedOperator(
      name: "Quant",
      limits: "1 to 16 bits; every rounding mode with power-of-two scales, ROUND with others; sign-dependent "
        + "modes for codes of 0 and more"),
    SupportedOperator(name: "BipolarQuant", limits: "of weights and activations"),
    SupportedOperator(
      name: "QuantLSTMCell", limits: "Brevitas' QuantLSTM, all of it quantised: written out, at most 1,000 moments or so"),
    SupportedOperator(
      name: "QuantizeLinear, DequantizeLinear", limits: "int4 to int16, uint4 to uint16; weights per channel"),
    SupportedOperator(name: "QLinearConv, QLinearMatMul", limits: ""),
    SupportedOperator(
      name: "com.microsoft",
      limits: "QGemm, QLinearAdd, QLinearMul, QLinearAveragePool, QLinearGlobalAveragePool, "
        + "QLinearConcat, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax"),
    SupportedOperator(name: "Relu, Clip", limits: ""),
    SupportedOperator(
      name: "Sigmoid, Tanh, LeakyRelu, Elu, Selu, Celu, Gelu, Mish, HardSigmoid, HardSwish, Softplus, Erf, Exp, Log, Sin, Cos, "
        + "Sqrt, Abs, Neg, Reciprocal, Floor, Ceil, Round, Pow, Sign, Softsign, ThresholdedRelu",
      limits: "one behind the other, and joined again by Add, Sub, Mul, Div"),
    SupportedOperator(
      name: "Greater, GreaterOrEqual, Less, LessOrEqual", limits: "of functions of one tensor: a condition for Where"),
    SupportedOperator(name: "Where", limits: "of two quantised tensors or constants, by a condition or a constant"),
    SupportedOperator(name: "Reshape, Flatten, Squeeze, Unsqueeze, Transpose", limits: ""),
    SupportedOperator(
      name: "Resize, Upsample", limits: "to the nearest, every mode of rounding and coordinates; linearly (codes without scale too) by 2, 4 or 8, or to any size whose weights "
        + "are whole numbers of a unit that 16-bit codes have room for"),
    SupportedOperator(
      name: "Softmax",
      limits: "rows of up to 4,096 elements; at the end it is left to the caller: the program returns the codes in front of it"),
    SupportedOperator(
      name: "LogSoftmax, ArgMax, Hardmax, TopK",
      limits: "at the end, quantised or not: the program returns the codes in front of it"),
    SupportedOperator(
      name: "LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, LpNormalization",
      limits: "in front of a quantiser, with constant gains and offsets; LpNormalization with p 2"),
  ]

  /// Columns that fit a terminal of a hundred.
  private static let (nameWidth, limitsWidth) = (34, 62)

  /// The list as `inspect --operators` prints it.
  static func list(json: Bool) -> String {
    let sixteen = all.map { SupportedOperator(name: $0.name, limits: $0.allLimits) }
    let formats = [("TensorFlow Lite", sixteen + onVariables + loops + onConstants), ("ONNX", onnx)]
    if json {
      return JSON.array(
        formats.flatMap { format, operators in
          operators.map {
            .object([("format", .string(format)), ("name", .string($0.name)), ("limits", .string($0.limits))])
          }
        }
      ).text
    }
    return formats.map { format, operators in
      var table = TextTable([
        ("\(format) operator", .left),
        (format == "ONNX" ? "limits beyond fixed shapes" : "limits beyond int8 codes and fixed shapes", .left),
      ])
      for entry in operators { table.add([entry.name, entry.limits]) }
      if format != "ONNX" { table.add(["", uint8]) }
      return table.wrapped(at: [nameWidth, limitsWidth])
    }.joined(separator: "\n\n")
  }
}
