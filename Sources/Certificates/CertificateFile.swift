import IntegerProgram
import Properties

/// The file format of certificates: a line that names it, then integers as variable-length bytes (LEB128, signs
/// zigzagged), in the order in which the types declare them.
extension Certificate {
  private static let magic = Array("lockstep certificate 1\n".utf8)

  public var fileBytes: [UInt8] {
    var writer = Writer(bytes: Self.magic)
    writer.text(program)
    writer.text(property.statement)
    writer.count(property.box.count)
    // Neighbours resemble one another.
    var last = Int64(0)
    for range in property.box {
      writer.integer(Int64(range.lowerBound) - last)
      writer.count(Int(range.upperBound) - Int(range.lowerBound))
      last = Int64(range.lowerBound)
    }
    writer.list(property.violations) { writer, violation in
      writer.list(violation.constraints) { writer, constraint in
        for terms in [constraint.inputs, constraint.outputs] {
          writer.list(terms) { writer, term in
            writer.count(term.element)
            writer.integer(term.coefficient)
          }
        }
        writer.integer(constraint.least)
      }
    }
    writer.list([shared] + proofs.map(\.nodes)) { writer, nodes in
      writer.list(nodes) { writer, node in
        writer.list(node.lemmas) { writer, lemma in
          switch lemma {
          case .bound(let variable, let isUpper, let scale, let multipliers):
            writer.count(isUpper ? 1 : 0)
            writer.variable(variable)
            writer.integer(Int64(scale))
            writer.multipliers(multipliers)
          case .reducedCosts(let multipliers):
            writer.count(2)
            writer.multipliers(multipliers)
          }
        }
        switch node.end {
        case .empty: writer.count(0)
        case .contradiction(let multipliers):
          writer.count(1)
          writer.multipliers(multipliers)
        case .split(let variable, let at):
          writer.count(2)
          writer.variable(variable)
          writer.integer(Int64(at))
        case .next: writer.count(3)
        case .points: writer.count(4)
        }
      }
    }
    return writer.bytes
  }

  /// Reads a certificate of `program`. Whether it proves anything is the checker's to say; but its property fits the
  /// program.
  public init(fileBytes: [UInt8], of program: IntegerProgram) throws(CertificateError) {
    guard fileBytes.starts(with: Self.magic) else { throw CertificateError("the file is no certificate") }
    var reader = Reader(bytes: fileBytes, position: Self.magic.count)
    self.program = try reader.text()
    guard self.program == program.digest else {
      throw CertificateError("it is about the program \(self.program.prefix(64)), not \(program.digest)")
    }
    let statement = try reader.text()
    var last = Int64(0)
    let box = try reader.list { reader throws(CertificateError) in
      let low = last &+ (try reader.integer())
      let (high, overflow) = low.addingReportingOverflow(Int64(try reader.count()))
      guard !overflow, let low = Int32(exactly: low), let high = Int32(exactly: high) else {
        throw CertificateError("a range of the box passes 32 bits")
      }
      last = Int64(low)
      return low...high
    }
    let violations = try reader.list { reader throws(CertificateError) in
      Violation(
        try reader.list { reader throws(CertificateError) in
          let inputs = try reader.terms()
          let outputs = try reader.terms()
          return LinearConstraint(inputs: inputs, outputs: outputs, atLeast: try reader.integer())
        })
    }
    do {
      property = try Property(box: box, violations: violations, statement: statement, of: program)
    } catch {
      throw CertificateError("its property does not fit the program: \(error)")
    }
    let lists = try reader.list { reader throws(CertificateError) in
      try reader.list { reader throws(CertificateError) in
          let lemmas = try reader.list { reader throws(CertificateError) in
            let kind = try reader.count()
            guard kind < 2 else {
              guard kind == 2 else { throw CertificateError("a lemma is of the unknown kind \(kind)") }
              return Proof.Lemma.reducedCosts(try reader.multipliers())
            }
            let variable = try reader.variable()
            let scale = try reader.integer32()
            return Proof.Lemma.bound(variable, isUpper: kind == 1, scale: scale, try reader.multipliers())
          }
          let end: Proof.End
          switch try reader.count() {
          case 0: end = .empty
          case 1: end = .contradiction(try reader.multipliers())
          case 2:
            let variable = try reader.variable()
            end = .split(variable, at: try reader.integer32())
          case 3: end = .next
          case 4: end = .points
          case let kind: throw CertificateError("a node ends in the unknown way \(kind)")
          }
          return Proof.Node(lemmas: lemmas, end: end)
        }
    }
    guard let shared = lists.first else { throw CertificateError("it holds no proof") }
    self.shared = shared
    proofs = lists.dropFirst().map { Proof($0) }
    guard reader.isAtEnd else { throw CertificateError("bytes follow its end") }
  }
}

