import Network

/// What a value of the graph stands for.
enum ONNXMeaning {
  case constant(ONNXConstant)
  /// A float input of the graph, before its quantiser.
  case input(index: Int, StridedView)
  case codes(ONNXCodes)
  /// Real values that no quantiser has made codes of yet.
  case pending(ONNXPending)
  /// What a node at fault would have made.
  case failed

  /// How it lies in memory; nil where that has no meaning.
  var view: StridedView? {
    switch self {
    case .constant(let constant): StridedView(rowMajor: constant.shape)
    case .input(_, let view): view
    case .codes(let codes): codes.view
    case .pending(let pending): pending.view
    case .failed: nil
    }
  }

  func with(_ view: StridedView) -> ONNXMeaning {
    switch self {
    case .input(let index, _): return .input(index: index, view)
    case .codes(var codes):
      codes.view = view
      return .codes(codes)
    case .pending(var pending):
      pending.view = view
      return .pending(pending)
    case .constant, .failed: return self
    }
  }
}

/// An input of the graph, or what the caller makes of one in front of its first quantiser.
struct ONNXInput {
  var name: String
  var shape: [Int]
  /// What takes its codes, once a quantiser is met.
  var tensor: Int?
  /// Its place among the inputs, or that of the one it is made of.
  var origin: Int
  /// What the network goes on with, where not all codes of the type are the quantiser's: those it makes of the tensor's.
  var held: Int?
  /// The codes that are held.
  var codes: ClosedRange<Int64>?
}

/// A tensor of codes in the network.
struct ONNXCodes {
  var tensor: Int
  var view: StridedView
  /// Whether the graph's value is what the codes stand for, and not the codes themselves.
  var isReal: Bool
}

/// Scale, zero point, codes and rounding, as a quantiser's inputs and attributes give them.
struct ONNXQuantizer: Hashable {
  var scale: Float
  var zeroPoint: Int64
  var type: ElementType
  var codes: ClosedRange<Int64>
  var rounding = Quantizer.Rounding.halfEven
  var roundsZeroPoint = false

  var quantization: Quantization { Quantization(scales: [scale], zeroPoints: [zeroPoint]) }
}

/// An operator whose quantiser is still to come: constants behind it, in order, and then perhaps it is clamped and pooled.
struct ONNXPending {
  indirect enum Base {
    case codes(ONNXCodes)
    case affine(ONNXAffine)
    /// Two tensors of one shape, or of shapes that broadcast, as they lie in memory.
    case combine(Operation.Kind, Int, Int)
    /// Softmax or a normalisation of the rows of a tensor, its last axis.
    case rows(Operation.Kind, Int)
    /// The average over a window of an image.
    case average(Int, Window, height: Int, width: Int)
    /// Averages over windows of an image that differ in size at its edges.
    case averages(Int, rows: [ONNXWindowRun], columns: [ONNXWindowRun])
    /// The larger or smaller of parts that broadcast, with the axes in the order `order` in memory.
    case extremum([ONNXMeaning], isMaximum: Bool, order: [Int])
    /// The first of two parts where the condition, which is 0 or 1, is 1, and else the second; they broadcast.
    case choice(ONNXMeaning, [ONNXMeaning], order: [Int])
    /// The parts are brought into the memory order `order` and joined along `axis`.
    case concatenation([ONNXMeaning], axis: Int, order: [Int])
  }
  struct MaximumPool {
    var window: Window
    var height, width: Int
    var shape: [Int]
    /// Where its window has gaps: the rows and the columns that are under it, one window's behind another's.
    var gathered: (rows: [Int], columns: [Int])?
  }

  /// What is cut out of a result, once it is quantised.
  struct Crop {
    /// How the whole lies in memory, and where in it the part begins: images in the file's order.
    var view: StridedView
    var starts: [Int]
    var shape: [Int]
  }

  var base: Base
  var typeName: String
  /// How the result lies in memory.
  var view: StridedView
  /// The shape of the base's own output in memory.
  var shape: [Int]
  /// On codes alone: what is done to each of them, in order.
  var functions: [RealFunction] = []
  var stages: [ConstantStage] = []
  /// Behind the stages.
  var clamp = -Double.infinity...Double.infinity
  /// Quantisers never decrease, so what is largest before is largest after.
  var pools: [MaximumPool] = []
  var crop: Crop?

  /// With constants for each channel of the base, where those repeat the file's.
  var tiled: ONNXPending {
    guard case .affine(let affine) = base, affine.repeats > 1 else { return self }
    var tiled = self
    tiled.stages = stages.map { stage in
      stage.permuted((0..<affine.repeats).flatMap { _ in 0..<stage.channels })
    }
    return tiled
  }

