import BigInt
import CodeGeneration
import DifferentialTesting
import Foundation
import Importers
import IntegerProgram
import Properties
import Simulation
import Testing

@testable import lockstep

/// A file's constants are not rounded: random graphs of sums, pools and codes with constants behind them, held to their
/// own formula in exact fractions.
@Suite struct ExactConstantTests {
  /// A fraction, not reduced.
  struct Fraction {
    var above: BigInt
    /// Positive.
    var below: BigInt

    init(_ above: BigInt, _ below: BigInt = 1) {
      (self.above, self.below) = below.signum() < 0 ? (-above, -below) : (above, below)
    }
    init(_ integer: Int) { self.init(BigInt(integer)) }
    init(_ number: Float) {
      let exponent = number == 0 ? 0 : Int(number.exponent) - 23
      let significand = BigInt(number == 0 ? 0 : Int(number.significand * 0x1p23) * (number < 0 ? -1 : 1))
      self = exponent < 0 ? Fraction(significand, BigInt(1) << -exponent) : Fraction(significand << exponent)
    }
    static func + (a: Fraction, b: Fraction) -> Fraction {
      Fraction(a.above * b.below + b.above * a.below, a.below * b.below)
    }
    static func - (a: Fraction, b: Fraction) -> Fraction { a + Fraction(-b.above, b.below) }
    static func * (a: Fraction, b: Fraction) -> Fraction { Fraction(a.above * b.above, a.below * b.below) }
    static func / (a: Fraction, b: Fraction) -> Fraction { Fraction(a.above * b.below, a.below * b.above) }
    /// To some 2^-300 of it.
    var root: Fraction { Fraction(((above << 700) / below).squareRoot(), BigInt(1) << 350) }
    var floor: Int {
      let (quotient, remainder) = above.quotientAndRemainder(dividingBy: below)
      return Int(clamping: remainder.signum() < 0 ? quotient - 1 : quotient)
    }
    var halfEven: Int {
      let twice = Fraction(above * 2 + below, below * 2)
      let rounded = twice.floor
      return twice.above == BigInt(rounded) * twice.below && rounded % 2 != 0 ? rounded - 1 : rounded
    }
  }

