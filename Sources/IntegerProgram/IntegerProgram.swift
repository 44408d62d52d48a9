import Arithmetic
import Network

/// What a device computes, written down once: integer steps over tensors of codes, in order. The simulator, the proved
/// ranges, the generated C and the verifier are readings of this and of nothing else.
public struct IntegerProgram: Sendable {
  /// The name of the file it was lowered from, without folder or extension.
  public var name: String
  public var values: [Value]
  public var steps: [Step]
  /// Indices into `values`. Behind those of a call stand what the states are when a run begins, and what it leaves.
  public var inputs: [Int]
  public var outputs: [Int]
  /// What a run leaves for the next, in the order in which `inputs` and `outputs` end with them.
  public var states: [State]
  /// What the file calls its inputs and outputs: not always as it calls the codes that stand for them.
  public var inputNames, outputNames: [String]
  /// What whoever runs it must know of how the file was read (see `Network.notices`). They decide nothing: the digest
  /// leaves them out, as it does names.
  public var notices: [String]
  /// Whether real values of inputs are not those of the file's inputs (see `Network.preparesInputs`).
  public var preparesInputs = false
  /// What is left to the caller behind the outputs (see `Network.finish`).
  public var finish = Network.Finish.nothing

  public init(
    name: String, values: [Value], steps: [Step], inputs: [Int], outputs: [Int], states: [State] = [],
    inputNames: [String]? = nil, outputNames: [String]? = nil, notices: [String] = []
  ) {
    self.states = states
    self.inputNames = inputNames ?? inputs.map { values[$0].name }
    self.outputNames = outputNames ?? outputs.map { values[$0].name }
    self.notices = notices
    self.name = name
    self.values = values
    self.steps = steps
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The source network's multiply-accumulates, padding included.
  public var multiplyAccumulates: Int { steps.reduce(0) { $0 + $1.multiplyAccumulates } }

  /// Roughly how many elementary operations a run takes.
  public var work: Int { steps.reduce(0) { $0 + $1.work(outputCount: values[$1.output].count) } }

  /// Whether each value is made once, before it is read.
  public var isWellFormed: Bool {
    var isMade = values.map { $0.constant != nil }
    for input in inputs {
      if isMade[input] { return false }
      isMade[input] = true
    }
    for step in steps {
      if isMade[step.output] || step.inputs.contains(where: { !isMade[$0] }) { return false }
      isMade[step.output] = true
    }
    return outputs.allSatisfy { isMade[$0] }
  }

  /// How often each value is read, counting the network's outputs.
  public var readCounts: [Int] {
    var counts = [Int](repeating: 0, count: values.count)
    for step in steps { for input in step.inputs { counts[input] += 1 } }
    for output in outputs { counts[output] += 1 }
    return counts
  }
}

/// The integers that a tensor's elements may be, before anything is proved about them.
public struct CodeType: Sendable, Hashable, CustomStringConvertible {
  /// 1 … 16; 32 where codes are accumulators, which only a network's outputs are.
  public var bits: Int
  public var isSigned: Bool

  public init(bits: Int, isSigned: Bool) {
    self.bits = bits
    self.isSigned = isSigned
  }
  public static let int8 = CodeType(bits: 8, isSigned: true)
  public static let uint8 = CodeType(bits: 8, isSigned: false)
  public static let int16 = CodeType(bits: 16, isSigned: true)
  /// Accumulators as they are.
  public static let int32 = CodeType(bits: 32, isSigned: true)
  /// Whether steps compute with such codes; wider ones are only moved.
  public var isOperand: Bool { bits <= 16 }

  public var range: ClosedRange<Int64> {
    isSigned ? (-1 << Int64(bits - 1))...((1 << Int64(bits - 1)) - 1) : 0...((1 << Int64(bits)) - 1)
  }
  public var description: String { (isSigned ? "int" : "uint") + "\(bits)" }
}

/// A tensor of codes.
public struct Value: Sendable {
  /// Its name in the file.
  public var name: String
  /// Its index among the file's tensors; nil where lowering introduced it.
  public var tensor: Int?
  public var shape: [Int]
  public var type: CodeType
  /// Every code it can hold, whatever the network's input: proved by intervals.
  public var range: ClosedRange<Int64>
  /// What a code stands for: `scale · (code − zeroPoint)`.
  public var scale: Float
  public var zeroPoint: Int32
  /// The codes of a constant.
  public var constant: [Int32]?

  public init(
    name: String, tensor: Int?, shape: [Int], type: CodeType, range: ClosedRange<Int64>? = nil, scale: Float,
    zeroPoint: Int32, constant: [Int32]? = nil
  ) {
    self.name = name
    self.tensor = tensor
    self.shape = shape
    self.type = type
    self.range = range ?? type.range
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.constant = constant
  }

  public var count: Int { shape.reduce(1, *) }
  /// Bytes that one of its codes takes in memory: those of the smallest C type that holds them.
  public var bytesPerCode: Int { type.bits <= 8 ? 1 : type.bits <= 16 ? 2 : 4 }
}

/// One step: it reads values and makes one.
public struct Step: Sendable {
  /// The small core. Every reading handles these and nothing else.
  public enum Operation: Sendable {
    case affine(Affine)
    case lookup(Lookup)
    case combine(Combine)
    case product(MatrixProduct)
    case pool(Pool)
    case softmax(Softmax)
    case normalize(Normalization)
    case move(Move)
    case signal(Signal)
  }

  /// The operation of the file that a step comes from.
  public struct Source: Sendable, Hashable {
    public var index: Int
    /// Its type in the file's format, as CONV_2D.
    public var type: String
    public var name: String

    public init(index: Int, type: String, name: String) {
      self.index = index
      self.type = type
      self.name = name
    }
  }

  public var operation: Operation
  public var source: Source
  /// Indices into the program's values.
  public var inputs: [Int]
  public var output: Int

  public init(_ operation: Operation, source: Source, inputs: [Int], output: Int) {
    self.operation = operation
    self.source = source
    self.inputs = inputs
    self.output = output
  }

  public var multiplyAccumulates: Int {
    switch operation {
    case .affine(let affine): affine.multiplyAccumulates
    case .product(let product): product.multiplyAccumulates
    case .signal(.filterBank(let bank)): 2 * bank.weights.count
    case .lookup, .combine, .pool, .softmax, .normalize, .move, .signal: 0
    }
  }

  /// Roughly how many elementary operations a run takes, pools and elementwise steps included.
  func work(outputCount: Int) -> Int {
    switch operation {
    case .affine(let affine): affine.multiplyAccumulates
    case .product(let product): product.multiplyAccumulates
    case .pool(let pool): outputCount * pool.geometry.taps
    case .signal(let signal): signal.work(outputCount: outputCount)
    case .lookup, .combine, .softmax, .normalize, .move: outputCount * 8
    }
  }
}
