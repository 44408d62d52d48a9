import Crypto
import IntegerProgram
import Network

/// What is asked of a network: that no input of a box, all codes, meets any of its violations.
///
/// Inputs and outputs are numbered flat: the elements of the program's first input, then of its second, and so on. A
/// property is about the codes that a device takes and returns, saturated and rounded; a question in real values
/// has been turned into one about codes, exactly, before it stands here.
public struct Property: Sendable, Hashable {
  /// For each input element, the codes it may have.
  public private(set) var box: [ClosedRange<Int32>]
  /// An input in the box violates the property where all constraints of one of these hold.
  public private(set) var violations: [Violation]
  /// The question in words, for people. It is no part of what is proved.
  public var statement: String

  /// Fails where a constraint names an element that `program` lacks, where the box does not fit its inputs, or where a
  /// constraint's sum could pass 2^62.
  public init(
    box: [ClosedRange<Int32>], violations: [Violation], statement: String, of program: IntegerProgram
  ) throws(PropertyError) {
    self.box = box
    self.violations = violations
    self.statement = statement
    try check(against: program)
  }

  /// Whether the property fits `program`: every question about a property that was read from a file starts here.
  public func check(against program: IntegerProgram) throws(PropertyError) {
    let (inputs, ranges) = (program.inputElements, program.inputRanges)
    guard box.count == inputs.count else {
      throw PropertyError("the box has \(box.count) elements, the network's input \(inputs.count)")
    }
    for (element, range) in box.enumerated() {
      guard ranges[element].contains(Int64(range.lowerBound)), ranges[element].contains(Int64(range.upperBound)) else {
        throw PropertyError(
          "input element \(element) is \(inputs[element]), \(ranges[element].lowerBound) … "
            + "\(ranges[element].upperBound); its box is \(range.lowerBound) … \(range.upperBound)")
      }
    }
    let outputs = program.outputElements
    for violation in violations {
      for constraint in violation.constraints {
        try constraint.check(inputs: inputs, outputs: outputs)
      }
    }
  }

  /// The first violation that an input and the outputs it leads to meet; nil where the property holds there. The
  /// input must be in the box.
  public func violation(inputs: [Int32], outputs: [Int32]) -> Int? {
    violations.firstIndex { $0.isMet(inputs: inputs, outputs: outputs) }
  }

  /// Whether every code of `inputs` lies in the box.
  public func contains(_ inputs: [Int32]) -> Bool {
    inputs.count == box.count && zip(inputs, box).allSatisfy { $1.contains($0) }
  }

  /// Whether it says of a network's real results what it says of its codes, where the caller does so much behind them.
  public func isKept(by finish: Network.Finish) -> Bool {
    violations.allSatisfy { violation in
      violation.constraints.allSatisfy { constraint in
        finish == .nothing || constraint.outputs.isEmpty || finish == .monotone && constraint.comparesOutputs
      }
    }
  }

