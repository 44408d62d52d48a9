/// The clamp that a file fuses into an operation, in real values.
public enum Activation: String, Sendable, Hashable {
  case none, relu, relu6, reluN1To1 = "relu_n1_to_1"
}

public enum Padding: Sendable, Hashable {
  /// Output size ⌈input / stride⌉; the missing rows are split, the odd one at the bottom or right.
  case same
  case valid
  /// So many rows and columns on each side.
  case explicit(top: Int, left: Int, bottom: Int, right: Int)
}

/// A window that slides over height and width.
public struct Window: Sendable, Hashable {
  public var padding: Padding
  public var strideHeight, strideWidth: Int
  public var dilationHeight, dilationWidth: Int
  /// The code that pools read beside the image, and count; nil: what is there does not count. No file says so: it is what
  /// a PAD in front of a pool becomes.
  public var fill: Int64?

  public init(
    padding: Padding, strideHeight: Int = 1, strideWidth: Int = 1, dilationHeight: Int = 1, dilationWidth: Int = 1,
    fill: Int64? = nil
  ) {
    self.padding = padding
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
    self.fill = fill
  }
}

/// Which indices of a strided slice the file leaves to their defaults or removes; one bit a dimension.
public struct SliceMasks: Sendable, Hashable {
  public var begin, end, ellipsis, newAxis, shrinkAxis: Int
  /// Whether `end` counts from `begin`.
  public var isOffset: Bool

  public init(begin: Int, end: Int, ellipsis: Int, newAxis: Int, shrinkAxis: Int, isOffset: Bool) {
    self.begin = begin
    self.end = end
    self.ellipsis = ellipsis
    self.newAxis = newAxis
    self.shrinkAxis = shrinkAxis
    self.isOffset = isOffset
  }
}

/// Which element of an axis a resized element is taken from (TensorFlow Lite: `GetNearestNeighbor`).
public struct NearestNeighbor: Sendable, Hashable {
  /// Whether the first and the last elements of both sides lie on each other.
  public var alignsCorners: Bool
  /// Whether elements are squares that lie around half-integers, and not points at integers.
  public var hasHalfPixelCenters: Bool

  public init(alignsCorners: Bool, hasHalfPixelCenters: Bool) {
    self.alignsCorners = alignsCorners
    self.hasHalfPixelCenters = hasHalfPixelCenters
  }
}

/// A unary function of one code.
public enum UnaryFunction: Sendable, Hashable {
  case logistic, tanh, hardSwish, relu, relu6, reluN1To1
  case leakyRelu(alpha: Float)
  /// One after the other, in real values, each result rounded to single precision.
  case composed([RealFunction])
  /// As TensorFlow Lite's kernels reckon it, for codes in fixed point or by a table.
  case real(RealFunction)

  /// What it does to real values, one function after the other.
  public var reals: [RealFunction] {
    switch self {
    case .logistic: [.logistic]
    case .tanh: [.tanh]
    case .hardSwish: [.hardSwish]
    case .relu: [.clamp(0, .infinity)]
    case .relu6: [.clamp(0, 6)]
    case .reluN1To1: [.clamp(-1, 1)]
    case .real(let function): [function]
    case .leakyRelu(let alpha): [.leakyRelu(alpha: alpha)]
    case .composed(let functions): functions
    }
  }
}

/// A function of one real value.
public enum RealFunction: Sendable, Hashable {
  case logistic, tanh, exponential, squareRoot, absolute, reciprocal, softplus
  case leakyRelu(alpha: Float)
  case elu(alpha: Float)
  /// max(0, min(1, alpha · x + beta)).
  case hardSigmoid(alpha: Float, beta: Float)
  case hardSwish
  /// gain · x + offset.
  case scaled(by: Double, plus: Double)
  case divided(by: Double)
  case clamp(Double, Double)
  case logarithm, reciprocalSquareRoot, square, negated, sine, cosine, floor, ceiling
  /// To the nearest integer, ties to the even one.
  case rounded
  /// x · Φ(x), Φ the normal distribution; approximately, by tanh.
  case gelu(isApproximate: Bool)
  case errorFunction
  /// x · tanh(softplus(x)).
  case mish
  /// Of what the first functions, one behind the other, and the second ones make of the same value.
  case joined(Joining, [RealFunction], [RealFunction])
  /// What the second functions make of it where the first make anything but 0, elsewhere what the third do.
  case chosen([RealFunction], [RealFunction], [RealFunction])

  /// What two values make. Truth values are 1 and 0.
  public enum Joining: Sendable, Hashable {
    case sum, difference, product, quotient, maximum, minimum
    case compared(Comparison)
  }

