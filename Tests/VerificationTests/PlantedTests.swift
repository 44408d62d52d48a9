import Arithmetic
import Certificates
import DifferentialTesting
import IntegerProgram
import Properties
import Testing
import Verification

/// One counterexample in a box, where no slope leads to it.
@Suite struct PlantedTests {
  struct Planted: Sendable {
    var program: IntegerProgram
    var property: Property
    var point: [Int32]
    /// Points that violate it.
    var count: Int
  }

  private static func value(_ name: String, _ count: Int, _ type: CodeType) -> Value {
    Value(name: name, tensor: nil, shape: [1, count], type: type, scale: 1, zeroPoint: 0)
  }

  private static func step(_ operation: Step.Operation, _ inputs: [Int], _ output: Int) -> Step {
    Step(
      operation, source: Step.Source(index: output, type: "STEP", name: "s\(output)"), inputs: inputs, output: output)
  }

  private static func dense(_ inputs: Int, weights: [Int16], bias: [Int32], clamp: ClosedRange<Int64>) -> Step.Operation
  {
    .affine(
      Affine(
        geometry: .dense(batch: 1, inputs: inputs, outputs: bias.count), groups: 1, paddingCode: 0, weights: weights,
        bias: bias, accumulators: bias.map { _ in -1_000_000...1_000_000 },
        requantization: Requantization(multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: clamp)))
  }

  /// A table with one special entry for each of the inputs; all of them together are needed.
  static func needleInTables(_ random: inout SeededGenerator) throws -> Planted {
    let count = random.integer(in: 1...3)
    let type = CodeType(bits: 5, isSigned: false)
    let point = (0..<count).map { _ in Int32(random.integer(in: 0...31)) }
    // A sum picks the special codes apart: each input is moved by its own place before the one table is asked.
    let table = (0..<32).map { Int32($0 == 16 ? 1 : 0) }
    var values = [
      value("x", count, type), value("moved", count, type), value("hit", count, CodeType(bits: 1, isSigned: false)),
    ]
    values.append(value("y", 1, CodeType(bits: 3, isSigned: false)))
    var weights = [Int16](repeating: 0, count: count * count)
    for index in 0..<count { weights[index * count + index] = 1 }
    // Out of the table's reach to the right or left, every code saturates to a place that is not special.
    let steps = [
      step(dense(count, weights: weights, bias: point.map { 16 - $0 }, clamp: 0...31), [0], 1),
      step(.lookup(Lookup(lowest: 0, table: table)), [1], 2),
      step(dense(count, weights: Array(repeating: 1, count: count), bias: [0], clamp: 0...7), [2], 3),
    ]
    let program = IntegerProgram(name: "tables", values: values, steps: steps, inputs: [0], outputs: [3])
    let box =
      count == 3 ? point.map { max(0, $0 - 5)...min(31, $0 + 6) } : Array(repeating: Int32(0)...31, count: count)
    return Planted(
      program: program,
      property: try .outputRange(
        of: program, box: box, element: 0, range: 0...Int64(count - 1), statement: "no needle"), point: point, count: 1)
  }

  /// relu(x − p) + relu(p − x), summed over the inputs, is zero at one point alone; a second layer says so.
  static func needleInLayers(_ random: inout SeededGenerator) throws -> Planted {
    let count = random.integer(in: 2...3)
    let type = CodeType(bits: 4, isSigned: true)
    let point = (0..<count).map { _ in Int32(random.integer(in: -8...7)) }
    var weights: [Int16] = []
    var bias: [Int32] = []
    for index in 0..<count {
      for sign in [1, -1] {
        weights += (0..<count).map { $0 == index ? Int16(sign) : 0 }
        bias.append(Int32(-sign) * point[index])
      }
    }
    let values = [
      value("x", count, type), value("h", 2 * count, CodeType(bits: 5, isSigned: false)),
      value("y", 2, CodeType(bits: 2, isSigned: false)),
    ]
    let steps = [
      step(dense(count, weights: weights, bias: bias, clamp: 0...31), [0], 1),
      // Class 0 has 1, class 1 has 2 less the distance.
      step(
        dense(
          2 * count, weights: Array(repeating: 0, count: 2 * count) + Array(repeating: -1, count: 2 * count),
          bias: [1, 2], clamp: 0...3), [1], 2),
    ]
    let program = IntegerProgram(name: "layers", values: values, steps: steps, inputs: [0], outputs: [2])
    return Planted(
      program: program,
      property: try .classification(
        of: program, box: Array(repeating: -8...7, count: count), label: 0, statement: "class 0"), point: point,
      count: 1)
  }

