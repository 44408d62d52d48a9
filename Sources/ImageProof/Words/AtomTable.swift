import MachineCode

/// All atoms: each is held once, so that what is computed the same way is the same atom.
final class AtomTable {
  enum Kind: Hashable {
    /// An integer of which nothing is known but its range: a code of the network, or what the code finds in a register.
    case variable(Span)
    /// A sum of several variables and operations whose coefficients have no common divisor, the first of them positive.
    case sum([LinearForm.Term])
    /// The word, read as signed, that an operation makes of words.
    case operation(WordOperation, [Operand])
  }

  /// `constant + coefficient · atom` modulo 2^32.
  struct Operand: Hashable {
    var constant: Int32
    var coefficient: Int32
    /// Nil for a constant alone.
    var atom: Atom?

    init(_ constant: Int32) { (self.constant, coefficient, atom) = (constant, 0, nil) }
    init(constant: Int32, coefficient: Int32, atom: Atom?) {
      self.constant = constant
      self.coefficient = coefficient
      self.atom = atom
    }
  }

  private(set) var kinds: [Kind] = []
  private(set) var spans: [Span] = []
  private var index: [Kind: Atom] = [:]
  /// Atoms below it stay when the others are let go.
  private var kept = 0

  func kind(_ atom: Atom) -> Kind { kinds[Int(atom.rawValue)] }
  func span(_ atom: Atom) -> Span { spans[Int(atom.rawValue)] }
  func isKept(_ atom: Atom) -> Bool { Int(atom.rawValue) < kept }

  /// A new variable.
  func variable(_ span: Span) -> Atom {
    kinds.append(.variable(span))
    spans.append(span)
    return Atom(rawValue: Int32(kinds.count - 1))
  }

  private func atom(_ kind: Kind, _ span: @autoclosure () -> Span) -> Atom {
    if let known = index[kind] { return known }
    let atom = Atom(rawValue: Int32(kinds.count))
    kinds.append(kind)
    spans.append(span())
    index[kind] = atom
    return atom
  }

  /// From now on the atoms there are stay: variables alone, or what is looked up would be found no more.
  func keep() {
    kept = kinds.count
    index.removeAll(keepingCapacity: true)
  }

  /// Lets all atoms go but those that stay.
  func release() {
    kinds.removeLast(kinds.count - kept)
    spans.removeLast(spans.count - kept)
    index.removeAll(keepingCapacity: true)
  }

  /// The range of a form as a sum of integers, not of words; nil where it passes 64 bits.
  func span(_ form: LinearForm) -> Span? {
    var (low, high) = (Int64(form.constant), Int64(form.constant))
    for term in form.normalized.terms {
      let span = span(term.atom)
      let factor = Int64(term.coefficient)
      let (a, overflowA) = factor.multipliedReportingOverflow(by: span.low)
      let (b, overflowB) = factor.multipliedReportingOverflow(by: span.high)
      let (newLow, overflowLow) = low.addingReportingOverflow(min(a, b))
      let (newHigh, overflowHigh) = high.addingReportingOverflow(max(a, b))
      if overflowA || overflowB || overflowLow || overflowHigh { return nil }
      (low, high) = (newLow, newHigh)
    }
    return Span(low, high)
  }

  /// The integer that the lowest `width` bits of a form are, read as signed or unsigned; nil where the form does not show it.
  func exact(_ form: LinearForm, width: Int, isSigned: Bool) -> LinearForm? {
    var reduced = form.reduced(width: width)
    guard width < 32 || isSigned else {
      // Numbers of 32 bits are kept as signed ones; as unsigned ones they are the same where none is negative.
      guard let span = span(reduced), span.low >= 0, span.high <= Int64(Int32.max) else { return nil }
      return reduced
    }
    guard let span = span(reduced), span.low > -1 << 62, span.high < 1 << 62 else { return nil }
    let (low, high): (Int64, Int64) =
      isSigned ? (-1 << Int64(width - 1), (1 << Int64(width - 1)) - 1) : (0, (1 << Int64(width)) - 1)
    // The constant may stand for itself plus any multiple of 2^width.
    let size: Int64 = 1 << Int64(width)
    var moved = Int64(reduced.constant)
    if span.low < low { moved += (low - span.low + size - 1) / size * size }
    if span.high > high { moved -= (span.high - high + size - 1) / size * size }
    let step = moved - Int64(reduced.constant)
    guard span.low + step >= low, span.high + step <= high, let constant = Int32(exactly: moved) else { return nil }
    reduced.constant = constant
    return reduced
  }