  /// The same number whatever its argument.
  public static func constant(_ number: Double) -> RealFunction { .scaled(by: 0, plus: number) }

  /// Whether it is made of several functions of the same value.
  public var isJoined: Bool {
    switch self {
    case .joined, .chosen: true
    default: false
    }
  }

  /// Whether it is made of straight lines and never folds: a gain, an offset or bounds.
  public var isLinear: Bool {
    switch self {
    case .scaled, .divided, .clamp: true
    default: false
    }
  }
}

/// What is computed from constants and fixed shapes alone, before anything runs (`ConstantEvaluation`).
public enum ConstantFunction: Sendable, Hashable {
  /// The shape of the input, and the number of its axes.
  case shape, rank
  /// Zeros in the shape of the input.
  case zeros
  /// Inputs: integers or reals, which become the output's type.
  case cast
  /// Inputs: a shape, one value.
  case fill
  /// Inputs: start, limit, step.
  case range
  /// Inputs: two shapes; the one that both broadcast to.
  case broadcastArguments
  case floorDivide, floorModulo
  /// Inputs: any shape, axes.
  case product(keepsDimensions: Bool)
}

/// How two numbers are compared.
public enum Comparison: String, Sendable, Hashable, CaseIterable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  public func holds<Number: Comparable>(_ a: Number, _ b: Number) -> Bool {
    switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

/// How truth values are joined.
public enum Logical: String, Sendable, Hashable, CaseIterable {
  case and, or, not
}

/// What is made of all elements along some axes.
public enum Reduction: String, Sendable, Hashable, CaseIterable {
  case sum, maximum, minimum
}

/// One operation of a network, as its file gives it.
public struct Operation: Sendable {
  public enum Kind: Sendable {
    /// Inputs: image, weights [out, height, width, in / groups], bias or none. Biases are integers in units of input scale
    /// times weight scale, or (ONNX) real values.
    case conv2D(Window, Activation)
    /// Inputs: image, weights [1, height, width, in · multiplier], bias or none.
    case depthwiseConv2D(Window, depthMultiplier: Int, Activation)
    /// Each input pixel adds its share to the window of the output that starts at stride times its place, less the padding;
    /// under SAME that is half of what the windows' ends reach beyond the output. Inputs: image, weights [out, height,
    /// width, in / groups], bias or none; perhaps the output's shape.
    case transposeConv(Window, Activation)
    /// Inputs: any shape, weights [out, in], bias or none.
    case fullyConnected(keepsDimensions: Bool, Activation)
    case add(Activation)
    /// The sum of two tensors or more, of one shape.
    case addAll
    case subtract(Activation)
    case multiply(Activation)
    /// Inputs: matrices [batch…, rows, depth] and [batch…, depth, columns], the last two dimensions of either exchanged
    /// where it is transposed; batches broadcast.
    case batchMatMul(transposesLeft: Bool, transposesRight: Bool)
    case averagePool2D(Window, height: Int, width: Int, Activation)
    case maxPool2D(Window, height: Int, width: Int, Activation)
    /// Inputs: any shape, axes.
    case mean(keepsDimensions: Bool)
    case softmax(beta: Float)
    case logSoftmax
    /// Each row along the last axis divided by its length.
    case normalize
    /// Rows brought to mean 0 and variance 1 (ONNX).
    case standardize(RowScores)
    /// Inputs: any shape; perhaps the new shape, which may stand in the options instead.
    case reshape(shape: [Int]?)
    case squeeze(axes: [Int])
    case expandDimensions
    /// Inputs: any shape, amounts [rank, 2]; perhaps the code to pad with, else the zero point.
    case pad
    /// Inputs: any shape, permutation.
    case transpose
    case concatenation(axis: Int, Activation)
    /// Inputs: any shape, begins, ends, strides.
    case stridedSlice(SliceMasks)
    /// Inputs: tensors of one shape, which are stacked along a new axis.
    case pack(axis: Int)
    /// Inputs: any shape, whose axis is taken apart into one output an index.
    case unpack(axis: Int)
    /// Inputs: any shape, begins, sizes (−1: to the end).
    case slice
    /// Inputs: any shape, indices along `axis`; an embedding's table and indices too.
    case gather(axis: Int, batchDimensions: Int)
    /// Inputs: any shape, the shape to broadcast it to.
    case broadcastTo
    case divide(Activation)
    case maximum, minimum
    case compare(Comparison)
    /// Inputs: condition, what stands where it holds, what stands elsewhere.
    case select
    /// Inputs: any shape, axes.
    case reduce(Reduction, keepsDimensions: Bool)
    /// Inputs: any shape, axis. The index of the first largest or smallest element.
    case indexOf(Reduction)
    /// Inputs: any shape, axis.
    case cumulativeSum(isExclusive: Bool, isReverse: Bool)
    /// (a − b)².
    case squaredDifference
    /// Of truth values; `.not` of one.
    case logical(Logical)
    /// Inputs: image, height and width to bring it to.
    case resizeBilinear(alignsCorners: Bool, centresHalfPixels: Bool)
    case constant(ConstantFunction)
    /// Equal parts along an axis, an output each. Inputs: axis, any shape.
    case split
    /// Parts along an axis, an output each. Inputs: any shape, sizes (one may be −1: the rest), axis.
    case splitSizes
    /// Inputs: any shape, how often each axis is repeated.
    case tile
    /// Inputs: any shape; indices, whose last axis names places along the first axes.
    case gatherND
    /// Inputs: any shape, axes along which the order is turned round.
    case reverse
    /// Inputs: any shape, amounts [rank, 2]. What is added mirrors the rest, whose outermost element is repeated or not.
    case mirrorPad(repeatsEdge: Bool)
    /// Blocks of `block` × `block` pixels out of their channels; and back.
    case depthToSpace(block: Int)
    case spaceToDepth(block: Int)
    /// Inputs: images, block sizes, amounts [axes, 2] to pad before (crop after). Places inside a block become images.
    case spaceToBatch
    case batchToSpace
    /// Inputs: images, height and width.
    case resizeNearest(NearestNeighbor)
    /// Input: any shape. Element i of the output is the input's at `maps[axis][i[axis]]` along each axis.
    case indexed([[Int]])
    /// Inputs: any shape, slopes that broadcast to it.
    case parametricRelu
    case unary(UnaryFunction)
    case quantize
    case dequantize
    /// Inputs: [1, time, features]; weights of the input, for the gates input, forget, cell and output; weights of the hidden
    /// state, likewise; biases, likewise; hidden state and cell, as the run before left them. Outputs: hidden states [1,
    /// time, units], and the last hidden state and cell (TensorFlow Lite's UNIDIRECTIONAL_SEQUENCE_LSTM).
    case lstm(cellClip: Float)
    /// Inputs: [1, features]; weights of features [filters, features]; weights of time [filters, memory]; bias or nil; the
    /// last `memory` results of every filter. Outputs: [1, filters / rank]; the new results (TensorFlow Lite's SVDF).
    case svdf(rank: Int)
    case signal(SignalFunction)
    /// Of real numbers, in one direction. Inputs: [time, batch, features]; weights of the input [gates · units, features];
    /// weights of the hidden state [gates · units, units]; biases [gates · units] or nil; biases of the product with the
    /// hidden state that a gate resets [units] or nil; peepholes [3 · units] or nil; hidden state and cell before the
    /// first moment [1, batch, units], nil for zeros. Outputs: hidden states [time, batch, units]; the last of them; the
    /// last cell, where there is one.
    case recurrent(RecurrentLayer)
    /// What the importer could not translate, and why.
    case unsupported(reason: String)
  }

