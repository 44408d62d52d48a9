import Arithmetic
import DifferentialTesting
import IntegerProgram
import Simulation
import Testing

@testable import Certificates

/// Bounds of the quantised softmax, against trying everything.
@Suite struct SoftmaxBoundTests {
  private static let scales: [Float] = [0.001, 0.004, 0.01, 0.05, 0.1, 0.3, 1]

  private func rows(_ softmax: Softmax, of logits: [Int32]) -> [Int32] {
    let value = { Value(name: $0, tensor: nil, shape: [1, softmax.depth], type: .int8, scale: 1, zeroPoint: 0) }
    let step = Step(
      .softmax(softmax), source: Step.Source(index: 0, type: "SOFTMAX", name: "y"), inputs: [0], output: 1)
    let program = IntegerProgram(
      name: "softmax", values: [value("x"), value("y")], steps: [step], inputs: [0], outputs: [1])
    return ReferenceInterpreter(program).codes(of: step, operands: [logits])
  }

  enum Kind: CaseIterable { case shares, logarithms, tabulated }

  private func softmax(_ kind: Kind, depth: Int, _ scale: Float) throws -> Softmax {
    if kind == .tabulated {
      return Softmax(rows: 1, depth: depth, kind: .tabulated(Rows.table(Int(scale * 1000))))
    }
    let fixed = try #require(SoftmaxScale(scale: scale, beta: 1))
    return Softmax(rows: 1, depth: depth, kind: kind == .shares ? .shares(fixed) : .logarithms(fixed))
  }

  @Test(arguments: Kind.allCases) func codesLieInTheirRanges(kind: Kind) throws {
    var random = SeededGenerator(seed: 4)
    var attained = 0
    for _ in 0..<400 {
      let scale = random.element(of: Self.scales)
      let softmax = try softmax(kind, depth: random.integer(in: 1...4), scale)
      let bounds = try SoftmaxBounds(softmax, logits: .int8)
      let width = random.element(of: [0, 1, 3])
      let low = (0..<softmax.depth).map { _ in Int32(random.integer(in: -128...127 - width)) }
      let high = low.map { $0 + Int32(random.integer(in: 0...width)) }
      let codes = bounds.codes(low: low, high: high)
      let all = Instance.points(of: zip(low, high).map { $0...$1 }).map { rows(softmax, of: $0) }
      for element in 0..<softmax.depth {
        let column = all.map { $0[element] }
        #expect(column.allSatisfy { codes.low[element] <= $0 && $0 <= codes.high[element] })
        if column.min() == codes.low[element] && column.max() == codes.high[element] { attained += 1 }
      }
    }
    #expect(attained > 200)
  }

  @Test func codesOfRowsOfLength1LieInTheirRanges() throws {
    var random = SeededGenerator(seed: 5)
    var attained = 0
    for round in 0..<400 {
      let depth = random.integer(in: 1...4)
      let zeroPoint = Int32(random.integer(in: -128...127))
      let rounding = random.element(of: [Rounding.double, .single])
      let normalization = Normalization(rows: 1, depth: depth, zeroPoint: zeroPoint, rounding: rounding)
      let width = random.element(of: [0, 1, 3])
      // Around the zero point, where little changes much, and anywhere.
      let low = (0..<depth).map { _ in
        let code = Int(normalization.zeroPoint) + random.integer(in: round % 2 == 0 ? -4...4 : -255...255)
        return Int32(min(max(code, -128), 127 - width))
      }
      let high = low.map { $0 + Int32(random.integer(in: 0...width)) }
      let codes = normalization.codes(low: low, high: high)
      let all = Instance.points(of: zip(low, high).map { $0...$1 }).map { row in
        let root = InverseSquareRoot(of: row.reduce(0) { $0 + normalization.square($1) })
        return row.map { normalization.code($0, root, rounding: rounding) }
      }
      for element in 0..<depth {
        let column = all.map { $0[element] }
        #expect(column.allSatisfy { codes.low[element] <= $0 && $0 <= codes.high[element] })
        if all.count == 1 { #expect(codes.low[element] == codes.high[element]) }
        if column.min() == codes.low[element] && column.max() == codes.high[element] { attained += 1 }
      }
    }
    #expect(attained > 150)
  }

  @Test func codesOfStandardScoresLieInTheirRanges() throws {
    var random = SeededGenerator(seed: 6)
    var (attained, codesSeen) = (0, 0)
    for round in 0..<500 {
      let depth = random.integer(in: 1...4)
      let scores = Rows.scores(round, depth: depth, range: -128...127)
      let normalization = Normalization(rows: 1, depth: depth, zeroPoint: 3, kind: .scores(scores))
      try normalization.check(.int8, count: depth)
      let width = random.element(of: [0, 1, 3])
      let low = (0..<depth).map { _ in
        Int32(random.integer(in: round % 2 == 0 ? -3...6 : -128...127 - width))
      }
      let high = low.map { $0 + Int32(random.integer(in: 0...width)) }
      let codes = normalization.codes(low: low, high: high)
      let all = Instance.points(of: zip(low, high).map { $0...$1 }).map { row -> [Int64] in
        normalization.codes(ofRow: 0, row.map { Int64($0) }, scores)
      }
      for element in 0..<depth {
        let column = all.map { Int32($0[element]) }
        #expect(column.allSatisfy { codes.low[element] <= $0 && $0 <= codes.high[element] })
        if all.count == 1 { #expect(codes.low[element] == codes.high[element]) }
        if column.min() == codes.low[element] && column.max() == codes.high[element] { attained += 1 }
        codesSeen += 1
      }
    }
    print("standard scores: \(attained) of \(codesSeen) ranges are attained")
    #expect(attained * 3 > codesSeen)
  }

  @Test(arguments: Kind.allCases) func noTieIsWiderThanTheLargest(kind: Kind) throws {
    var exact = 0
    var cases = 0
    for scale in Self.scales {
      for depth in 2...4 {
        let softmax = try softmax(kind, depth: depth, scale)
        let largest = try SoftmaxBounds(softmax, logits: .int8).largestTie()
        // The widest tie with the row's largest logit, whatever the others are.
        var widest: Int32 = 0
        for difference in Int32(0)...255 {
          for rest in stride(from: Int32(0), through: 255, by: depth == 2 ? 256 : 5) {
            let logits = [127, 127 - difference] + Array(repeating: 127 - rest, count: depth - 2)
            let codes = rows(softmax, of: logits)
            if codes[0] == codes[1] { widest = max(widest, difference) }
          }
        }
        #expect(widest <= largest, "depth \(depth), \(scale)")
        cases += 1
        if widest == largest { exact += 1 }
      }
    }
    print("softmax: the largest tie occurs in \(exact) of \(cases) cases")
    // Of logarithms, what is less than a code apart seldom rounds to one.
    #expect(kind == .logarithms || exact >= cases / 3)
  }
}