  /// SHA-256 of `canonicalBytes`, in lowercase hexadecimal.
  public var digest: String {
    SHA256.hash(data: canonicalBytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// All that decides what is asked, and nothing else. Integers are 8 bytes, little-endian; lists carry their length.
  public var canonicalBytes: [UInt8] {
    var writer = CanonicalWriter()
    writer.text("lockstep-property-1")
    writer.integers(box.flatMap { [$0.lowerBound, $0.upperBound] })
    writer.list(violations) { writer, violation in
      writer.list(violation.constraints) { writer, constraint in
        for terms in [constraint.inputs, constraint.outputs] {
          writer.integers(terms.flatMap { [Int64($0.element), $0.coefficient] })
        }
        writer.integer(Int(constraint.least))
      }
    }
    return writer.bytes
  }
}

/// Linear constraints that hold together.
public struct Violation: Sendable, Hashable {
  public var constraints: [LinearConstraint]

  public init(_ constraints: [LinearConstraint]) { self.constraints = constraints }

  public func isMet(inputs: [Int32], outputs: [Int32]) -> Bool {
    constraints.allSatisfy { $0.value(inputs: inputs, outputs: outputs) >= $0.least }
  }
}

/// `Σ coefficient · input + Σ coefficient · output ≥ least`, over codes.
public struct LinearConstraint: Sendable, Hashable {
  public struct Term: Sendable, Hashable {
    /// Among all input elements, or all output elements.
    public var element: Int
    public var coefficient: Int64

    public init(_ element: Int, _ coefficient: Int64) {
      self.element = element
      self.coefficient = coefficient
    }
  }

  public var inputs, outputs: [Term]
  public var least: Int64

  /// Whether it compares two outputs with each other and nothing else: what keeps order keeps it.
  var comparesOutputs: Bool {
    inputs.isEmpty && outputs.count == 2 && outputs[0].coefficient == -outputs[1].coefficient
      && (0...abs(outputs[0].coefficient)).contains(least)
  }

  public init(inputs: [Term] = [], outputs: [Term] = [], atLeast least: Int64) {
    self.inputs = inputs
    self.outputs = outputs
    self.least = least
  }

  /// The left side. That it fits was checked when the property was made.
  public func value(inputs: [Int32], outputs: [Int32]) -> Int64 {
    self.inputs.reduce(0) { $0 + $1.coefficient * Int64(inputs[$1.element]) }
      + self.outputs.reduce(0) { $0 + $1.coefficient * Int64(outputs[$1.element]) }
  }

  func check(inputs: [CodeType], outputs: [CodeType]) throws(PropertyError) {
    var total = Int128(least.magnitude)
    for (terms, types, what) in [(self.inputs, inputs, "input"), (self.outputs, outputs, "output")] {
      for term in terms {
        guard types.indices.contains(term.element) else {
          throw PropertyError("a constraint names \(what) element \(term.element); the network has \(types.count)")
        }
        let range = types[term.element].range
        let most = max(range.lowerBound.magnitude, range.upperBound.magnitude)
        total += Int128(term.coefficient.magnitude) * Int128(most)
      }
    }
    guard total < Int128(1) << 62 else {
      throw PropertyError("a constraint's coefficients are too large: its sum could pass 2^62")
    }
  }
}

/// A property that makes no sense, or none for this network.
public struct PropertyError: Error, Sendable, CustomStringConvertible {
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}

extension IntegerProgram {
  /// The type of every input element, in a property's order.
  public var inputElements: [CodeType] { inputs.flatMap { Array(repeating: values[$0].type, count: values[$0].count) } }
  /// The codes that every input element takes, in a property's order: those of its type, the rows of a
  /// table, or a state's invariant.
  public var inputRanges: [ClosedRange<Int64>] {
    inputs.flatMap { Array(repeating: values[$0].range, count: values[$0].count) }
  }
  /// What the states may be, whatever came before: a box for the input elements behind those that the caller gives.
  public var stateBox: [ClosedRange<Int32>] {
    states.flatMap { state in
      let range = values[state.read].range
      return Array(repeating: Int32(range.lowerBound)...Int32(range.upperBound), count: values[state.read].count)
    }
  }
  /// The types of the elements that the caller gives, and gets.
  public var callInputElements: [CodeType] { Array(inputElements.dropLast(stateBox.count)) }
  public var callOutputElements: [CodeType] { Array(outputElements.dropLast(stateBox.count)) }
  /// The type of every output element, in a property's order.
  public var outputElements: [CodeType] { outputs.flatMap { Array(repeating: values[$0].type, count: values[$0].count) } }

  /// Flat input codes as one array for each network input.
  public func inputs(flat codes: [Int32]) -> [[Int32]] {
    var start = 0
    return inputs.map { input in
      defer { start += values[input].count }
      return Array(codes[start..<start + values[input].count])
    }
  }
}
