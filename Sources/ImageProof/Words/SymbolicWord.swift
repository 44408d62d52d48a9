/// What 32 bits hold: a number, a form, or fields side by side.
///
/// Loads, extensions, packing and shifts of fields only cut and join them, so that no carries arise between the codes
/// that a word holds.
enum SymbolicWord {
  case known(UInt32)
  case form(LinearForm)
  /// From the lowest bit on; the widths come to 32.
  case fields([Field])

  /// `width` bits: the form modulo 2^width.
  struct Field {
    var width: Int
    var form: LinearForm

    var isZero: Bool { form.terms.isEmpty && form.constant &<< Int32(32 - width) == 0 }
  }

  init(_ form: LinearForm) {
    let form = form.normalized
    self = form.terms.isEmpty ? .known(UInt32(bitPattern: form.constant)) : .form(form)
  }

  var isKnown: Bool { if case .known = self { true } else { false } }
}

/// The rules by which words are cut and joined.
extension AtomTable {
  /// The fields of a word.
  func fields(_ word: SymbolicWord) -> [SymbolicWord.Field] {
    switch word {
    case .known(let number): [.init(width: 32, form: LinearForm(Int32(bitPattern: number)))]
    case .form(let form): [.init(width: 32, form: form)]
    case .fields(let fields): fields
    }
  }

  /// The bits from `low` on of a field; nil where its form passes 64 bits.
  private func upper(_ field: SymbolicWord.Field, from low: Int) -> LinearForm? {
    if field.form.terms.isEmpty { return LinearForm(field.form.constant >> Int32(low)) }
    return quotient(field.form, places: low)
      ?? operation(.field(low: low, width: field.width - low, isSigned: false), [field.form])
  }

  /// `⌊form / 2^places⌋` where that is a form, too: where nothing is below those bits, or what is there never carries.
  func quotient(_ form: LinearForm, places: Int) -> LinearForm? {
    guard places < 31 else { return nil }
    var rest = LinearForm(0)
    var whole = LinearForm(0)
    let unused = Int32(32 - places)
    for term in form.normalized.terms {
      // The remainder nearest to zero.
      let remainder = places == 0 ? 0 : (term.coefficient &<< unused) &>> unused
      let (multiple, overflow) = term.coefficient.subtractingReportingOverflow(remainder)
      if overflow { return nil }
      rest.add(term.atom, times: remainder)
      whole.add(term.atom, times: multiple >> Int32(places))
    }
    rest.normalize()
    whole.normalize()
    rest.constant = form.constant
    guard let span = span(rest), span.low >> Int64(places) == span.high >> Int64(places),
      let constant = Int32(exactly: span.low >> Int64(places))
    else { return nil }
    whole.constant = constant
    return whole
  }

  /// `width` bits of fields from bit `low` on.
  func cut(_ fields: [SymbolicWord.Field], low: Int, width: Int) -> [SymbolicWord.Field]? {
    var result: [SymbolicWord.Field] = []
    var start = 0
    for field in fields {
      let (first, end) = (max(low, start), min(low + width, start + field.width))
      if first < end {
        let form: LinearForm
        if first == start {
          form = field.form
        } else if let upper = upper(field, from: first - start) {
          form = upper
        } else {
          return nil
        }
        append(.init(width: end - first, form: end - first < 32 ? form.reduced(width: end - first) : form), to: &result)
      }
      start += field.width
    }
    return result
  }

  /// Adds a field on top; known ones grow together.
  func append(_ field: SymbolicWord.Field, to fields: inout [SymbolicWord.Field]) {
    if let last = fields.last, last.form.terms.isEmpty, field.form.terms.isEmpty {
      let width = last.width + field.width
      let low = UInt64(UInt32(bitPattern: last.form.constant)) & ((1 << UInt64(last.width)) - 1)
      let bits = low | UInt64(UInt32(bitPattern: field.form.constant)) << UInt64(last.width)
      fields[fields.count - 1] = .init(
        width: width, form: LinearForm(Int32(truncatingIfNeeded: bits)).reduced(width: width))
    } else {
      fields.append(field)
    }
  }

  /// The word of fields whose widths come to 32.
  func word(_ fields: [SymbolicWord.Field]) -> SymbolicWord {
    fields.count == 1 ? SymbolicWord(fields[0].form) : .fields(fields)
  }

  /// `width` bits as a number.
  func number(_ fields: [SymbolicWord.Field], isSigned: Bool) -> LinearForm? {
    let width = fields.reduce(0) { $0 + $1.width }
    guard let joined = joined(fields) else { return nil }
    if width == 32 { return joined }
    return exact(joined, width: width, isSigned: isSigned)
      ?? operation(.field(low: 0, width: width, isSigned: isSigned), [joined])
  }

  /// Fields side by side as one form, modulo what their widths come to.
  private func joined(_ fields: [SymbolicWord.Field]) -> LinearForm? {
    var result = LinearForm(0)
    var start = 0
    for (index, field) in fields.enumerated() {
      // The topmost field may be any number that its bits are the lowest of.
      let isTop = index == fields.count - 1
      var part = field.form
      if !isTop {
        guard
          let unsigned = exact(field.form, width: field.width, isSigned: false)
            ?? operation(.field(low: 0, width: field.width, isSigned: false), [field.form])
        else { return nil }
        part = unsigned
      }
      result.add(part, times: 1 << Int32(start))
      start += field.width
    }
    result.normalize()
    return result
  }

  /// A word as a form.
  func form(_ word: SymbolicWord) -> LinearForm? {
    switch word {
    case .known(let number): LinearForm(Int32(bitPattern: number))
    case .form(let form): form
    case .fields(let fields): joined(fields)
    }
  }
}