  /// A form as one atom's multiple: a sum of several becomes an atom of its own. The sum of the integers is meant, which
  /// may pass 32 bits; nil where it passes 64.
  func operand(_ form: LinearForm) -> Operand? {
    let form = form.normalized
    guard let first = form.terms.first else { return Operand(form.constant) }
    guard form.terms.count > 1 else {
      return Operand(constant: form.constant, coefficient: first.coefficient, atom: first.atom)
    }
    guard let (divisor, atom) = sum(form.terms) else { return nil }
    return Operand(constant: form.constant, coefficient: divisor, atom: atom)
  }

  private func sum(_ terms: [LinearForm.Term]) -> (divisor: Int32, Atom)? {
    var divisor: UInt32 = 0
    for term in terms {
      var (a, b) = (divisor, term.coefficient.magnitude)
      while b != 0 { (a, b) = (b, a % b) }
      divisor = a
      if divisor == 1 { break }
    }
    guard divisor > 0, var signed = Int32(exactly: divisor) else { return nil }
    if terms[0].coefficient < 0 { signed = -signed }
    // −2^31 has no counterpart.
    guard signed != -1 || !terms.contains(where: { $0.coefficient == .min }) else { return nil }
    var primitive = LinearForm(0)
    for term in terms { primitive.add(term.atom, times: term.coefficient / signed) }
    primitive.normalize()
    guard let span = span(primitive) else { return nil }
    return (signed, atom(.sum(primitive.terms), span))
  }

  /// `yes` where `condition`, 0 or 1, is 1, else `no`; nil where a form passes 64 bits.
  func select(_ condition: LinearForm, _ yes: LinearForm, _ no: LinearForm) -> LinearForm? {
    let (yes, no) = (yes.normalized, no.normalized)
    if yes == no { return yes }
    let condition = condition.normalized
    if condition.terms.count == 1, let term = condition.terms.first {
      // 1 − c is c with the sides exchanged.
      if condition.constant == 1, term.coefficient == -1 { return select(LinearForm(term.atom), no, yes) }
      // Where x < y, y, else x: the larger one.
      if condition.constant == 0, term.coefficient == 1, case .operation(.less(isSigned: true), let sides) = kind(term.atom),
        let (a, b) = operands(yes, no), sides == [b, a]
      {
        return maximum([yes, no])
      }
    }
    return operation(.select, [condition, yes, no])
  }

  private func operands(_ a: LinearForm, _ b: LinearForm) -> (Operand, Operand)? {
    guard let x = operand(a), let y = operand(b) else { return nil }
    return (x, y)
  }

  /// The largest of signed words: of the same words always the same atom.
  func maximum(_ forms: [LinearForm]) -> LinearForm? {
    var candidates: Set<Operand> = []
    for form in forms {
      guard let operand = operand(form) else { return nil }
      if operand.coefficient == 1, operand.constant == 0, let atom = operand.atom,
        case .operation(.maximum, let inner) = kind(atom)
      {
        candidates.formUnion(inner)
      } else {
        candidates.insert(operand)
      }
    }
    // What can never be larger than another is left out; of equal constants one stays.
    let floor = candidates.map { span($0).low }.max() ?? 0
    var kept = candidates.filter { span($0).high > floor || span($0).isSingle && span($0).high == floor }
    if kept.count > 1, kept.contains(where: { $0.atom != nil && span($0).low >= floor }) {
      kept = kept.filter { $0.atom != nil || Int64($0.constant) > floor }
    }
    guard kept.count > 1 else {
      guard let only = kept.first else { return nil }
      var form = LinearForm(only.constant)
      if let atom = only.atom { form.add(LinearForm(atom), times: only.coefficient) }
      return form.normalized
    }
    let order = kept.sorted {
      ($0.atom?.rawValue ?? -1, $0.constant, $0.coefficient) < ($1.atom?.rawValue ?? -1, $1.constant, $1.coefficient)
    }
    return LinearForm(atom(.operation(.maximum, order), WordOperation.maximum.span(order.map(span))))
  }

  /// What an operation makes of forms; nil where a form passes 64 bits.
  func operation(_ operation: WordOperation, _ forms: [LinearForm]) -> LinearForm? {
    var operands: [Operand] = []
    for form in forms {
      guard let operand = operand(form) else { return nil }
      operands.append(operand)
    }
    if operands.allSatisfy({ $0.atom == nil }) {
      return LinearForm(operation.word(operands.map(\.constant)))
    }
    let span = operation.span(operands.map(span))
    if span.isSingle { return LinearForm(Int32(span.low)) }
    return LinearForm(atom(.operation(operation, operands), span))
  }

  /// The signed words that an operand may be.
  func span(_ operand: Operand) -> Span {
    guard let atom = operand.atom else { return Span(Int64(operand.constant)) }
    return operand.span(span(atom))
  }
}

extension AtomTable.Operand {
  /// The signed words that the operand may be where its atom is in `span`.
  func span(_ span: Span) -> Span {
    span.scaled(by: Int64(coefficient), plus: Int64(constant))?.wrapped(width: 32, isSigned: true) ?? .word
  }
}
