@testable import SMT

/// Bit-vectors by SMT-LIB's definition of each operation (theory FixedSizeBitVectors, logic QF_BV), with a number in
/// place of every variable.
struct ConcreteWriter: BitVectorWriter {
  struct Value: Equatable {
    let pattern: UInt64
    let bits: Int

    init(_ pattern: UInt64, bits: Int) {
      precondition((1...64).contains(bits))
      self.bits = bits
      self.pattern = pattern & (UInt64.max >> UInt64(64 - bits))
    }
    var signed: Int64 { Int64(bitPattern: pattern << UInt64(64 - bits)) >> Int64(64 - bits) }
  }

  /// By name.
  let variables: [String: UInt64]
  private(set) var isMet = true

  init(_ variables: [String: UInt64]) { self.variables = variables }

  mutating func variable(_ name: String, bits: Int, most: UInt64) -> Value {
    let value = Value(variables[name] ?? 0, bits: bits)
    isMet = isMet && value.pattern <= most
    return value
  }
  func literal(_ pattern: UInt64, bits: Int) -> Value { Value(pattern, bits: bits) }
  func operation(_ operation: BitVectorOperation, _ a: Value, _ b: Value) -> Value {
    precondition(a.bits == b.bits)
    let shift = Int64(clamping: b.pattern)
    let pattern: UInt64 =
      switch operation {
      case .add: a.pattern &+ b.pattern
      case .subtract: a.pattern &- b.pattern
      case .multiply: a.pattern &* b.pattern
      // Swift's own shifts take any distance.
      case .shiftLeft: a.pattern << shift
      case .logicalShiftRight: a.pattern >> shift
      case .arithmeticShiftRight: UInt64(bitPattern: a.signed >> shift)
      case .unsignedDivide: a.pattern / b.pattern
      case .signedDivide: UInt64(bitPattern: a.signed / b.signed)
      }
    return Value(pattern, bits: a.bits)
  }
  func extended(_ a: Value, by bits: Int, isSigned: Bool) -> Value {
    Value(isSigned ? UInt64(bitPattern: a.signed) : a.pattern, bits: a.bits + bits)
  }
  func extracted(_ a: Value, bits: ClosedRange<Int>) -> Value {
    precondition(bits.upperBound < a.bits)
    return Value(a.pattern >> UInt64(bits.lowerBound), bits: bits.count)
  }
  func choice(_ a: Value, less b: Value, isSigned: Bool, _ c: Value, _ d: Value) -> Value {
    precondition(a.bits == b.bits && c.bits == d.bits)
    return (isSigned ? a.signed < b.signed : a.pattern < b.pattern) ? c : d
  }
  func shared(_ value: Value, index: Int, bits: Int) -> Value {
    precondition(value.bits == bits)
    return value
  }
  mutating func assert(anyOf bits: [Value]) { isMet = isMet && bits.contains(Value(1, bits: 1)) }
}

extension BitVectorQuery {
  /// Whether `inputs`, in the box, meet one of the chosen violations, by the formula alone.
  func isMet(by inputs: [Int32], violations: [Int]) -> Bool {
    switch formula.outcome(violations) {
    case .decided(let isMet): return isMet
    case .open(let goals):
      var variables: [String: UInt64] = [:]
      for (element, range) in property.box.enumerated() {
        variables["x\(element)"] = UInt64(inputs[element] - range.lowerBound)
      }
      var writer = ConcreteWriter(variables)
      _ = formula.write(goals, to: &writer)
      return writer.isMet
    }
  }
}
