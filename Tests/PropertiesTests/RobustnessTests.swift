import IntegerProgram
import Testing

@testable import Properties

@Suite struct RobustnessTests {
  private let program = IntegerProgram(
    name: "p",
    values: [
      Value(name: "x", tensor: 0, shape: [3], type: .int8, scale: 1, zeroPoint: 0),
      Value(name: "y", tensor: 1, shape: [3], type: .int8, scale: 1, zeroPoint: 0),
    ],
    steps: [], inputs: [0], outputs: [1])

  @Test(
    "the class is the largest code, the lowest index among equals",
    arguments: [
      ([1, 3, 3], 1), ([5, 3, 5], 0), ([-128, -128, -128], 0), ([0, 1, 2], 2),
    ] as [([Int32], Int)])
  func predictedClass(outputs: [Int32], expected: Int) { #expect(Property.predictedClass(outputs) == expected) }

  @Test("a property of classes is violated exactly where the class is another")
  func classes() throws {
    for label in 0..<3 {
      let property = try Property.robustness(
        of: program, around: [0, 0, 0], radii: [1, 1, 1], label: label, statement: "")
      for point in 0..<125 {
        let outputs = [point % 5, point / 5 % 5, point / 25].map { Int32($0) }
        let isViolated = property.violation(inputs: [0, 0, 0], outputs: outputs) != nil
        #expect(isViolated == (Property.predictedClass(outputs) != label))
      }
    }
  }

  @Test("of the best k classes a label is right exactly where fewer than k come before it", arguments: 1...3)
  func best(count: Int) throws {
    for label in 0..<3 {
      let property = try Property.robustness(
        of: program, around: [0, 0, 0], radii: [1, 1, 1], label: label, rule: .best(count), statement: "")
      for point in 0..<125 {
        let outputs = [point % 5, point / 5 % 5, point / 25].map { Int32($0) }
        // The classes in their order: larger codes first, lower indices first among equals.
        let order = (0..<3).sorted { outputs[$0] > outputs[$1] || outputs[$0] == outputs[$1] && $0 < $1 }
        let isRight = order.prefix(count).contains(label)
        #expect((property.violation(inputs: [0, 0, 0], outputs: outputs) == nil) == isRight)
        #expect(ClassRule.best(count).accepts(label, outputs) == isRight)
      }
    }
  }

  @Test("a single output is class 1 from its threshold on; behind a sigmoid that is the code of 0.5")
  func threshold() throws {
    func program(_ type: String, scale: Float = 1.0 / 256, zeroPoint: Int32 = -128) -> IntegerProgram {
      let table = Lookup(lowest: -128, table: (-128...127).map { Int32($0) })
      return IntegerProgram(
        name: "p",
        values: [
          Value(name: "x", tensor: 0, shape: [1, 1], type: .int8, scale: 1, zeroPoint: 0),
          Value(name: "y", tensor: 1, shape: [1, 1], type: .int8, scale: scale, zeroPoint: zeroPoint),
        ],
        steps: [Step(.lookup(table), source: .init(index: 0, type: type, name: "y"), inputs: [0], output: 1)], inputs: [0],
        outputs: [1])
    }
    #expect(ClassRule.usual(for: program("LOGISTIC")) == .threshold(0))
    // 0.5 / 0.3 = 1.67: the code 2 − 10 is the first that stands for 0.5 or more.
    #expect(ClassRule.usual(for: program("Sigmoid", scale: 0.3, zeroPoint: -10)) == .threshold(-8))
    #expect(ClassRule.usual(for: program("TANH")) == nil)
    #expect(ClassRule.usual(for: self.program) == .largest)
    for code in [Int32(-127), 0, 127] {
      for label in 0...1 {
        let property = try Property.classification(
          of: program("LOGISTIC"), box: [0...1], label: label, rule: .threshold(code), statement: "")
        for output in -128...127 {
          let isRight = property.violation(inputs: [0], outputs: [Int32(output)]) == nil
          #expect(isRight == ((output >= code ? 1 : 0) == label))
          #expect(ClassRule.threshold(code).accepts(label, [Int32(output)]) == isRight)
        }
      }
    }
    #expect(throws: PropertyError.self) {
      try Property.classification(of: self.program, box: [0...0, 0...0, 0...0], label: 1, rule: .threshold(0), statement: "")
    }
  }

  @Test("balls are clipped to the type and to the clip range, and keep what has radius 0")
  func balls() throws {
    #expect(
      try Property.ball(in: program, around: [-127, 0, 127], radii: [5, 0, 5]) == [-128 ... -122, 0...0, 122...127])
    #expect(
      try Property.ball(in: program, around: [1, 0, 9], radii: [5, 1, 5], clip: 0...10) == [0...6, 0...1, 4...10])
    #expect { try Property.ball(in: program, around: [11, 0, 0], radii: [5, 0, 5], clip: 0...10) } throws: {
      "\($0)".contains("element 0 of the sample is 11, outside the clip range 0 … 10")
    }
    #expect(throws: PropertyError.self) { try Property.ball(in: program, around: [0, 0], radii: [1, 1, 1]) }
    #expect(throws: PropertyError.self) { try Property.ball(in: program, around: [0, 0, 0], radii: [1, -1, 1]) }
  }

  @Test("an output's range asks nothing at the ends of its type")
  func ranges() throws {
    let box = [Int32(0)...0, 0...0, 0...0]
    func violations(_ range: ClosedRange<Int64>) throws -> Int {
      try Property.outputRange(of: program, box: box, element: 1, range: range, statement: "").violations.count
    }
    #expect(try violations(-128...127) == 0)
    #expect(try violations(Int64.min + 1...5) == 1)
    #expect(try violations(-127...Int64.max) == 1)
    #expect(try violations(-1...1) == 2)
    #expect(throws: PropertyError.self) {
      try Property.outputRange(of: program, box: box, element: 3, range: 0...1, statement: "")
    }
  }
}
