import Certificates
import DifferentialTesting
import IntegerProgram
import Network
import Properties
import Testing
import Verification

/// Operations that are compositions of core steps: verdicts about them are those of enumeration.
@Suite struct CompositionTests {
  /// A network of one operation.
  struct Composition: Sendable, CustomTestStringConvertible {
    var name: String
    var network: Network
    var testDescription: String { name }

    /// `inputs` are tensors in the operation's order; those without constants are the network's inputs.
    init(
      _ name: String, _ kind: Operation.Kind, _ inputs: [Tensor?], _ output: Tensor, quantizer: Quantizer? = nil
    ) {
      self.name = name
      var tensors: [Tensor] = []
      var indices: [Int?] = []
      for input in inputs {
        guard let input else {
          indices.append(nil)
          continue
        }
        indices.append(tensors.count)
        tensors.append(input)
      }
      tensors.append(output)
      network = Network(
        name: "composition", tensors: tensors,
        operations: [
          Operation(kind, typeName: name, inputs: indices, outputs: [tensors.count - 1], quantizer: quantizer)
        ],
        inputs: tensors.indices.dropLast().filter { tensors[$0].constant == nil }, outputs: [tensors.count - 1],
        format: quantizer == nil ? .tensorFlowLite : .onnx)
    }
  }

