import ArgumentParser
import Evaluation
import Network

/// Epsilons as people write them: 1,2,3 or 0.01,0.05.
struct EpsilonList: Sendable {
  let epsilons: [Epsilon]
  /// As it was written.
  let text: String

  init(_ argument: String) throws {
    epsilons = try argument.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let epsilon = Epsilon(part) else {
        throw ValidationError(
          part.hasPrefix("-")
            ? "\(String(part).printable(40)) is below 0; an epsilon is how far elements may move."
            : "\"\(String(part).printable(40))\" is no epsilon; write whole numbers of codes, or with --real decimals such as 0.05.")
      }
      return epsilon
    }
    for (index, epsilon) in epsilons.enumerated() {
      guard let same = epsilons[..<index].first(where: { $0.value == epsilon.value }) else { continue }
      throw ValidationError(
        same.text == epsilon.text
          ? "\(epsilon.text) is given twice; each epsilon is asked once."
          : "\(same.text) and \(epsilon.text) are one number; each epsilon is asked once.")
    }
    text = argument
  }
}

/// A range of codes as people write it: 0-255, -128-127.
struct CodeRange: Sendable {
  let range: ClosedRange<Int32>

  init(_ argument: String) throws {
    guard let match = argument.wholeMatch(of: /(-?[0-9]+)-(-?[0-9]+)/), let low = Int32(match.1),
      let high = Int32(match.2)
    else {
      throw ValidationError("\"\(argument.printable(40))\" is no range of codes; write 0-255 or -128-127.")
    }
    guard low <= high else { throw ValidationError("\(argument) runs backwards: \(low) is above \(high).") }
    range = low...high
  }
}