  /// A softmax whose codes tie where the logits do not: the lower index wins, and the class is another.
  static func tieOfCodes(_ random: inout SeededGenerator) throws -> Planted {
    let scale = SoftmaxScale(scale: 0.003, beta: 1)
    guard let scale else { throw PropertyError("no such softmax") }
    let values = [value("x", 2, .int8), value("y", 2, .int8)]
    let program = IntegerProgram(
      name: "softmax", values: values, steps: [step(.softmax(Softmax(rows: 1, depth: 2, scale: scale)), [0], 1)],
      inputs: [0], outputs: [1])
    let place = Int32(random.integer(in: -100...100))
    // Logit 1 is larger by 1 at least, all over the box.
    let box: [ClosedRange<Int32>] = [place - 12...place, place + 1...place + 9]
    let property = try Property.classification(of: program, box: box, label: 1, statement: "class 1")
    return Planted(program: program, property: property, point: [place, place + 1], count: -1)
  }

  private static func all() throws -> [Planted] {
    var random = SeededGenerator(seed: 42)
    var all: [Planted] = []
    for _ in 0..<60 {
      all.append(try needleInTables(&random))
      all.append(try needleInLayers(&random))
    }
    for _ in 0..<20 { all.append(try tieOfCodes(&random)) }
    return all
  }

  @Test func eachHasJustTheCounterexamplesThatWerePlanted() throws {
    for planted in try Self.all() {
      let instance = Instance(try BoundedProgram(planted.program), box: planted.property.box)
      let met = instance.points.indices.filter {
        planted.property.violation(inputs: instance.points[$0], outputs: instance.outputs[$0]) != nil
      }
      #expect(met.map { instance.points[$0] }.contains(planted.point))
      if planted.count > 0 { #expect(met.count == planted.count) } else { #expect(met.count < instance.points.count) }
    }
  }

  @Test func theWholeSearchFindsThem() throws {
    let all = try Self.all()
    let missed = inParallel(all.count) { index -> String? in
      let planted = all[index]
      guard let verifier = try? Verifier(planted.program) else { return "refused" }
      let result = verifier.verify(planted.property, options: VerdictTests.options(Set(Stage.allCases)))
      if case .violated = result.verdict { return nil }
      return "\(planted.program.name) \(planted.point): \(result.verdict)"
    }.compactMap { $0 }
    #expect(missed.isEmpty, "\(missed.count): \(missed.prefix(5))")
  }

  @Test func noStageProvesThemAwayWithoutTheAttack() throws {
    let all = try Self.all()
    let faults = inParallel(all.count) { index -> [String] in
      let planted = all[index]
      guard let verifier = try? Verifier(planted.program) else { return ["refused"] }
      return VerdictTests.subsets.compactMap { subset in
        let result = verifier.verify(planted.property, options: VerdictTests.options(subset.stages))
        if case .proved = result.verdict { return "\(planted.program.name) \(planted.point): proved by \(subset.name)" }
        return nil
      }
    }.flatMap { $0 }
    #expect(faults.isEmpty, "\(faults.prefix(5))")
  }

  @Test func withoutThePointTheRestIsProved() throws {
    let all = try Self.all().filter { $0.count == 1 }
    let faults = inParallel(all.count) { index -> [String] in
      let planted = all[index]
      guard let verifier = try? Verifier(planted.program) else { return ["refused"] }
      // The parts of the box beside it.
      var boxes: [[ClosedRange<Int32>]] = []
      var box = planted.property.box
      for element in box.indices {
        let (range, place) = (box[element], planted.point[element])
        var part = box
        if place > range.lowerBound {
          part[element] = range.lowerBound...place - 1
          boxes.append(part)
        }
        if place < range.upperBound {
          part[element] = place + 1...range.upperBound
          boxes.append(part)
        }
        box[element] = place...place
      }
      return boxes.compactMap { box in
        guard
          let property = try? Property(
            box: box, violations: planted.property.violations, statement: "", of: planted.program)
        else { return "no such part" }
        let result = verifier.verify(property, options: VerdictTests.options(Set(Stage.allCases)))
        if case .proved = result.verdict { return nil }
        return "\(planted.program.name) \(planted.point), \(box): \(result.verdict)"
      }
    }.flatMap { $0 }
    #expect(faults.isEmpty, "\(faults.prefix(5))")
  }
}
