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
