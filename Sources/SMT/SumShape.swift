import Arithmetic

/// How a formula adds many summands. The value is the same; a solver's time is not (Giacobbe, Henzinger and Lechner,
/// "How many bits does it take to quantize your neural network?", TACAS 2020, section 4).
public enum SumShape: String, Sendable, Hashable, CaseIterable {
  /// Halves added recursively: depth log n, and most partial sums are narrow.
  case balanced
  /// One after another, as a device adds them.
  case linear
}

extension SumShape {
  /// `constant + Σ weight · term`. Weights of zero leave no trace, and negative ones are subtracted: the magnitude has
  /// fewer ones to multiply by than its two's complement.
  func sum(_ summands: [(weight: Int64, term: Term<Int64>)], plus constant: Int64) -> Term<Int64> {
    let products = summands.filter { $0.weight != 0 }.map { weight, term in
      (isNegative: weight < 0, term: term *% Term(abs(weight)))
    }
    switch self {
    case .linear:
      return products.reduce(Term(constant)) { $1.isNegative ? $0 -% $1.term : $0 +% $1.term }
    case .balanced:
      guard let sum = fold(products[...], Self.signedSum) else { return Term(constant) }
      return sum.isNegative ? Term(constant) -% sum.term : sum.term +% Term(constant)
    }
  }

  private static func signedSum(
    _ a: (isNegative: Bool, term: Term<Int64>), _ b: (isNegative: Bool, term: Term<Int64>)
  ) -> (isNegative: Bool, term: Term<Int64>) {
    switch (a.isNegative, b.isNegative) {
    case (false, true): (false, a.term -% b.term)
    case (true, false): (false, b.term -% a.term)
    case (let isNegative, _): (isNegative, a.term +% b.term)
    }
  }

  /// The elements joined by an associative operation; nil where there is none.
  func fold<Element>(_ elements: ArraySlice<Element>, _ join: (Element, Element) -> Element) -> Element? {
    switch self {
    case .linear:
      guard let first = elements.first else { return nil }
      return elements.dropFirst().reduce(first, join)
    case .balanced:
      guard elements.count > 1 else { return elements.first }
      let middle = elements.startIndex + elements.count / 2
      guard let left = fold(elements[..<middle], join), let right = fold(elements[middle...], join) else { return nil }
      return join(left, right)
    }
  }
}
