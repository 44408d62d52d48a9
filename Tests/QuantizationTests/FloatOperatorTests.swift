import Exporters
import Foundation
import Importers
import IntegerProgram
import Network
import Simulation
import Testing

@testable import Quantization

/// Every operator that is quantised from float, alone: what it makes of real values by its definition, and in int8.
@Suite struct FloatOperatorTests {
  typealias Kind = EveryLayer.Kind

  /// One operator on an input [1, 4, 6, 4], with constants behind or in front of it.
  struct Case: Sendable, CustomTestStringConvertible {
    enum Operand: Sendable { case input, integers([Int32]), reals([Float], [Int]) }

    var name: String
    var kind: Kind
    var operands: [Operand]
    var outputs: [[Int]]
    /// The outputs' elements one after another, for those of the input.
    var expected: @Sendable ([Float]) -> [Float]

    init(
      _ name: String, _ kind: Kind, _ operands: [Operand] = [.input], _ outputs: [Int]...,
      expected: @escaping @Sendable ([Float]) -> [Float]
    ) {
      (self.name, self.kind, self.operands, self.outputs, self.expected) = (name, kind, operands, outputs, expected)
    }
    var testDescription: String { name }

    var network: Network {
      var network = Network(name: name, tensors: [], operations: [], inputs: [0], outputs: [])
      func bytes(_ bits: [UInt32]) -> [UInt8] { bits.flatMap { bits in (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) } } }
      network.tensors.append(Tensor(name: "x", shape: FloatOperatorTests.shape, type: .float32))
      let inputs = operands.map { operand -> Int in
        switch operand {
        case .input: return 0
        case .integers(let numbers):
          network.tensors.append(
            Tensor(name: "n", shape: [numbers.count], type: .int32, constant: bytes(numbers.map { UInt32(bitPattern: $0) })))
        case .reals(let numbers, let shape):
          network.tensors.append(
            Tensor(name: "c", shape: shape, type: .float32, constant: bytes(numbers.map(\.bitPattern))))
        }
        return network.tensors.count - 1
      }
      for shape in outputs {
        network.tensors.append(Tensor(name: "y\(network.tensors.count)", shape: shape, type: .float32))
        network.outputs.append(network.tensors.count - 1)
      }
      network.operations = [.init(kind, typeName: name, inputs: inputs, outputs: network.outputs)]
      return network
    }
  }

  static let shape = [1, 4, 6, 4]
  /// Element [0, row, column, channel] of the input.
  private static func at(_ x: [Float], _ row: Int, _ column: Int, _ channel: Int) -> Float {
    x[(row * 6 + column) * 4 + channel]
  }
  /// The elements of a tensor of this shape, by a rule of its places.
  private static func made(_ rows: Int, _ columns: Int, _ channels: Int, _ body: (Int, Int, Int) -> Float) -> [Float] {
    (0..<rows).flatMap { row in (0..<columns).flatMap { column in (0..<channels).map { body(row, column, $0) } } }
  }
  private static func all(_ body: @escaping @Sendable (Double) -> Double) -> @Sendable ([Float]) -> [Float] {
    { $0.map { Float(body(Double($0))) } }
  }
  private static let weights = (0..<2 * 3 * 3 * 4).map { Float(sin(Double($0) * 1.7)) * 0.5 }
  private static let four: [Float] = [0.5, -1.25, 2, 0.75]

  static let movements: [Case] = [
    Case("SPLIT", .split, [.integers([3]), .input], [1, 4, 6, 2], [1, 4, 6, 2]) { x in
      made(4, 6, 2) { at(x, $0, $1, $2) } + made(4, 6, 2) { at(x, $0, $1, $2 + 2) }
    },
    Case("SPLIT_V", .splitSizes, [.input, .integers([1, -1]), .integers([1])], [1, 1, 6, 4], [1, 3, 6, 4]) { $0 },
    Case("UNPACK", .unpack(axis: 2), [.input], [1, 4, 4], [1, 4, 4], [1, 4, 4], [1, 4, 4], [1, 4, 4], [1, 4, 4]) { x in
      (0..<6).flatMap { column in made(4, 1, 4) { at(x, $0, column, $2) } }
    },
    Case("PACK", .pack(axis: 1), [.input, .input], [1, 2, 4, 6, 4]) { $0 + $0 },
    Case("SLICE", .slice, [.input, .integers([0, 1, 2, 0]), .integers([1, 2, -1, 3])], [1, 2, 4, 3]) { x in
      made(2, 4, 3) { at(x, $0 + 1, $1 + 2, $2) }
    },
    Case("TILE", .tile, [.input, .integers([1, 2, 1, 1])], [1, 8, 6, 4]) { x in made(8, 6, 4) { at(x, $0 % 4, $1, $2) } },
    Case("GATHER", .gather(axis: 1, batchDimensions: 0), [.input, .integers([3, 0, 3])], [1, 3, 6, 4]) { x in
      made(3, 6, 4) { at(x, [3, 0, 3][$0], $1, $2) }
    },
    Case("REVERSE_V2", .reverse, [.input, .integers([2])], [1, 4, 6, 4]) { x in made(4, 6, 4) { at(x, $0, 5 - $1, $2) } },
    Case("MIRROR_PAD", .mirrorPad(repeatsEdge: false), [.input, .integers([0, 0, 1, 1, 0, 0, 0, 0])], [1, 6, 6, 4]) { x in
      made(6, 6, 4) { at(x, [1, 0, 1, 2, 3, 2][$0], $1, $2) }
    },
    Case("PAD", .pad, [.input, .integers([0, 0, 1, 0, 0, 2, 0, 0])], [1, 5, 8, 4]) { x in
      made(5, 8, 4) { $0 == 0 || $1 > 5 ? 0 : at(x, $0 - 1, $1, $2) }
    },
    Case("DEPTH_TO_SPACE", .depthToSpace(block: 2), [.input], [1, 8, 12, 1]) { x in
      made(8, 12, 1) { row, column, _ in at(x, row / 2, column / 2, row % 2 * 2 + column % 2) }
    },
    Case("SPACE_TO_DEPTH", .spaceToDepth(block: 2), [.input], [1, 2, 3, 16]) { x in
      made(2, 3, 16) { at(x, 2 * $0 + $2 / 8, 2 * $1 + $2 / 4 % 2, $2 % 4) }
    },
    Case(
      "RESIZE_NEAREST_NEIGHBOR", .resizeNearest(NearestNeighbor(alignsCorners: false, hasHalfPixelCenters: false)),
      [.input, .integers([8, 12])], [1, 8, 12, 4]
    ) { x in made(8, 12, 4) { at(x, $0 / 2, $1 / 2, $2) } },
  ]

  static let sums: [Case] = [
    Case("SUM", .reduce(.sum, keepsDimensions: false), [.input, .integers([1, 3])], [1, 6]) { x in
      (0..<6).map { column in made(4, 1, 4) { at(x, $0, column, $2) }.reduce(0, +) }
    },
    Case("MEAN", .mean(keepsDimensions: true), [.input, .integers([1, -1])], [1, 1, 6, 1]) { x in
      (0..<6).map { column in made(4, 1, 4) { at(x, $0, column, $2) }.reduce(0, +) / 16 }
    },
    Case("REDUCE_MAX", .reduce(.maximum, keepsDimensions: false), [.input, .integers([2])], [1, 4, 4]) { x in
      made(4, 1, 4) { row, _, channel in (0..<6).map { at(x, row, $0, channel) }.max() ?? 0 }
    },
    Case("REDUCE_MIN", .reduce(.minimum, keepsDimensions: true), [.input, .integers([3])], [1, 4, 6, 1]) { x in
      made(4, 6, 1) { row, column, _ in (0..<4).map { at(x, row, column, $0) }.min() ?? 0 }
    },
    Case("BATCH_MATMUL", .batchMatMul(transposesLeft: false, transposesRight: true), [.input, .input], [1, 4, 6, 6]) { x in
      made(4, 6, 6) { row, i, j in (0..<4).reduce(0) { $0 + at(x, row, i, $1) * at(x, row, j, $1) } }
    },
    Case(
      "RESIZE_BILINEAR", .resizeBilinear(alignsCorners: false, centresHalfPixels: false), [.input, .integers([8, 6])],
      [1, 8, 6, 4]
    ) { x in
      made(8, 6, 4) { row, column, channel in
        (at(x, row / 2, column, channel) + at(x, min((row + 1) / 2, 3), column, channel)) / 2
      }
    },
    // Input i and tap t meet at 2 · i + t − top.
    transposed("TRANSPOSE_CONV, valid", .valid, rows: 9, columns: 13, top: 0, left: 0),
    transposed("TRANSPOSE_CONV, same", .same, rows: 8, columns: 12, top: 0, left: 0),
    transposed(
      "TRANSPOSE_CONV, padded", .explicit(top: 1, left: 1, bottom: 1, right: 1), rows: 8, columns: 12, top: 1, left: 1),
  ]

  /// The sum of a function of some places.
  private static func sum(_ places: Range<Int>, _ body: (Int) -> Float) -> Float {
    var sum: Float = 0
    for place in places { sum += body(place) }
    return sum
  }

  static let rows: [Case] = [
    Case("CUMSUM", .cumulativeSum(isExclusive: false, isReverse: false), [.input, .integers([2])], [1, 4, 6, 4]) { x in
      made(4, 6, 4) { row, column, channel in sum(0..<column + 1) { at(x, row, $0, channel) } }
    },
    Case(
      "CUMSUM, exclusive, backwards", .cumulativeSum(isExclusive: true, isReverse: true), [.input, .integers([1])],
      [1, 4, 6, 4]
    ) { x in
      made(4, 6, 4) { row, column, channel in sum(row + 1..<4) { at(x, $0, column, channel) } }
    },
    Case("LOG_SOFTMAX", .logSoftmax, [.input], [1, 4, 6, 4]) { x in
      made(4, 6, 4) { row, column, channel in
        let powers: Float = sum(0..<4) { exp(at(x, row, column, $0)) }
        return at(x, row, column, channel) - log(powers)
      }
    },
    Case("L2_NORMALIZATION", .normalize, [.input], [1, 4, 6, 4]) { x in
      made(4, 6, 4) { row, column, channel in
        let squares: Float = sum(0..<4) { at(x, row, column, $0) * at(x, row, column, $0) }
        return at(x, row, column, channel) / squares.squareRoot()
      }
    },
    Case(
      "CONCATENATION", .concatenation(axis: 3, .none),
      [.reals([Float](repeating: 0.75, count: 24), [1, 4, 6, 1]), .input], [1, 4, 6, 5]
    ) { x in
      made(4, 6, 5) { row, column, channel in channel == 0 ? 0.75 : at(x, row, column, channel - 1) }
    },
    Case("PADV2", .pad, [.input, .integers([0, 0, 1, 0, 0, 2, 0, 0]), .reals([1.5], [])], [1, 5, 8, 4]) { x in
      made(5, 8, 4) { row, column, channel in row == 0 || column > 5 ? 1.5 : at(x, row - 1, column, channel) }
    },
    Case(
      "BATCH_MATMUL, constant", .batchMatMul(transposesLeft: false, transposesRight: false),
      [.reals(six, [1, 1, 6]), .input], [1, 4, 1, 4]
    ) { x in
      made(4, 1, 4) { row, _, channel in sum(0..<6) { six[$0] * at(x, row, $0, channel) } }
    },
  ]
  private static let six: [Float] = [0.5, -1.25, 2, 0.75, 1, -0.5]

  private static func transposed(
    _ name: String, _ padding: Padding, rows: Int, columns: Int, top: Int, left: Int
  ) -> Case {
    Case(
      name, .transposeConv(Window(padding: padding, strideHeight: 2, strideWidth: 2), .none),
      [.input, .reals(weights, [2, 3, 3, 4]), .reals([0.25, -0.5], [2])], [1, rows, columns, 2]
    ) { x in
      made(rows, columns, 2) { row, column, output in
        var sum: Float = [0.25, -0.5][output]
        for y in 0..<4 {
          for x0 in 0..<6 {
            let (i, j) = (row - 2 * y + top, column - 2 * x0 + left)
            guard (0..<3).contains(i), (0..<3).contains(j) else { continue }
            for channel in 0..<4 { sum += at(x, y, x0, channel) * weights[((output * 3 + i) * 3 + j) * 4 + channel] }
          }
        }
        return sum
      }
    }
  }

  static let pairs: [Case] = [
    Case("ADD", .add(.none), [.input, .reals(four, [4])], [1, 4, 6, 4]) { x in x.indices.map { x[$0] + four[$0 % 4] } },
    Case("SUB", .subtract(.none), [.reals(four, [4]), .input], [1, 4, 6, 4]) { x in x.indices.map { four[$0 % 4] - x[$0] } },
    Case("MUL", .multiply(.relu), [.input, .reals(four, [4])], [1, 4, 6, 4]) { x in
      x.indices.map { max(0, x[$0] * four[$0 % 4]) }
    },
    Case("DIV", .divide(.none), [.input, .reals(four, [4])], [1, 4, 6, 4]) { x in x.indices.map { x[$0] / four[$0 % 4] } },
    Case("MAXIMUM", .maximum, [.input, .reals(four, [4])], [1, 4, 6, 4]) { x in x.indices.map { max(x[$0], four[$0 % 4]) } },
    Case("MINIMUM", .minimum, [.reals([0.25], []), .input], [1, 4, 6, 4]) { x in x.map { min(0.25, $0) } },
    Case("SQUARED_DIFFERENCE", .squaredDifference, [.input, .reals(four, [4])], [1, 4, 6, 4]) { x in
      x.indices.map { (x[$0] - four[$0 % 4]) * (x[$0] - four[$0 % 4]) }
    },
    Case("PRELU", .parametricRelu, [.input, .reals([0.1, -0.5, 0, 1], [1, 1, 4])], [1, 4, 6, 4]) { x in
      x.indices.map { x[$0] < 0 ? x[$0] * [0.1, -0.5, 0, 1][$0 % 4] : x[$0] }
    },
  ]

  private static func function(
    _ name: String, _ functions: [RealFunction], _ body: @escaping @Sendable (Double) -> Double
  ) -> Case {
    Case(name, .unary(.composed(functions)), [.input], shape, expected: all(body))
  }
  private static let positive = RealFunction.scaled(by: 0.5, plus: 0.75)

  static let functions: [Case] = [
    function("EXP", [.exponential], exp), function("ABS", [.absolute]) { abs($0) }, function("NEG", [.negated]) { -$0 },
    function("LOG", [positive, .logarithm]) { log(0.5 * $0 + 0.75) },
    function("SQRT", [positive, .squareRoot]) { (0.5 * $0 + 0.75).squareRoot() },
    function("RSQRT", [positive, .reciprocalSquareRoot]) { 1 / (0.5 * $0 + 0.75).squareRoot() },
    function("reciprocal", [positive, .reciprocal]) { 1 / (0.5 * $0 + 0.75) },
    function("SQUARE", [.square]) { $0 * $0 }, function("SIN", [.divided(by: 0.25), .sine]) { sin(4 * $0) },
    function("COS", [.scaled(by: -2, plus: 1), .cosine]) { cos(1 - 2 * $0) },
    function("GELU", [.gelu(isApproximate: false)]) { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) },
    function("ELU", [.elu(alpha: 1)]) { $0 < 0 ? exp($0) - 1 : $0 },
    function("ELU, half", [.elu(alpha: 0.5)]) { $0 < 0 ? 0.5 * (exp($0) - 1) : $0 },
    function("RELU_N1_TO_1", [.scaled(by: 2, plus: 0), .clamp(-1, 1)]) { min(1, max(-1, 2 * $0)) },
    function("clamp", [.clamp(-0.5, 0.7)]) { min(0.7, max(-0.5, $0)) },
    function("softplus", [.softplus]) { log(1 + exp($0)) }, function("erf", [.errorFunction], erf),
    function("mish", [.mish]) { $0 * tanh(log(1 + exp($0))) },
    function("hard sigmoid", [.hardSigmoid(alpha: 0.5, beta: 0.5)]) { min(1, max(0, 0.5 * $0 + 0.5)) },
    function("hard sigmoid, falling", [.hardSigmoid(alpha: -0.5, beta: 0.5)]) { min(1, max(0, 0.5 - 0.5 * $0)) },
  ]

  private static let samples = (0..<12).map { sample in
    (0..<96).map { Float(sin(Double(1 + sample * 96 + $0) * 12.9898)) }
  }

  @Test(arguments: movements + sums + rows + pairs + functions)
  func `it makes what its definition says, and comes close to that in int8, whose file is read back`(entry: Case) throws {
    let float = try FloatNetwork(entry.network)
    var seen = Calibration(samples: Self.samples.count)
    for sample in Self.samples {
      let made = try seen.add([sample], to: float).flatMap { $0 }
      let expected = entry.expected(sample)
      #expect(made.count == expected.count)
      for (a, b) in zip(made, expected) { #expect(abs(a - b) < 1e-4, "\(a), not \(b)") }
    }
    let quantized = try float.quantized(to: .int8, calibration: seen, inputs: [.reals])
    let program = try IntegerProgram(lowering: quantized)
    let (simulator, input) = (Simulator(program), program.values[program.inputs[0]])
    var (error, size) = (0.0, 0.0)
    for sample in Self.samples {
      let codes = sample.map { Int32(min(max(($0 / input.scale).rounded() + Float(input.zeroPoint), -128), 127)) }
      let reals = zip(program.outputs, try simulator.run([codes])).flatMap { output, codes in
        codes.map { Float($0 - program.values[output].zeroPoint) * program.values[output].scale }
      }
      for (a, b) in zip(reals, entry.expected(sample)) {
        error += Double((a - b) * (a - b))
        size += Double(b * b)
      }
    }
    #expect((error / size).squareRoot() < 0.03, "\((error / size).squareRoot())")
    // Writing reads back, and holds the program to this one.
    #expect(try !TFLite.bytes(of: quantized).isEmpty)
  }

  @Test(arguments: movements.filter { ["SLICE", "SPLIT", "GATHER", "REVERSE_V2", "TILE", "MIRROR_PAD"].contains($0.name) })
  func `what takes elements along axes moves the same ones in fixed point`(entry: Case) throws {
    let float = try FloatNetwork(entry.network)
    var seen = Calibration(samples: Self.samples.count)
    for sample in Self.samples { try seen.add([sample], to: float) }
    let network = try ONNX.normalForm(
      of: float.quantized(to: .fixedPoint(weightBits: 8, activationBits: 8), calibration: seen, inputs: [.reals]))
    let program = try IntegerProgram(lowering: network)
    let codes = (0..<96).map { Int32($0) - 50 }
    let made = try Simulator(program).run([codes]).flatMap { $0 }
    #expect(made == entry.expected(codes.map { Float($0) }).map { Int32($0) })
    #expect(try !ONNX.bytes(of: network).isEmpty)
  }

  @Test func `several inputs and outputs, pixels among them`() throws {
    var network = Network(
      name: "two", tensors: [], operations: [], inputs: [0, 1], outputs: [2, 3])
    for name in ["a", "b", "sum", "gate"] { network.tensors.append(Tensor(name: name, shape: [1, 8], type: .float32)) }
    network.operations = [
      .init(.add(.none), typeName: "ADD", inputs: [0, 1], outputs: [2]),
      .init(.unary(.logistic), typeName: "LOGISTIC", inputs: [1], outputs: [3]),
    ]
    let float = try FloatNetwork(network)
    var seen = Calibration(samples: 4)
    let pixels = (0..<4).map { sample in (0..<8).map { Int32((sample * 8 + $0) * 37 % 256) } }
    let reals = (0..<4).map { sample in (0..<8).map { Float(sin(Double(sample * 8 + $0))) * 3 } }
    for sample in 0..<4 { try seen.add([pixels[sample].map { Float($0) / 255 }, reals[sample]], to: float) }
    for target in [QuantizationTarget.int8, .fixedPoint(weightBits: 8, activationBits: 8)] {
      let program = try IntegerProgram(
        lowering: float.quantized(to: target, calibration: seen, inputs: [.pixels(low: 0, high: 1), .reals]))
      let values = (program.inputs + program.outputs).map { program.values[$0] }
      for sample in 0..<4 {
        let codes = reals[sample].map { Int32(($0 / values[1].scale).rounded()) + values[1].zeroPoint }
        let made = try Simulator(program).run([pixels[sample].map { $0 - (target == .int8 ? 128 : 0) }, codes])
        for place in 0..<8 {
          let sum = Float(pixels[sample][place]) / 255 + reals[sample][place]
          #expect(abs(Float(made[0][place] - values[2].zeroPoint) * values[2].scale - sum) < 0.05)
          let gate = 1 / (1 + exp(-reals[sample][place]))
          #expect(abs(Float(made[1][place] - values[3].zeroPoint) * values[3].scale - gate) < 0.02)
        }
      }
    }
  }

  @Test func `an index at the end is left to the caller, and what is not quantised is refused with a way out`() throws {
    var network = Case("ARG_MAX", .indexOf(.maximum), [.input, .integers([3])], [1, 4, 6]) { $0 }.network
    network.tensors[2].type = .int64
    // In front of it nothing else is made.
    network.operations.insert(.init(.unary(.relu), typeName: "RELU", inputs: [0], outputs: [3]), at: 0)
    network.tensors.append(Tensor(name: "r", shape: Self.shape, type: .float32))
    network.operations[1].inputs[0] = 3
    let float = try FloatNetwork(network)
    #expect(float.outputTensors.map(\.name) == ["r"] && float.notices.contains { $0.contains("ARG_MAX") })

    let modulo = Case("FLOOR_MOD", .constant(.floorModulo), [.input, .reals([2], [])], Self.shape) { $0 }
    let error = #expect(throws: NetworkError.self) { try FloatNetwork(modulo.network) }
    #expect(error?.description.contains("FLOOR_MOD") == true && error?.description.contains("quantise with the tool") == true)
  }

  @Test(arguments: [Comparison.less, .lessOrEqual, .greater, .greaterOrEqual])
  func `what is selected by a comparison, of two tensors or with a constant`(comparison: Comparison) throws {
    var network = Case("SELECT", .select, [.input, .reals([0.25], [])], Self.shape) { $0 }.network
    let result = network.outputs[0]
    func add(_ name: String, _ type: ElementType) -> Int {
      network.tensors.append(Tensor(name: name, shape: Self.shape, type: type))
      return network.tensors.count - 1
    }
    let (condition, squared) = (add("condition", .boolean), add("squared", .float32))
    network.operations = [
      .init(.unary(.composed([.square])), typeName: "SQUARE", inputs: [0], outputs: [squared]),
      .init(.compare(comparison), typeName: "COMPARE", inputs: [0, 1], outputs: [condition]),
      .init(.select, typeName: "SELECT_V2", inputs: [condition, squared, 1], outputs: [result]),
    ]
    let float = try FloatNetwork(network)
    var seen = Calibration(samples: Self.samples.count)
    func holds(_ x: Float) -> Bool {
      switch comparison {
      case .less: x < 0.25
      case .lessOrEqual: x <= 0.25
      case .greater: x > 0.25
      default: x >= 0.25
      }
    }
    for sample in Self.samples {
      let made = try seen.add([sample], to: float)[0]
      for (x, y) in zip(sample, made) { #expect(abs(y - (holds(x) ? x * x : 0.25)) < 1e-6) }
    }
    let quantized = try float.quantized(to: .int8, calibration: seen, inputs: [.reals])
    let program = try IntegerProgram(lowering: quantized)
    let (input, output) = (program.values[program.inputs[0]], program.values[program.outputs[0]])
    let codes = (0..<96).map { Int32($0 * 255 / 95) - 128 }
    for (code, made) in zip(codes, try Simulator(program).run([codes])[0]) {
      let x = Float(code - input.zeroPoint) * input.scale
      let y = Float(made - output.zeroPoint) * output.scale
      // Where the code is the threshold's own, either is close to it.
      guard abs(x - 0.25) > input.scale else { continue }
      #expect(abs(y - (holds(x) ? x * x : 0.25)) < 3 * output.scale, "\(x): \(y)")
    }
    #expect(try !TFLite.bytes(of: quantized).isEmpty)
  }
}
