import IntegerProgram

extension Property {
  /// What the device's class is about: the network's one output, each element a class, the largest code winning and the
  /// lowest index among equals.
  public static func predictedClass(_ outputs: [Int32]) -> Int {
    outputs.indices.max { outputs[$0] < outputs[$1] || (outputs[$0] == outputs[$1] && $0 > $1) } ?? 0
  }

  /// The codes within `radii` of `center`, clipped to the input's type and to `clip`. `radii` has one radius in codes for
  /// each element that the caller gives: 0 keeps an element as it is. States may be whatever any history left.
  public static func ball(
    in program: IntegerProgram, around center: [Int32], radii: [Int32], clip: ClosedRange<Int32>? = nil
  ) throws(PropertyError) -> [ClosedRange<Int32>] {
    let (types, ranges) = (program.callInputElements, program.inputRanges)
    guard center.count == types.count, radii.count == types.count else {
      throw PropertyError(
        "the network's input has \(types.count) elements, the sample \(center.count), its radii \(radii.count)")
    }
    var box: [ClosedRange<Int32>] = []
    box.reserveCapacity(types.count)
    for (element, type) in types.enumerated() {
      let range = ranges[element]
      guard range.contains(Int64(center[element])) else {
        throw PropertyError(
          "element \(element) of the sample is \(center[element]); the input is \(type), \(range.lowerBound) … "
            + "\(range.upperBound)")
      }
      guard radii[element] >= 0 else { throw PropertyError("the radius of element \(element) is \(radii[element])") }
      if let clip, !clip.contains(center[element]) {
        throw PropertyError(
          "element \(element) of the sample is \(center[element]), outside the clip range "
            + "\(clip.lowerBound) … \(clip.upperBound)")
      }
      let limits = clip.map { Int64($0.lowerBound)...Int64($0.upperBound) } ?? range
      let low = max(range.lowerBound, limits.lowerBound, Int64(center[element]) - Int64(radii[element]))
      let high = min(range.upperBound, limits.upperBound, Int64(center[element]) + Int64(radii[element]))
      box.append(Int32(low)...Int32(high))
    }
    return box + program.stateBox
  }

  /// That every input within `radii` of `center`, clipped as by `ball`, makes `label` right.
  public static func robustness(
    of program: IntegerProgram, around center: [Int32], radii: [Int32], clip: ClosedRange<Int32>? = nil, label: Int,
    rule: ClassRule = .largest, statement: String
  ) throws(PropertyError) -> Property {
    try classification(
      of: program, box: ball(in: program, around: center, radii: radii, clip: clip), label: label, rule: rule,
      statement: statement)
  }

  /// That every input of `box` makes `label` right.
  public static func classification(
    of program: IntegerProgram, box: [ClosedRange<Int32>], label: Int, rule: ClassRule = .largest, statement: String
  ) throws(PropertyError) -> Property {
    guard program.callOutputs.count == 1 else {
      throw PropertyError("a class is asked of a network with one output; this one has \(program.callOutputs.count)")
    }
    let outputs = program.callOutputElements.count
    if case .threshold = rule, outputs != 1 {
      throw PropertyError("a threshold is asked of a network with one output element; this one has \(outputs)")
    }
    let classes = rule.classes(outputs: outputs)
    guard (0..<classes).contains(label) else {
      throw PropertyError("the label is \(label); the network has \(classes) classes")
    }
    return try Property(
      box: box, violations: rule.violations(label: label, outputs: outputs), statement: statement, of: program)
  }

  /// Class j wins over the label where it is larger, or as large with a lower index.
  static func classViolations(label: Int, classes: Int) -> [Violation] {
    (0..<classes).filter { $0 != label }.map { Violation([overtaking(rival: $0, label: label)]) }
  }

  static func overtaking(rival: Int, label: Int) -> LinearConstraint {
    LinearConstraint(outputs: [.init(rival, 1), .init(label, -1)], atLeast: rival < label ? 0 : 1)
  }

  /// That output element `element` stays in `range` over the whole box. An end that the output's type keeps of itself is
  /// no violation.
  public static func outputRange(
    of program: IntegerProgram, box: [ClosedRange<Int32>], element: Int, range: ClosedRange<Int64>, statement: String
  ) throws(PropertyError) -> Property {
    let types = program.outputElements
    guard types.indices.contains(element) else {
      throw PropertyError("output element \(element) is asked for; the network has \(types.count)")
    }
    var violations: [Violation] = []
    if range.upperBound < types[element].range.upperBound {
      violations.append(Violation([LinearConstraint(outputs: [.init(element, 1)], atLeast: range.upperBound + 1)]))
    }
    if range.lowerBound > types[element].range.lowerBound {
      violations.append(Violation([LinearConstraint(outputs: [.init(element, -1)], atLeast: 1 - range.lowerBound)]))
    }
    return try Property(box: box, violations: violations, statement: statement, of: program)
  }
}