  /// A generator of one's own, so that graphs do not depend on any other code.
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
    mutating func scale() -> Float {
      switch Int.random(in: 0..<4, using: &self) {
      case 0: Float(sign: .plus, exponent: -Int.random(in: 1...7, using: &self), significand: 1)
      case 1: [0.1, 0.05, 0.02, 0.01, 0.3, 0.04, 0.08].randomElement(using: &self) ?? 1
      default: Float.random(in: 0.01...0.3, using: &self)
      }
    }
  }

  struct Case {
    var file: [UInt8]
    var inputs: [[Int32]]
    /// The codes of the formula, of each input.
    var codes: [[Int32]]
  }

  /// `huge` sums are such that no integer of 32 bits holds a multiple of them; `decimal` scales and constants have one digit
  /// or two, so that thresholds lie next to whole numbers.
  enum Kind: String, CaseIterable { case codes, dense, long, huge, decimal, pool }

  /// A random graph and its codes. Elements of one channel follow each other in all real results here: [channel, rest].
  static func make(_ kind: Kind, isQONNX: Bool, _ random: inout Random) -> Case {
    var graph = GraphWriter()
    let bits = isQONNX ? Int.random(in: 4...8, using: &random) : 8
    let (low, high) = (-1 << (bits - 1), 1 << (bits - 1) - 1)
    let inputScale = kind == .decimal ? 0.1 : random.scale()
    let inputZero = isQONNX ? 0 : Int.random(in: -20...20, using: &random)
    func quant(_ x: String, _ scale: Float, _ zero: Int, _ bits: Int, _ mode: String) -> String {
      let constants = [graph.constant([scale]), graph.constant([Float(zero)]), graph.constant([Float(bits)])]
      return graph.node(
        "Quant", [x] + constants, ["signed": .int(1), "narrow": .int(0), "rounding_mode": .text(mode)],
        domain: "qonnx.custom_op.general")
    }
    let codesOfInput: String
    if isQONNX {
      codesOfInput = quant("x", inputScale, inputZero, bits, "ROUND")
    } else {
      let (scale, zero) = (graph.constant([inputScale]), graph.constant([Int8(inputZero)]))
      codesOfInput = graph.node("DequantizeLinear", [graph.node("QuantizeLinear", ["x", scale, zero]), scale, zero])
    }
    var y = codesOfInput
    let shape: [Int]
    switch kind {
    case .codes: shape = random.chance(50) ? [1, 3, 2, 2] : [1, 4]
    case .dense: shape = [1, 6]
    case .long: shape = [1, 40]
    case .huge: shape = [1, 3000]
    case .decimal: shape = [1, 20]
    case .pool: shape = [1, 3, 4, 6]
    }
    let count = shape.reduce(1, *)
    let all = Int32(low)...Int32(high)
    var inputs = (0..<3).map { _ in (0..<count).map { _ in Int32.random(in: all, using: &random) } }
    inputs += [low, high].map { Array(repeating: Int32($0), count: count) }
    let scale = Fraction(inputScale)

    // What comes out of the layer: real values for each input, by channel and place within it.
    var channels = shape[1]
    var reals: [[[Fraction]]]
    var span = inputScale * 128
    switch kind {
    case .codes:
      reals = inputs.map { input in
        (0..<channels).map { channel in
          let rest = count / channels
          return (0..<rest).map { Fraction(Int(input[channel * rest + $0]) - inputZero) * scale }
        }
      }
    case .dense, .long, .huge, .decimal:
      channels = 4
      let width = isQONNX ? Int.random(in: 2...8, using: &random) : 8
      let most = 1 << (width - 1) - 1
      var scales = random.chance(50) ? (0..<4).map { _ in random.scale() } : Array(repeating: random.scale(), count: 4)
      if kind == .decimal { scales = Array(repeating: 0.01, count: 4) }
      let weights = (0..<count * 4).map { _ in Int.random(in: -most...most, using: &random) }
      let factor: String
      if isQONNX {
        let isOne = Set(scales).count == 1
        let real = graph.constant(weights.indices.map { Float(weights[$0]) * scales[$0 % 4] }, [count, 4])
        factor = graph.node(
          "Quant",
          [
            real, isOne ? graph.constant([scales[0]]) : graph.constant(scales, [1, 4]), graph.constant([Float(0)]),
            graph.constant([Float(width)]),
          ], ["signed": .int(1), "narrow": .int(0)], domain: "qonnx.custom_op.general")
      } else {
        factor = graph.node(
          "DequantizeLinear",
          [
            graph.constant(weights.map { Int8($0) }, [count, 4]), graph.constant(scales, [4]),
            graph.constant([Int8](repeating: 0, count: 4), [4]),
          ], ["axis": .int(1)])
      }
      y = graph.node("MatMul", [y, factor])
      reals = inputs.map { input in
        (0..<4).map { channel in
          let sum = (0..<count).reduce(0) { $0 + weights[$1 * 4 + channel] * (Int(input[$1]) - inputZero) }
          return [Fraction(sum) * scale * Fraction(scales[channel])]
        }
      }
      span = inputScale * scales[0] * Float(most) * 64 * Float(count).squareRoot()
    case .pool:
      let kernel = [[2, 2], [2, 3], [4, 6], [4, 3]].randomElement(using: &random) ?? [2, 2]
      y = graph.node("AveragePool", [y], ["kernel_shape": .ints(kernel), "strides": .ints(kernel)])
      let (rows, columns) = (4 / kernel[0], 6 / kernel[1])
      reals = inputs.map { input in
        (0..<channels).map { channel in
          (0..<rows * columns).map { place in
            var sum = 0
            for row in 0..<kernel[0] {
              for column in 0..<kernel[1] {
                let (a, b) = (place / columns * kernel[0] + row, place % columns * kernel[1] + column)
                sum += Int(input[channel * 24 + a * 6 + b]) - inputZero
              }
            }
            return Fraction(sum) * scale / Fraction(kernel[0] * kernel[1])
          }
        }
      }
    }

    // Constants.
    let rank = shape.count
    let isPlainFirst = kind == .pool || isQONNX && kind != .codes
    for place in 0..<Int.random(in: (isPlainFirst && kind != .decimal ? 0 : 1)...3, using: &random) {
      func map(_ body: (Fraction, Int) -> Fraction) {
        reals = reals.map { input in input.enumerated().map { channel, places in places.map { body($0, channel) } } }
      }
      let operators = ["Add", "Sub", "Mul", "Div"] + (kind == .pool ? [] : ["BatchNormalization", "Relu", "Clip"])
      // A file without real constants has ONNX Runtime's multipliers, which decimal scales tell from the formula's.
      let type = kind == .decimal && place == 0 ? "Add" : operators.randomElement(using: &random) ?? "Add"
      switch type {
      case "Relu":
        y = graph.node("Relu", [y])
        map { x, _ in x.above.signum() < 0 ? Fraction(0) : x }
      case "Clip":
        // Some lie on one side of zero, beyond what a ReLU or another Clip has left.
        let centre = random.chance(30) ? span * Float.random(in: -0.3...0.3, using: &random) : 0
        let least = centre - span * Float.random(in: 0...0.2, using: &random)
        let most = centre + span * Float.random(in: 0.1...0.4, using: &random)
        y = graph.node(type, [y, graph.constant([least], []), graph.constant([most], [])])
        map { x, _ in
          (x - Fraction(least)).above.signum() < 0
            ? Fraction(least) : (Fraction(most) - x).above.signum() < 0 ? Fraction(most) : x
        }
      case "BatchNormalization":
        func list(_ range: ClosedRange<Float>) -> [Float] {
          (0..<channels).map { _ in Float.random(in: range, using: &random) }
        }
        let (gain, bias, mean, variance) = (list(-2...2), list(-span...span), list(-span...span), list(0.1...3))
        y = graph.node(
          type, [y] + [gain, bias, mean, variance].map { graph.constant($0, [channels]) }, ["epsilon": .float(1e-5)])
        map { x, channel in
          (x - Fraction(mean[channel])) / (Fraction(variance[channel]) + Fraction(Float(1e-5))).root
            * Fraction(gain[channel]) + Fraction(bias[channel])
        }
      default:
        let isOne = random.chance(30)
        var numbers = (0..<(isOne ? 1 : channels)).map { _ in
          type == "Add" || type == "Sub"
            ? Float.random(in: -span...span, using: &random) * 0.4
            : Float.random(in: 0.3...2, using: &random) * (random.chance(50) ? 1 : -1)
        }
        if random.chance(25), type == "Add" || type == "Sub" {
          // Beside and at ties.
          numbers = numbers.map { ($0 / inputScale).rounded() * inputScale / 2 }
        }
        if kind == .decimal { numbers = numbers.map { (($0 * 10).rounded(.towardZero) + ($0 < 0 ? -1 : 1)) / 10 } }
        let shape = isOne ? [] : [channels] + Array(repeating: 1, count: rank - 2)
        let constant = graph.constant(numbers, shape)
        let isFirst = type != "Div" && random.chance(30)
        y = graph.node(type, isFirst ? [constant, y] : [y, constant])
        map { x, channel in
          let k = Fraction(numbers[isOne ? 0 : channel])
          switch type {
          case "Add": return x + k
          case "Sub": return isFirst ? k - x : x - k
          case "Mul": return x * k
          default: return x / k
          }
        }
      }
    }

    // The quantiser.
    let outputBits = isQONNX ? Int.random(in: 4...8, using: &random) : 8
    let choice = Int.random(in: 0..<10, using: &random)
    let fitting = span / Float(1 << (outputBits - 1)) * Float.random(in: 0.5...1.3, using: &random)
    let outputScale =
      kind == .decimal ? [0.05, 0.1, 0.2][choice % 3]
      : kind == .pool && choice < 6 ? inputScale : choice < 2 ? random.scale() : fitting
    let zero = isQONNX && random.chance(70) ? 0 : Int.random(in: -7...7, using: &random)
    let mode = isQONNX ? ["ROUND", "ROUND", "FLOOR", "CEIL"].randomElement(using: &random) ?? "ROUND" : "ROUND"
    if isQONNX {
      y = quant(y, outputScale, zero, outputBits, mode)
    } else {
      y = graph.node("QuantizeLinear", [y, graph.constant([outputScale]), graph.constant([Int8(zero)])])
    }
    let most = 1 << (outputBits - 1)
    let codes = reals.map { input in
      input.flatMap { places in
        places.map { real -> Int32 in
          let scaled = real / Fraction(outputScale)
          let code: Int
          switch (isQONNX, mode) {
          case (false, _): code = scaled.halfEven + zero
          case (_, "FLOOR"): code = (scaled + Fraction(zero)).floor
          case (_, "CEIL"): code = -(Fraction(0) - scaled - Fraction(zero)).floor
          default: code = (scaled + Fraction(zero)).halfEven
          }
          return Int32(min(max(code, -most), most - 1))
        }
      }
    }
    return Case(file: graph.file(inputShape: shape, output: y), inputs: inputs, codes: codes)
  }

  @Test(
    "thousands of random graphs with constants give the codes of their formula, or are refused",
    arguments: Kind.allCases, [false, true])
  func random(kind: Kind, isQONNX: Bool) throws {
    var random = Random(state: UInt64(kind.rawValue.utf8.reduce(isQONNX ? 1000 : 0) { $0 * 31 + Int($1) }))
    var (graphs, elements, differing, refused) = (0, 0, 0, 0)
    var inPieces: [IntegerProgram] = []
    var long: [IntegerProgram] = []
    for index in 0..<(kind == .huge ? 80 : 400) {
      let made = Self.make(kind, isQONNX: isQONNX, &random)
      let network = try ONNX.network(from: made.file, name: "random")
      let program: IntegerProgram
      do {
        program = try IntegerProgram(lowering: network)
      } catch {
        refused += 1
        print("\(kind), \(isQONNX), graph \(index): \(error)")
        continue
      }
      graphs += 1
      let sums = program.steps.compactMap { if case .affine(let affine) = $0.operation { affine } else { nil } }
      if sums.contains(where: \.isLong) { long.append(program) } else if sums.count > 1 { inPieces.append(program) }
      let simulator = Simulator(program)
      for (input, expected) in zip(made.inputs, made.codes) {
        let codes = try simulator.run([input])[0]
        elements += codes.count
        guard codes != expected else { continue }
        differing += zip(codes, expected).filter { $0 != $1 }.count
        Issue.record("\(kind), \(isQONNX), graph \(index): \(codes) of \(input), not \(expected)")
      }
    }
    print(
      "\(kind), \(isQONNX ? "QONNX" : "QDQ"): \(elements) codes of \(graphs) graphs, \(differing) differ; "
        + "\(refused) refused, \(long.count) with sums of 64 bits, \(inPieces.count) in pieces")
    #expect(differing == 0)
    // Some formula may need what no step gives; none of these does.
    #expect(refused == 0)
    #expect(kind != .huge || isQONNX || !long.isEmpty)
    // Such steps are rare in networks that are tested otherwise: their C, too.
    let build = try #require(BuildConfiguration.all(of: Target.named(Place.package.appending(path: "Targets/host").path)).first)
    for program in long.prefix(2) + inPieces.prefix(2) {
      let report = try DifferentialTest(program).run(
        TestVectors.random(for: program, count: 40, seed: 1), builds: [build])
      #expect(report.isEqual, "\(report.problems)")
    }
  }

  @Test("a property that the formula breaks is not proved", .enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
  func property() throws {
    let folder = Place.sharedData.appending(path: "reports")
    let run = try CommandRun(
      "verify", folder.appending(path: "A1_add_vector_constant.onnx").path, "--property",
      folder.appending(path: "A1_property.vnnlib").path)
    #expect(run.status != 0 && !run.output.contains("proved"), "\(run.output)\(run.error)")
  }
}