private struct Writer {
  var bytes: [UInt8]

  mutating func unsigned(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
  mutating func count(_ value: Int) { unsigned(UInt64(value)) }
  mutating func integer(_ value: Int64) { unsigned(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
  mutating func text(_ text: String) {
    count(text.utf8.count)
    bytes += text.utf8
  }
  mutating func list<Element>(_ list: [Element], _ write: (inout Writer, Element) -> Void) {
    count(list.count)
    for element in list { write(&self, element) }
  }
  mutating func variable(_ variable: Variable) {
    switch variable {
    case .code(let value, let element):
      count(2 * value)
      count(element)
    case .accumulator(let step, let element):
      count(2 * step + 1)
      count(element)
    }
  }
  mutating func multipliers(_ multipliers: Proof.Multipliers) {
    list(multipliers.constraints) { $0.integer(Int64($1)) }
    list(multipliers.steps.keys.sorted()) { writer, step in
      writer.count(step)
      writer.list(multipliers.steps[step] ?? []) { $0.integer(Int64($1)) }
    }
  }
}

private struct Reader {
  let bytes: [UInt8]
  var position: Int

  var isAtEnd: Bool { position == bytes.count }

  mutating func unsigned() throws(CertificateError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count else { throw CertificateError("the file ends too early") }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { throw CertificateError("a number passes 64 bits") }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }
  mutating func count() throws(CertificateError) -> Int {
    let value = try unsigned()
    guard value < 1 << 40 else { throw CertificateError("a count is \(value)") }
    return Int(value)
  }
  mutating func integer() throws(CertificateError) -> Int64 {
    let value = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(value & 1)
  }
  mutating func integer32() throws(CertificateError) -> Int32 {
    let value = try integer()
    guard let value = Int32(exactly: value) else { throw CertificateError("\(value) passes 32 bits") }
    return value
  }
  mutating func text() throws(CertificateError) -> String {
    let count = try count()
    guard count <= bytes.count - position else { throw CertificateError("the file ends too early") }
    position += count
    return String(decoding: bytes[position - count..<position], as: UTF8.self)
  }
  mutating func list<Element>(
    _ read: (inout Reader) throws(CertificateError) -> Element
  ) throws(CertificateError) -> [Element] {
    let count = try count()
    // Each element takes a byte or more.
    guard count <= bytes.count - position else { throw CertificateError("the file ends too early") }
    var list: [Element] = []
    list.reserveCapacity(min(count, 1 << 16))
    for _ in 0..<count { list.append(try read(&self)) }
    return list
  }
  mutating func terms() throws(CertificateError) -> [LinearConstraint.Term] {
    try list { reader throws(CertificateError) in
      let element = try reader.count()
      return LinearConstraint.Term(element, try reader.integer())
    }
  }
  mutating func variable() throws(CertificateError) -> Variable {
    let place = try count()
    let element = try count()
    return place % 2 == 0 ? .code(value: place / 2, element: element) : .accumulator(step: place / 2, element: element)
  }
  mutating func multipliers() throws(CertificateError) -> Proof.Multipliers {
    let constraints = try list { reader throws(CertificateError) in try reader.integer32() }
    var steps: [Int: [Int32]] = [:]
    for (step, list) in try list({ reader throws(CertificateError) in
      let step = try reader.count()
      return (step, try reader.list { reader throws(CertificateError) in try reader.integer32() })
    }) {
      guard steps.updateValue(list, forKey: step) == nil else {
        throw CertificateError("step \(step) has multipliers twice")
      }
    }
    return Proof.Multipliers(constraints: constraints, steps: steps)
  }
}
