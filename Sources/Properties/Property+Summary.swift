import IntegerProgram

extension Property {
  /// What is asked of `program`, in a few words made from the property itself: "784 inputs, 620 of them free by up to 7 codes; class
  /// 3 everywhere".
  public func summary(for program: IntegerProgram) -> String {
    let widths = box.map { Int($0.upperBound) - Int($0.lowerBound) }
    let free = widths.count { $0 > 0 }
    let inputs = box.count == 1 ? "1 input" : "\(box.count) inputs"
    let freedom =
      free == 0 ? "all fixed" : "\(free) free, over at most \((widths.max() ?? 0) + 1) codes each"
    return "\(inputs), \(freedom); \(claim(classes: program.callOutputElements.count))"
  }

  private func claim(classes: Int) -> String {
    if violations.isEmpty { return "nothing could violate it" }
    if let label = robustLabel(classes: classes) { return "class \(label) everywhere, of \(classes)" }
    if violations.count == 1 { return "nowhere \(violations[0])" }
    return "none of \(violations.count) cases anywhere, the first: \(violations[0])"
  }

  /// The class that the property claims for its whole box, where it is such a claim about a network of so many classes.
  public func robustLabel(classes: Int) -> Int? {
    guard violations.count + 1 == classes,
      let label = violations.first?.constraints.first?.outputs.first(where: { $0.coefficient == -1 })?.element,
      violations == Self.classViolations(label: label, classes: classes)
    else { return nil }
    return label
  }
}

extension Violation: CustomStringConvertible {
  public var description: String { constraints.map(\.description).joined(separator: " and ") }
}

extension LinearConstraint: CustomStringConvertible {
  /// As "Y_1 − Y_0 ≥ 1", in codes; long sums are cut.
  public var description: String {
    let terms = inputs.map { ("X", $0) } + outputs.map { ("Y", $0) }
    var text = ""
    for (name, term) in terms.prefix(8) {
      let sign = term.coefficient < 0 ? (text.isEmpty ? "−" : " − ") : text.isEmpty ? "" : " + "
      text +=
        sign + (term.coefficient.magnitude == 1 ? "" : "\(term.coefficient.magnitude)·") + "\(name)_\(term.element)"
    }
    if terms.count > 8 { text += " + …" }
    return (text.isEmpty ? "0" : text) + " ≥ \(least)"
  }
}