  init(_ base: Base, typeName: String, view: StridedView, shape: [Int]) {
    self.base = base
    self.typeName = typeName
    self.view = view
    self.shape = shape
  }

  private var takesFunctions: Bool { if case .codes = base { pools.isEmpty } else { false } }

  /// `function` of each element.
  mutating func apply(_ function: RealFunction) throws(NodeFault) {
    if takesFunctions {
      functions.append(function)
      return
    }
    switch function {
    case .scaled(let gain, let offset):
      if gain != 1 { try append(.multiplied(by: [gain])) }
      if offset != 0 { try append(.added([offset])) }
    case .divided(let divisor): try append(.divided(by: [divisor]))
    case .clamp(let low, let high):
      guard low <= high else { throw NodeFault("it clamps to \(low) … \(high)") }
      // What has bounds already has these behind them: where the two do not meet, one of the new ones is all there is.
      func held(_ bound: Double) -> Double { max(low, min(high, bound)) }
      clamp = held(clamp.lowerBound)...held(clamp.upperBound)
    default:
      throw NodeFault(
        "its input is not quantised: \(typeName) in front of it makes real values",
        remedy: "put a quantiser between \(typeName) and it: functions are tables of codes (quantize_static with "
          + "QuantFormat.QDQ and \(typeName) in op_types_to_quantize)")
    }
  }

  /// More constants behind one operator than this would be no one's network.
  private static let mostStages = 64

  /// What a constant does to each element, or to those of each channel.
  mutating func append(_ stage: ConstantStage) throws(NodeFault) {
    guard stage.isFinite else { throw NodeFault("it scales or shifts by what is no finite number") }
    if case .divided(let divisors) = stage, divisors.contains(0) { throw NodeFault("it divides by zero") }
    if takesFunctions, stage.channels == 1 {
      switch stage {
      case .multiplied(let factors): return functions.append(.scaled(by: factors[0], plus: 0))
      case .divided(let divisors): return functions.append(.divided(by: divisors[0]))
      case .added(let summands): return functions.append(.scaled(by: 1, plus: summands[0]))
      case .clamped(let low, let high): return functions.append(.clamp(low, high))
      case .normalized: break
      }
    }
    switch base {
    case .concatenation, .extremum, .choice:
      throw NodeFault(
        "it scales what \(typeName) makes of several tensors", remedy: "put a quantiser behind \(typeName)")
    default: break
    }
    guard pools.isEmpty || stage.isIncreasing else {
      throw NodeFault(
        "it scales by what is not positive what \(typeName) has pooled already: the largest becomes the smallest",
        remedy: "put a quantiser in front of it")
    }
    if clamp != -.infinity ... .infinity {
      stages.append(.clamped(clamp.lowerBound, clamp.upperBound))
      clamp = -.infinity ... .infinity
    }
    stages.append(stage)
    guard stages.count <= Self.mostStages else {
      throw NodeFault("it is one of over \(Self.mostStages) constants behind one \(typeName)")
    }
  }

  /// Adds `factor` times one number, or one a channel.
  mutating func add(_ numbers: [Double], times factor: Double) throws(NodeFault) {
    guard factor != 0 else { return }
    // The product might be rounded, and what is divided first is not.
    if factor != 1 { try append(.divided(by: [factor])) }
    try append(.added(numbers))
    if factor != 1 { try append(.multiplied(by: [factor])) }
  }

  /// Gain and offset of a channel, in double precision; what stands between clamps is not looked at.
  func linear(channel: Int) -> (gain: Double, offset: Double) {
    stages.reduce((1, 0)) { map, stage in
      guard let next = stage.linear(channel: stage.channels == 1 ? 0 : channel) else { return map }
      return (map.0 * next.gain, map.1 * next.gain + next.offset)
    }
  }
}

/// Windows of one size along an axis, one behind the other.
struct ONNXWindowRun: Equatable {
  /// Where the first begins, inside the image.
  var start: Int
  var size: Int
  var stride: Int
  /// How many there are.
  var count: Int

  /// The elements of the axis that they cover.
  var reach: Int { (count - 1) * stride + size }
}

/// A dense layer or convolution on codes, its weights laid out as in `Operation.Kind`.
struct ONNXAffine {
  var kind: Operation.Kind
  var input: Int
  var weights: [Int64]
  var weightShape: [Int]
  var weightType: ElementType
  /// One, or one for each output channel, the first axis of the weights.
  var scales: [Float]
  var zeroPoints: [Int64]
  /// In units of input scale times weight scale.
  var bias: [Int64]?
  /// How often the file's channels are repeated, one list behind the other.
  var repeats = 1

  var channels: Int { weightShape[0] }
}
