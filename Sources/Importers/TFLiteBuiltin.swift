/// A builtin operator of TensorFlow Lite, by its number in the file.
struct TFLiteBuiltin: RawRepresentable, Hashable {
  let rawValue: Int

  init?(rawValue: Int) {
    guard Self.names.indices.contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }
  private init(_ rawValue: Int) { self.rawValue = rawValue }

  var name: String { Self.names[rawValue] }

  /// Whether an operator without its options table has no meaning.
  var needsOptions: Bool {
    [
      .conv2D, .depthwiseConv2D, .averagePool2D, .maxPool2D, .softmax, .stridedSlice, .leakyRelu, .depthToSpace,
      .spaceToDepth, .transposeConv,
    ].contains(self)
  }

  static let add = TFLiteBuiltin(0)
  static let svdf = TFLiteBuiltin(27)
  static let unidirectionalSequenceLSTM = TFLiteBuiltin(44)
  static let whileLoop = TFLiteBuiltin(119)
  static let callOnce = TFLiteBuiltin(129)
  static let varHandle = TFLiteBuiltin(142)
  static let readVariable = TFLiteBuiltin(143)
  static let assignVariable = TFLiteBuiltin(144)
  static let averagePool2D = TFLiteBuiltin(1)
  static let concatenation = TFLiteBuiltin(2)
  static let conv2D = TFLiteBuiltin(3)
  static let depthwiseConv2D = TFLiteBuiltin(4)
  static let depthToSpace = TFLiteBuiltin(5)
  static let dequantize = TFLiteBuiltin(6)
  static let floor = TFLiteBuiltin(8)
  static let fullyConnected = TFLiteBuiltin(9)
  static let l2Normalization = TFLiteBuiltin(11)
  static let logistic = TFLiteBuiltin(14)
  static let maxPool2D = TFLiteBuiltin(17)
  static let mul = TFLiteBuiltin(18)
  static let relu = TFLiteBuiltin(19)
  static let reluN1To1 = TFLiteBuiltin(20)
  static let relu6 = TFLiteBuiltin(21)
  static let reshape = TFLiteBuiltin(22)
  static let softmax = TFLiteBuiltin(25)
  static let spaceToDepth = TFLiteBuiltin(26)
  static let tanh = TFLiteBuiltin(28)
  static let custom = TFLiteBuiltin(32)
  static let pad = TFLiteBuiltin(34)
  static let gather = TFLiteBuiltin(36)
  static let batchToSpaceND = TFLiteBuiltin(37)
  static let spaceToBatchND = TFLiteBuiltin(38)
  static let transpose = TFLiteBuiltin(39)
  static let mean = TFLiteBuiltin(40)
  static let sub = TFLiteBuiltin(41)
  static let div = TFLiteBuiltin(42)
  static let squeeze = TFLiteBuiltin(43)
  static let stridedSlice = TFLiteBuiltin(45)
  static let exp = TFLiteBuiltin(47)
  static let split = TFLiteBuiltin(49)
  static let logSoftmax = TFLiteBuiltin(50)
  static let cast = TFLiteBuiltin(53)
  static let prelu = TFLiteBuiltin(54)
  static let maximum = TFLiteBuiltin(55)
  static let minimum = TFLiteBuiltin(57)
  static let less = TFLiteBuiltin(58)
  static let neg = TFLiteBuiltin(59)
  static let padV2 = TFLiteBuiltin(60)
  static let greater = TFLiteBuiltin(61)
  static let greaterEqual = TFLiteBuiltin(62)
  static let lessEqual = TFLiteBuiltin(63)
  static let select = TFLiteBuiltin(64)
  static let slice = TFLiteBuiltin(65)
  static let sin = TFLiteBuiltin(66)
  static let tile = TFLiteBuiltin(69)
  static let embeddingLookup = TFLiteBuiltin(7)
  static let resizeBilinear = TFLiteBuiltin(23)
  static let argMax = TFLiteBuiltin(56)
  static let transposeConv = TFLiteBuiltin(67)
  static let argMin = TFLiteBuiltin(79)
  static let logicalOr = TFLiteBuiltin(84)
  static let logicalAnd = TFLiteBuiltin(86)
  static let logicalNot = TFLiteBuiltin(87)
  static let cumsum = TFLiteBuiltin(128)
  static let squaredDifference = TFLiteBuiltin(99)
  static let expandDims = TFLiteBuiltin(70)
  static let equal = TFLiteBuiltin(71)
  static let notEqual = TFLiteBuiltin(72)
  static let log = TFLiteBuiltin(73)
  static let sum = TFLiteBuiltin(74)
  static let sqrt = TFLiteBuiltin(75)
  static let rsqrt = TFLiteBuiltin(76)
  static let shape = TFLiteBuiltin(77)
  static let reduceProd = TFLiteBuiltin(81)
  static let reduceMax = TFLiteBuiltin(82)
  static let pack = TFLiteBuiltin(83)
  static let unpack = TFLiteBuiltin(88)
  static let reduceMin = TFLiteBuiltin(89)
  static let floorDiv = TFLiteBuiltin(90)
  static let square = TFLiteBuiltin(92)
  static let zerosLike = TFLiteBuiltin(93)
  static let fill = TFLiteBuiltin(94)
  static let floorMod = TFLiteBuiltin(95)
  static let range = TFLiteBuiltin(96)
  static let resizeNearestNeighbor = TFLiteBuiltin(97)
  static let leakyRelu = TFLiteBuiltin(98)
  static let mirrorPad = TFLiteBuiltin(100)
  static let abs = TFLiteBuiltin(101)
  static let splitV = TFLiteBuiltin(102)
  static let ceil = TFLiteBuiltin(104)
  static let reverseV2 = TFLiteBuiltin(105)
  static let addN = TFLiteBuiltin(106)
  static let gatherND = TFLiteBuiltin(107)
  static let cos = TFLiteBuiltin(108)
  static let rank = TFLiteBuiltin(110)
  static let elu = TFLiteBuiltin(111)
  static let quantize = TFLiteBuiltin(114)
  static let round = TFLiteBuiltin(116)
  static let hardSwish = TFLiteBuiltin(117)
  static let selectV2 = TFLiteBuiltin(123)
  static let broadcastTo = TFLiteBuiltin(130)
  static let broadcastArgs = TFLiteBuiltin(145)
  static let gelu = TFLiteBuiltin(150)
  static let batchMatMul = TFLiteBuiltin(126)

