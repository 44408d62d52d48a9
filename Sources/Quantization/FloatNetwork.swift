import ConstantEvaluation
import IntegerProgram
import Network

/// A network of real numbers whose layers have been checked: every shape is what the layers before make it, every weight is
/// there. It can be run (`FloatNetwork+Run.swift`) and quantised.
public struct FloatNetwork: Sendable {
  public let network: Network
  /// The layers, in the order in which they are reckoned.
  var layers: [FloatLayer]
  /// Tensors of whole numbers that choose rows of tables, with how many rows the shortest of these has.
  private(set) var indices: [Int: Int] = [:]

  /// Tensors that play one part in all moments of a recurrent layer, list by list.
  let alike: [[Int]]

  /// Throws a `NetworkError` with every layer that is not one of real numbers, or is not supported.
  public init(_ network: Network) throws {
    try network.validate()
    let (written, alike) = network.evaluatingConstants().leavingIndicesToCaller().takingWholeNumbers().composingTables()
      .writingSumsOut().writingRecurrencesOut()
    let network = written.writingQuotientsOut()
    self.alike = alike
    guard !network.inputs.isEmpty, !network.outputs.isEmpty else {
      throw NetworkError("it has \(network.inputs.count) inputs and \(network.outputs.count) outputs")
    }
    self.network = network
    var issues: [LayerIssue] = []
    for tensor in network.inputs where ![.float32, .int32, .int64].contains(network.tensors[tensor].type) {
      issues.append(
        LayerIssue(
          reason:
            "its input \"\(network.tensors[tensor].name.printable())\" is \(network.tensors[tensor].type), not float32, int32 "
            + "or int64", remedy: "quantise the float network that it was made of, or feed it real values"))
    }
    if let codes = network.operations.lazy.flatMap(\.outputs).map({ network.tensors[$0] }).first(where: {
      $0.constant == nil && $0.type.codes != nil && $0.quantization != nil
    }) {
      throw NetworkError([
        LayerIssue(
          reason: "the network is quantised already: its layers make \(codes.type) codes, as \"\(codes.name.printable())\"",
          remedy: "quantise the float network that it was made of")
      ])
    }
    var layers: [FloatLayer] = []
    for (index, operation) in network.operations.enumerated() {
      do throws(LayerFault) {
        layers += try FloatOperation(operation: operation, index: index, network: network).layers()
      } catch {
        issues.append(
          LayerIssue(
            index: network.place(ofOperation: index), type: operation.typeName, name: network.name(ofOperation: index),
            reason: error.reason, remedy: error.remedy))
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    self.layers = layers
    for layer in layers.reversed() {
      var rows = indices[layer.output]
      if case .rows(_, let count, _, _) = layer.kind { rows = count }
      guard let rows, network.tensors[layer.inputs[0]].type != .float32 else { continue }
      indices[layer.inputs[0]] = min(rows, indices[layer.inputs[0]] ?? rows)
    }
    for layer in layers where layer.isCast && indices[layer.inputs[0]] != nil {
      let name = network.tensors[layer.inputs[0]].name.printable()
      throw NetworkError([
        LayerIssue(
          index: network.place(ofOperation: layer.index), type: network.operations[layer.index].typeName,
          name: network.name(ofOperation: layer.index),
          reason: "it takes the indices \"\(name)\", which choose rows of a table, for numbers, too",
          remedy: "give the network what is made of them, a mask say, as an input of its own")
      ])
    }
  }

  var inputs: [Int] { network.inputs }
  var outputs: [Int] { network.outputs }
  /// What the caller must know of how the network was read.
  public var notices: [String] { network.notices }
  /// The inputs and outputs, in order.
  public var inputTensors: [Tensor] { inputs.map { network.tensors[$0] } }
  public var outputTensors: [Tensor] { outputs.map { network.tensors[$0] } }

  /// The tensor in front of a softmax that makes an output, which has the same order of classes; nil where none does.
  public func softmaxInput(of output: Int) -> Int? {
    guard let last = layers.last(where: { $0.output == output }), case .softmax = last.kind else { return nil }
    return last.inputs.first
  }

  /// How many rows the table has that an input of whole numbers chooses from; nil for inputs of numbers.
  public func rows(ofInput position: Int) -> Int? { indices[inputs[position]] }
}

extension Network {
  /// Quotients by what is reckoned as products with its reciprocal: TensorFlow Lite divides no int8 that may be zero.
  fileprivate func writingQuotientsOut() -> Network {
    var written = self
    written.operations = []
    for (index, operation) in operations.enumerated() {
      var operation = operation
      operation.place = place(ofOperation: index)
      guard case .divide(let activation) = operation.kind, operation.inputs.count == 2, operation.outputs.count == 1,
        let divisor = operation.inputs[1], tensors[divisor].constant == nil, tensors[divisor].type == .float32
      else {
        written.operations.append(operation)
        continue
      }
      let name = "\(tensors[operation.outputs[0]].name)/reciprocal"
      written.tensors.append(Tensor(name: name, shape: tensors[divisor].shape, type: .float32))
      let reciprocal = written.tensors.count - 1
      var division = Operation(
        .unary(.composed([.reciprocal])), typeName: operation.typeName, inputs: [divisor], outputs: [reciprocal])
      division.place = operation.place
      operation.kind = .multiply(activation)
      operation.inputs[1] = reciprocal
      written.operations += [division, operation]
    }
    return written
  }
}

/// Why one layer cannot be quantised.
struct LayerFault: Error {
  var reason: String
  var remedy: String?

  init(_ reason: String, remedy: String? = nil) {
    self.reason = reason
    self.remedy = remedy
  }
}

/// One layer of a float network.
struct FloatLayer: Sendable {
  enum Kind: Sendable {
    case affine(FloatAffine)
    case transposed(FloatTransposed)
    case combine(Combination, strides: [(left: Int, right: Int)], shape: [Int])
    /// Element by element the second or the third of three operands, by whether the first holds.
    case select([FloatOperand], shape: [Int])
    /// Of two lists of matrices.
    case product(MatrixProduct)
    case average(FloatWindow)
    case maximum(FloatWindow)
    /// Element i of the output is of the elements `starts[i] + s` for every s of `steps`.
    case reduce(FloatReduction, axes: [Int], starts: [Int], steps: [Int])
    case bilinear(FloatResize)
    case softmax(beta: Float, depth: Int)
    case logarithmicSoftmax(depth: Int)
    /// Rows divided by their lengths.
    case normalized(depth: Int)
    /// Sums up to each element of the middle one of three axes.
    case cumulative(axes: [Int], isExclusive: Bool, isReverse: Bool)
    /// Element i of the output is element `places[i]` of the input, or `fill` where that is −1.
    case move(places: [Int32], fill: Float)
    /// Along the middle one of three axes: blocks of these sizes a turn, one a part.
    case concatenation(turns: Int, parts: [FloatPart])
    case unary([RealFunction])
    /// Along the middle one of three axes of a table the rows that whole numbers choose.
    case rows(outer: Int, count: Int, inner: Int, table: [Float])
    /// Whole numbers as real ones.
    case cast
    /// Of truth values.
    case denied
  }
  enum Combination: Sendable, Equatable {
    case sum, difference, product, quotient, maximum, minimum, squaredDifference
    /// Of what is below zero the product with the right operand: PRELU.
    case slope
    /// 1 where it holds, 0 elsewhere; of truth values likewise.
    case compared(Comparison), both, either
  }

  /// Its place in the file.
  var index: Int
  var kind: Kind
  var activation: Activation
  /// Tensors that are reckoned, without constants.
  var inputs: [Int]
  var output: Int
  /// The operand of two that is none of them; of a product of matrices, too.
  var constant: FloatConstant?
  /// Which of the operation's outputs it makes.
  var part = 0

  var isCast: Bool { if case .cast = kind { true } else { false } }

  /// Constants that its output holds as they are.
  var joinedConstants: [Float] {
    switch kind {
    case .move(let places, let fill): places.contains(-1) ? [fill] : []
    case .concatenation(_, let parts): parts.flatMap { $0.constant?.numbers ?? [] }
    case .rows(_, _, _, let table): table
    case .select(let operands, _): operands.dropFirst().flatMap { $0.constant?.numbers ?? [] }
    case .combine(.maximum, _, _), .combine(.minimum, _, _): constant?.numbers ?? []
    default: []
    }
  }
}

/// A constant operand of a layer that has two.
struct FloatConstant: Sendable {
  var numbers: [Float]
  var shape: [Int]
  /// Whether it is the first of the two.
  var isLeft: Bool
}

/// What is joined to others; its numbers where it is constant.
struct FloatPart: Sendable {
  /// Elements a turn.
  var size: Int
  var constant: FloatConstant?
}

/// One of three operands: the distance between its neighbours along each axis of the output, and what it holds where it is
/// constant.
struct FloatOperand: Sendable {
  var strides: [Int]
  var constant: FloatConstant?
}

enum FloatReduction: Sendable { case sum, mean, maximum, minimum }

/// A transposed convolution: input place i and tap t add to the output place i · stride + t · dilation − start along each
/// axis. Weights are [out, rows, columns, in].
struct FloatTransposed: Sendable {
  var input, output: [Int]
  var rows, columns: Int
  var strideHeight, strideWidth, dilationHeight, dilationWidth: Int
  var top, left: Int
  var weights: [Float]
  var bias: [Float]
  /// The window as the file gives it.
  var fileWindow: Window
}

/// An image brought to another size: each row and column lies between two.
struct FloatResize: Sendable {
  struct Tap: Sendable {
    var low, high: Int
    /// The share of the higher one.
    var share: Float
  }
  /// Of the input.
  var shape: [Int]
  var rows, columns: [Tap]
}

/// A convolution, grouped or not, or a dense layer: for every output channel its weights lie together, rows, columns and
/// input channels of its group, outermost first.
struct FloatAffine: Sendable {
  var window: FloatWindow
  var groups: Int
  var outputs: Int
  var weights: [Float]
  var bias: [Float]
  var isDense: Bool
  /// The window as the file gives it; nil for dense layers.
  var fileWindow: Window?

  var length: Int { weights.count / outputs }
}

/// A window over images [batch, height, width, channels].
struct FloatWindow: Sendable {
  var batch, height, width, channels: Int
  var rows, columns: Int
  var strideHeight, strideWidth, dilationHeight, dilationWidth: Int
  var top, left, bottom, right: Int
  var outputHeight, outputWidth: Int

  init(_ window: Window, shape: [Int], rows: Int, columns: Int) throws(LayerFault) {
    guard shape.count == 4 else { throw LayerFault("its input has the shape \(shape), not 4-D") }
    let sizes = [
      rows, columns, window.strideHeight, window.strideWidth, window.dilationHeight, window.dilationWidth,
    ]
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw LayerFault("its window's sizes, strides and dilations \(sizes) must be in 1 … 65536")
    }
    (batch, height, width, channels) = (shape[0], shape[1], shape[2], shape[3])
    (self.rows, self.columns) = (rows, columns)
    (strideHeight, strideWidth) = (window.strideHeight, window.strideWidth)
    (dilationHeight, dilationWidth) = (window.dilationHeight, window.dilationWidth)
    let (tall, wide) = ((rows - 1) * dilationHeight + 1, (columns - 1) * dilationWidth + 1)
    switch window.padding {
    case .valid: (top, left, bottom, right) = (0, 0, 0, 0)
    case .explicit(let top, let left, let bottom, let right):
      guard [top, left, bottom, right].allSatisfy({ (0...1 << 16).contains($0) }) else {
        throw LayerFault("its padding is negative, or over 65536")
      }
      (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
    case .same:
      // TensorFlow Lite: ComputePaddingHeightWidth.
      let vertical = max(((height + strideHeight - 1) / strideHeight - 1) * strideHeight + tall - height, 0)
      let horizontal = max(((width + strideWidth - 1) / strideWidth - 1) * strideWidth + wide - width, 0)
      (top, left) = (vertical / 2, horizontal / 2)
      (bottom, right) = (vertical - top, horizontal - left)
    }
    guard height + top + bottom >= tall, width + left + right >= wide else {
      throw LayerFault("its window, \(tall) × \(wide), does not fit its padded input, \(height) × \(width)")
    }
    outputHeight = (height + top + bottom - tall) / strideHeight + 1
    outputWidth = (width + left + right - wide) / strideWidth + 1
  }

  var isPadded: Bool { top > 0 || left > 0 || bottom > 0 || right > 0 }
  /// Whether it is one window, which is all of the image.
  var isWhole: Bool { !isPadded && outputHeight == 1 && outputWidth == 1 && rows == height && columns == width }
}