  public var kind: Kind
  /// The operation's name in its file format: CONV_2D, …
  public var typeName: String
  /// Tensor indices; nil where an optional input is left out.
  public var inputs: [Int?]
  public var outputs: [Int]
  /// What the file's constants do to its real result in front of the quantiser, in order (ONNX).
  public var stages: [ConstantStage] = []
  /// How its real result becomes a code, where the file says so.
  public var quantizer: Quantizer?
  /// The place in the file of the operation that it was made of, where that is not its place in the network.
  public var place: Int?
  /// What a user can do about it where it is not supported, if the importer knows.
  public var remedy: String?

  public init(_ kind: Kind, typeName: String, inputs: [Int?], outputs: [Int], quantizer: Quantizer? = nil) {
    self.quantizer = quantizer
    self.kind = kind
    self.typeName = typeName
    self.inputs = inputs
    self.outputs = outputs
  }
}

extension Operation.Kind {
  /// Whether it may make more than one tensor.
  public var mayHaveSeveralOutputs: Bool {
    switch self {
    case .split, .splitSizes, .unpack, .lstm, .svdf, .recurrent: true
    case .signal(let function):
      switch function {
      case .autoScale, .subtraction, .framer, .stacker, .delay, .overlapAdd: true
      default: false
      }
    default: false
    }
  }
}
