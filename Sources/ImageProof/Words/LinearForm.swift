/// A sum `constant + Σ coefficient · atom` modulo 2^32, where atoms are integers. Numbers are kept in −2^31 … 2^31 − 1,
/// so that a form whose range fits there is the number itself.
struct LinearForm: Hashable {
  struct Term: Hashable {
    var atom: Atom
    var coefficient: Int32
  }

  var constant: Int32
  /// In order of atoms, each once and none with 0, where `isNormal`; as they were added otherwise.
  private(set) var terms: [Term]
  private(set) var isNormal = true

  init(_ constant: Int32) {
    self.constant = constant
    terms = []
  }
  init(_ atom: Atom, coefficient: Int32 = 1, constant: Int32 = 0) {
    self.constant = constant
    terms = coefficient == 0 ? [] : [Term(atom: atom, coefficient: coefficient)]
  }

  /// Puts terms in order and adds those of the same atom.
  mutating func normalize() {
    guard !isNormal else { return }
    isNormal = true
    terms.sort { $0.atom.rawValue < $1.atom.rawValue }
    var count = 0
    var index = 0
    while index < terms.count {
      var term = terms[index]
      index += 1
      while index < terms.count, terms[index].atom == term.atom {
        term.coefficient &+= terms[index].coefficient
        index += 1
      }
      if term.coefficient != 0 {
        terms[count] = term
        count += 1
      }
    }
    terms.removeLast(terms.count - count)
  }

  var normalized: LinearForm {
    var result = self
    result.normalize()
    return result
  }

  /// Adds `factor` times another form. Terms are only appended: whoever looks at them normalises first.
  mutating func add(_ other: LinearForm, times factor: Int32 = 1) {
    constant &+= other.constant &* factor
    guard factor != 0, !other.terms.isEmpty else { return }
    if terms.isEmpty, factor == 1 {
      (terms, isNormal) = (other.terms, other.isNormal)
      return
    }
    isNormal = false
    for term in other.terms { terms.append(Term(atom: term.atom, coefficient: term.coefficient &* factor)) }
  }

  mutating func add(_ atom: Atom, times coefficient: Int32) {
    isNormal = false
    terms.append(Term(atom: atom, coefficient: coefficient))
  }

  func scaled(by factor: Int32) -> LinearForm {
    var result = LinearForm(0)
    result.add(self, times: factor)
    result.normalize()
    return result
  }

  /// The same modulo 2^width, with numbers nearest to zero.
  func reduced(width: Int) -> LinearForm {
    guard width < 32 else { return normalized }
    let shift = Int32(32 - width)
    var result = LinearForm((constant &<< shift) &>> shift)
    for term in normalized.terms {
      let coefficient = (term.coefficient &<< shift) &>> shift
      if coefficient != 0 { result.terms.append(Term(atom: term.atom, coefficient: coefficient)) }
    }
    return result
  }
}

/// An integer that a run computes, or is given: an index of the table of atoms.
struct Atom: Hashable, RawRepresentable {
  var rawValue: Int32
}

/// Integers from `low` to `high`.
struct Span: Hashable {
  var low, high: Int64

  init(_ low: Int64, _ high: Int64) {
    self.low = low
    self.high = high
  }
  init(_ number: Int64) { self.init(number, number) }

  /// `factor · x + constant` for all x here; nil where that passes 64 bits.
  func scaled(by factor: Int64, plus constant: Int64) -> Span? {
    let (a, overflowA) = factor.multipliedReportingOverflow(by: low)
    let (b, overflowB) = factor.multipliedReportingOverflow(by: high)
    let (low, overflowLow) = min(a, b).addingReportingOverflow(constant)
    let (high, overflowHigh) = max(a, b).addingReportingOverflow(constant)
    return overflowA || overflowB || overflowLow || overflowHigh ? nil : Span(low, high)
  }

  static let word = Span(Int64(Int32.min), Int64(Int32.max))
  var isSingle: Bool { low == high }

  /// What words of so many bits make of these integers, read as signed or unsigned: all such words where some, but not
  /// all, of the integers wrap around.
  func wrapped(width: Int, isSigned: Bool) -> Span {
    let offset: Int64 = isSigned ? 1 << Int64(width - 1) : 0
    let (below, overflow) = low.addingReportingOverflow(offset)
    let (above, overflowAbove) = high.addingReportingOverflow(offset)
    guard !overflow, !overflowAbove, below >> Int64(width) == above >> Int64(width) else {
      return Span(-offset, (1 << Int64(width)) - 1 - offset)
    }
    let mask: Int64 = (1 << Int64(width)) - 1
    return Span(below & mask - offset, above & mask - offset)
  }
}