  private static func codes(
    _ shape: [Int], scale: Float = 0.1, zeroPoint: Int64 = 3, _ constant: [Int8]? = nil
  ) -> Tensor {
    Tensor(
      name: "x", shape: shape, type: .int8, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]),
      constant: constant?.map { UInt8(bitPattern: $0) })
  }
  private static func truths(_ shape: [Int]) -> Tensor { Tensor(name: "c", shape: shape, type: .boolean) }
  private static func integers(_ shape: [Int], _ numbers: [Int32]?) -> Tensor {
    Tensor(
      name: "k", shape: shape, type: .int32,
      constant: numbers?.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32(8 * $0)) } })
  }
  private static func weights(_ shape: [Int]) -> Tensor {
    let codes = (0..<shape.reduce(1, *)).map { Int8(truncatingIfNeeded: $0 &* 41 &- 90) }
    return Self.codes(shape, scale: 0.02, zeroPoint: 0, codes)
  }

  static let all: [Composition] = {
    let other = codes([2], scale: 0.07, zeroPoint: -9)
    var all = [
      Composition(
        "TRANSPOSE_CONV", .transposeConv(Window(padding: .same, strideHeight: 2, strideWidth: 2), .relu),
        [codes([1, 1, 2, 1]), weights([1, 3, 3, 1]), nil], codes([1, 2, 4, 1], scale: 0.4)),
      Composition("MAXIMUM", .maximum, [codes([2]), codes([2])], codes([2])),
      Composition("MINIMUM", .minimum, [codes([2]), codes([1])], codes([2])),
      Composition("MINIMUM of a constant", .minimum, [codes([2]), codes([2], [7, -3])], codes([2])),
      Composition(
        "SQUARED_DIFFERENCE", .squaredDifference, [codes([2]), other], codes([2], scale: 0.3, zeroPoint: -128)),
      Composition("SELECT_V2", .select, [truths([2]), codes([2]), codes([1])], codes([2])),
      Composition("LOGICAL_AND", .logical(.and), [truths([3]), truths([3])], truths([3])),
      Composition("LOGICAL_OR", .logical(.or), [truths([3]), truths([1])], truths([3])),
      Composition("LOGICAL_NOT", .logical(.not), [truths([4])], truths([4])),
      Composition(
        "DIV", .divide(.none), [codes([2]), codes([1], scale: 0.2, zeroPoint: 1, [9])],
        codes([2], scale: 0.1, zeroPoint: 0)),
      Composition("ARG_MAX", .indexOf(.maximum), [codes([1, 3]), integers([], [1])], integers([1], nil)),
      Composition("ARG_MIN", .indexOf(.minimum), [codes([3, 1]), integers([], [0])], integers([1], nil)),
      Composition(
        "CUMSUM", .cumulativeSum(isExclusive: false, isReverse: true), [codes([3]), integers([], [0])], codes([3])),
      Composition(
        "CUMSUM with scales of its own", .cumulativeSum(isExclusive: true, isReverse: false),
        [codes([3]), integers([], [0])], codes([3], scale: 0.13)),
      Composition("LOG_SOFTMAX", .logSoftmax, [codes([1, 3])], codes([1, 3], scale: 1 / 16, zeroPoint: 127)),
      Composition(
        "LOG_SOFTMAX of two", .logSoftmax, [codes([2, 2], scale: 1.7)], codes([2, 2], scale: 1 / 16, zeroPoint: 127)),
      Composition("L2_NORMALIZATION", .normalize, [codes([1, 3])], codes([1, 3], scale: 1 / 128, zeroPoint: 0)),
      Composition("L2_NORMALIZATION of two", .normalize, [codes([2, 2])], codes([2, 2], scale: 1 / 128, zeroPoint: 0)),
      Composition(
        "RESIZE_BILINEAR by any ratio", .resizeBilinear(alignsCorners: false, centresHalfPixels: true),
        [codes([1, 2, 2, 1]), integers([2], [9, 11])], codes([1, 9, 11, 1])),
      Composition(
        "RESIZE_BILINEAR", .resizeBilinear(alignsCorners: false, centresHalfPixels: true),
        [codes([1, 1, 2, 1]), integers([2], [2, 4])], codes([1, 2, 4, 1])),
      Composition(
        "GATHER", .gather(axis: 0, batchDimensions: 0),
        [codes([5, 2], (0..<10).map { Int8($0 * 23 - 110) }), integers([2], nil)], codes([2, 2])),
    ]
    let nearest = Quantizer(rounding: .halfEven, codes: -128...127)
    for (scale, output) in [(Float(0.1), Float(1) / 256), (0.02, 0.0031), (1.3, 0.01)] {
      all.append(
        Composition(
          "Softmax of codes of \(scale)", .softmax(beta: 1), [codes([1, 3], scale: scale)],
          codes([1, 3], scale: output, zeroPoint: -128), quantizer: nearest))
    }
    for (name, isCentred, epsilon, run) in [
      ("LayerNormalization", true, 1e-5, 1), ("InstanceNormalization", true, 0.1, 3), ("RMSNormalization", false, 1e-3, 1),
    ] {
      let (gains, offsets) = run == 1 ? ([1, -0.7, 0.4], [0.1, 0, -0.3]) : ([-1.2], [0.2])
      all.append(
        Composition(
          name,
          .standardize(
            RowScores(depth: 3, isCentred: isCentred, epsilon: epsilon, gains: gains, offsets: offsets, run: run)),
          [codes([1, 3])], codes([1, 3], scale: 0.02, zeroPoint: 5), quantizer: nearest))
    }
    for comparison in Comparison.allCases {
      all.append(Composition("\(comparison)", .compare(comparison), [codes([2]), other], truths([2])))
    }
    for reduction in Reduction.allCases {
      all.append(
        Composition(
          "\(reduction) of an axis", .reduce(reduction, keepsDimensions: false), [codes([2, 2]), integers([1], [0])],
          codes([2], scale: reduction == .sum ? 0.17 : 0.1)))
      all.append(
        Composition(
          "\(reduction) of two axes", .reduce(reduction, keepsDimensions: true),
          [codes([2, 1, 2]), integers([2], [0, 2])], codes([1, 1, 1], scale: reduction == .sum ? 0.17 : 0.1)))
    }
    return all
  }()

  @Test("verdicts about compositions are those of enumeration", arguments: all)
  func verdicts(composition: Composition) throws {
    let program = try IntegerProgram(lowering: composition.network)
    let bounded = try BoundedProgram(program)
    let verifier = try Verifier(program)
    let checker = try CertificateChecker(program)
    var tally = VerdictTests.Tally()
    for seed in 0..<UInt64(12) {
      var random = SeededGenerator(seed: seed)
      let instance = Instance(seed: seed, bounded, box: Self.box(of: program, &random))
      for outputs in instance.outputs {
        let limits = program.outputs.flatMap { output in
          Array(repeating: program.values[output].range, count: program.values[output].count)
        }
        #expect(zip(outputs, limits).allSatisfy { $1.contains(Int64($0)) }, "\(composition.name), seed \(seed)")
      }
      let property = instance.property(&random)
      tally.add(
        verifier.verify(property, options: VerdictTests.options(Set(Stage.allCases))), of: property, instance,
        checker: checker, composition.name)
    }
    #expect(tally.faults.isEmpty, "\(composition.name): \(tally.faults.prefix(5))")
    #expect(tally.proved + tally.violated >= 9, "\(composition.name): \(tally.reasons.prefix(5))")
  }

  /// A box of at most 120 points around a random one.
  private static func box(of program: IntegerProgram, _ random: inout SeededGenerator) -> [ClosedRange<Int32>] {
    let limits = program.inputRanges
    var box = limits.map { limits -> ClosedRange<Int32> in
      let code = Int32(random.integer(in: Int(limits.lowerBound)...Int(limits.upperBound)))
      return code...code
    }
    for _ in 0..<3 * box.count {
      let element = random.integer(in: 0...box.count - 1)
      let (range, type) = (box[element], limits[element])
      let low = max(Int64(range.lowerBound) - 1, type.lowerBound)
      let high = min(Int64(range.upperBound) + 2, type.upperBound)
      var wider = box
      wider[element] = Int32(low)...Int32(high)
      if wider.reduce(1, { $0 * $1.count }) <= 120 { box = wider }
    }
    return box
  }
}