  /// TensorFlow Lite's names, in the order of their numbers.
  static let names: [String] = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
    LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
    RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM
    EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND
    TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
    EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX
    MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV
    SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT
    REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
    REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU
    REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
    NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
    PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
    HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE
    READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM
    MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

  /// The element types no operation here reads.
  static let typeNames = [
    5: "string", 8: "complex64", 10: "float64", 11: "complex128", 12: "uint64", 13: "resource",
    14: "variant", 15: "uint32", 16: "uint16", 18: "bfloat16",
  ]
}

// MARK: What is refused by name

extension TFLiteBuiltin {
  /// What a custom operator is, as far as its name tells, and what to do.
  static func refusal(ofCustom name: String) -> (reason: String, remedy: String) {
    switch name {
    case "ethos-u":
      (
        "the file has been compiled for Arm's Ethos-U accelerator (by Vela), whose commands it holds instead of layers",
        "use the .tflite file that Vela was given"
      )
    case "edgetpu-custom-op":
      (
        "the file has been compiled for Google's Edge TPU, whose commands it holds instead of layers",
        "use the .tflite file that edgetpu_compiler was given"
      )
    case let name where name.hasPrefix("Flex"):
      (
        "it is TensorFlow's own operator \(String(name.dropFirst(4)).printable(60)), whose arithmetic the file does not define",
        "convert with TFLITE_BUILTINS_INT8 alone, without SELECT_TF_OPS, which names the layer to replace"
      )
    case let name where TFLiteSignal.refusal(of: name) != nil:
      TFLiteSignal.refusal(of: name) ?? ("", "")
    default:
      (
        "custom operators have no arithmetic that the file defines",
        "build the model from builtin operators, or end it in front of this one"
      )
    }
  }

  /// Why operators whose kind alone says so are refused, and what to do.
  var refusal: (reason: String, remedy: String)? {
    switch name {
    // Its own fault says more.
    case "WHILE":
      (
        "it is control flow without subgraphs to run",
        "convert without loops whose end depends on data; recurrent layers with unroll=True"
      )
    case "IF", "CALL":
      (
        "it is control flow: other subgraphs of the file are run, or run again and again",
        "convert without loops and conditions; recurrent layers with unroll=True"
      )
    case "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE":
      ("its variable makes no sense", "convert the model anew, or hand its state in and out as inputs and outputs")
    case "DENSIFY":
      ("it unfolds sparse weights", "convert without sparsity (without EXPERIMENTAL_SPARSITY among the optimizations)")
    // Their kinds say more.
    case "UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF": nil
    case let name where name.hasSuffix("_LSTM") || name.hasSuffix("_RNN") || name == "LSTM" || name == "RNN":
      (
        "it is a recurrent layer fused into one operator, which keeps state",
        "build the layer with unroll=True: its steps are then written out, without state"
      )
    default: nil
    }
  }
}
