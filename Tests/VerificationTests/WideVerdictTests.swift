import Arithmetic
import DifferentialTesting
import IntegerProgram
import Network
import Properties
import Simulation
import Testing

@testable import Certificates
@testable import Verification

/// Programs with codes of 16 bits and accumulators of 64, against every point of small boxes.
@Suite struct WideVerdictTests {
  private static let count = 40
  private static let instances = inParallel(count) { index in
    Instance(seed: 16_000_000 + UInt64(index), largest: 40, isWide: true)
  }

  @Test("the programs are wide: sums and products in 64 bits, and the simulator and the interpreter agree on them")
  func variety() throws {
    var (sums, products, wide) = (0, 0, 0)
    for index in 0..<Self.count {
      let instance = Self.instances[index]
      for step in instance.bounded.steps {
        if case .longSums = step.form { sums += 1 }
        if case .longProduct = step.form { products += 1 }
      }
      wide += instance.program.values.count { $0.type == .int16 }
      let simulator = Simulator(instance.program)
      for (point, outputs) in zip(instance.points, instance.outputs).prefix(8) {
        #expect(try simulator.run(instance.program.inputs(flat: point)).flatMap { $0 } == outputs, "\(instance.seed)")
      }
    }
    #expect(sums > 12 && products > 2 && wide > 60, "\(sums), \(products), \(wide)")
  }

  @Test("ranges contain every code") func ranges() {
    let faults = inParallel(Self.count) { index -> [String] in
      let instance = Self.instances[index]
      let ranges = instance.bounded.ranges(over: instance.box)
      let outputs = instance.program.outputs.flatMap { value in zip(ranges.low[value], ranges.high[value]) }
      return instance.outputs.flatMap { codes in
        zip(codes, outputs).filter { !($1.0...$1.1).contains($0) }.map { _ in "\(instance.seed)" }
      }
    }
    #expect(faults.flatMap { $0 }.isEmpty)
  }

  @Test("no verdict differs from enumeration's, and the checker accepts every proof")
  func verdicts() throws {
    let results = inParallel(Self.count) { index -> (decided: Int, faults: [String]) in
      let instance = Self.instances[index]
      var random = SeededGenerator(seed: UInt64(index))
      let element = random.integer(in: 0...instance.outputs[0].count - 1)
      let codes = instance.outputs.map { Int64($0[element]) }
      let (most, lowest) = (codes.max() ?? 0, instance.program.outputElements[element].range.lowerBound)
      guard let verifier = try? Verifier(instance.program) else { return (0, ["\(instance.seed) is refused"]) }
      var (decided, faults) = (0, [String]())
      var options = VerificationOptions()
      options.timeout = 2
      // Just violated, just met, and met by far.
      for bound in [most - 1, most, most + Int64(random.integer(in: 1...200))] where bound > lowest {
        let property = try? Property.outputRange(
          of: instance.program, box: instance.box, element: element, range: lowest...bound, statement: "y")
        guard let property else { continue }
        switch verifier.verify(property, options: options).verdict {
        case .proved(let certificate):
          decided += 1
          if bound < most { faults.append("\(instance.seed): proved") }
          if (try? verifier.checker.check(certificate)) == nil { faults.append("\(instance.seed): refused") }
        case .violated(let found):
          decided += 1
          if bound >= most || property.violation(inputs: found.inputs, outputs: found.outputs) == nil {
            faults.append("\(instance.seed): violated")
          }
        case .unknown: break
        }
      }
      return (decided, faults)
    }
    #expect(results.flatMap(\.faults).isEmpty, "\(results.flatMap(\.faults).prefix(10))")
    #expect(results.reduce(0) { $0 + $1.decided } > Self.count)
  }

  @Test("codes of an interpolated softmax lie in their ranges, and ties are not passed over")
  func interpolatedSoftmax() throws {
    var random = SeededGenerator(seed: 16)
    for _ in 0..<6 {
      let scale = try #require(SoftmaxScale(interpolatedFor: random.element(of: [0.0001, 0.0007, 0.004, 0.1]), beta: 1))
      let softmax = Softmax(rows: 1, depth: random.integer(in: 2...4), kind: .interpolated(scale))
      let bounds = try SoftmaxBounds(softmax, logits: .int16)
      func row(_ logits: [Int32]) -> [Int32] {
        let largest = logits.max() ?? 0
        let exponentials = logits.map { interpolatedExponential($0 - largest, scale) }
        let divisor = InterpolatedDivisor(ofSum: exponentials.reduce(0, +))
        return exponentials.map { divisor.code($0) }
      }
      let tie = bounds.largestTie()
      for _ in 0..<40 {
        let middle = random.integer(in: -2000...2000)
        let low = (0..<softmax.depth).map { _ in Int32(middle + random.integer(in: -3000...3000)) }
        let high = low.map { $0 + Int32(random.integer(in: 0...900)) }
        let codes = bounds.codes(low: low, high: high)
        for _ in 0..<10 {
          let logits = zip(low, high).map { Int32(random.integer(in: Int($0)...Int($1))) }
          for (element, code) in row(logits).enumerated() {
            #expect(codes.low[element] <= code && code <= codes.high[element])
          }
        }
        var close = low
        close[0] = (low.max() ?? 0) + tie + 1
        let row = row(close)
        #expect(row.dropFirst().allSatisfy { $0 < row[0] })
      }
    }
  }
}
