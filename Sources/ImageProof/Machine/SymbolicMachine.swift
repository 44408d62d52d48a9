import MachineCode

/// Machine code read with forms over what the network is given: one run for all inputs. What runs next and where memory
/// is accessed must not depend on them.
struct SymbolicMachine: Machine {
  typealias Word = SymbolicWord
  enum Truth {
    case known(Bool)
    /// Whether a form, 0 or 1, is 1.
    case bit(LinearForm)
  }

  let atoms: AtomTable
  var memory: SymbolicMemory
  var programCounter: UInt32 = 0
  var registers: [SymbolicWord]
  var conditions: UInt8 = 0
  var laneMask: SymbolicWord = .known(0)
  var allowsUnaligned: Bool
  /// Why something could not be expressed; nil while everything could.
  var obstacle: String?
  /// The lowest address that a stack pointer held.
  var lowestStack: UInt32 = .max

  private(set) var carry: Truth = .known(false)
  /// What the last instruction that set flags computed.
  private var flags = Flags.none
  /// The flags of a sum of numbers.
  private var known = ConcreteMachine(MachineMemory([]), allowsUnaligned: false)
  private enum Flags {
    case none, unknown
    /// A result's sign, and whether it is zero; overflow as before, which is not kept.
    case result(SymbolicWord)
    case difference(SymbolicWord, SymbolicWord, result: SymbolicWord)
    /// With a carry that went in.
    case sum(SymbolicWord)
  }

  init(atoms: AtomTable, memory: SymbolicMemory, registers: [SymbolicWord], allowsUnaligned: Bool) {
    self.atoms = atoms
    self.memory = memory
    self.registers = registers
    self.allowsUnaligned = allowsUnaligned
  }

  subscript(register: Int) -> SymbolicWord {
    get { registers[register] }
    set {
      registers[register] = newValue
      if register == 13, case .known(let address) = newValue { lowestStack = min(lowestStack, address) }
    }
  }
  mutating func take(_ register: Int) -> SymbolicWord {
    let word = registers[register]
    registers[register] = .known(0)
    return word
  }

  func constant(_ number: UInt32) -> SymbolicWord { .known(number) }
  func truth(_ truth: Bool) -> Truth { .known(truth) }

  /// A word that cannot be expressed: a number of which nothing is known, so that no proof can rest on it.
  private mutating func unknown(_ what: String) -> SymbolicWord {
    if obstacle == nil { obstacle = what }
    return .form(LinearForm(atoms.variable(.word)))
  }
  private mutating func form(_ word: SymbolicWord) -> LinearForm {
    if let form = atoms.form(word) { return form }
    _ = unknown("a sum that passes 64 bits")
    return LinearForm(atoms.variable(.word))
  }
  private mutating func apply(_ operation: WordOperation, _ words: SymbolicWord...) -> SymbolicWord {
    let forms = words.map { form($0) }
    guard let result = atoms.operation(operation, forms) else { return unknown("an operand that passes 64 bits") }
    return SymbolicWord(result)
  }
  private mutating func bit(_ operation: WordOperation, _ words: SymbolicWord...) -> Truth {
    let forms = words.map { form($0) }
    guard let result = atoms.operation(operation, forms) else { return .bit(LinearForm(atoms.variable(Span(0, 1)))) }
    return result.terms.isEmpty ? .known(result.constant != 0) : .bit(result)
  }
  private func word(_ truth: Truth) -> SymbolicWord {
    switch truth {
    case .known(let truth): .known(truth ? 1 : 0)
    case .bit(let form): .form(form)
    }
  }

  mutating func sum(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = b { return .known(x &+ y) }
    if case .known(0) = b { return a }
    if case .known(0) = a { return b }
    var result = form(a)
    result.add(form(b))
    return .form(result)
  }
  mutating func difference(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = b { return .known(x &- y) }
    if case .known(0) = b { return a }
    var result = form(a)
    result.add(form(b), times: -1)
    return SymbolicWord(result)
  }
  mutating func sum(_ a: SymbolicWord, _ b: SymbolicWord, carry: Truth) -> SymbolicWord {
    sum(sum(a, b), word(carry))
  }
  mutating func difference(_ a: SymbolicWord, _ b: SymbolicWord, carry: Truth) -> SymbolicWord {
    sum(difference(difference(a, b), .known(1)), word(carry))
  }
  mutating func product(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    switch (a, b) {
    case (.known(let x), .known(let y)): return .known(x &* y)
    case (.known(let factor), let other), (let other, .known(let factor)):
      if factor == 1 { return other }
      var form = form(other).normalized
      // Of more codes than a word holds side by side the sum is kept as a whole: what is made of it later is a function
      // of that one sum.
      if form.terms.count > 2, let whole = atoms.operand(form), let sum = whole.atom {
        form = LinearForm(sum, coefficient: whole.coefficient, constant: whole.constant)
      }
      return SymbolicWord(form.scaled(by: Int32(bitPattern: factor)))
    default: return apply(.product, a, b)
    }
  }

  mutating func conjunction(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    switch (a, b) {
    case (.known(let x), .known(let y)): return .known(x & y)
    case (.known(let mask), let other), (let other, .known(let mask)):
      return masked(other, mask) ?? apply(.and, other, .known(mask))
    default: return apply(.and, a, b)
    }
  }

  /// A word's bits where a mask has them, where that takes no field apart but at its lower end.
  private func masked(_ word: SymbolicWord, _ mask: UInt32) -> SymbolicWord? {
    if mask == 0 { return .known(0) }
    if mask == .max { return word }
    guard case .fields(let fields) = word else { return nil }
    var result: [SymbolicWord.Field] = []
    var start = 0
    for field in fields {
      let bits = mask >> UInt32(start) & (UInt32.max >> UInt32(32 - field.width))
      let ones = (~bits).trailingZeroBitCount
      if field.form.terms.isEmpty {
        let kept = UInt32(bitPattern: field.form.constant) & bits
        atoms.append(.init(width: field.width, form: LinearForm(Int32(bitPattern: kept)).reduced(width: field.width)), to: &result)
      } else if bits == 0 {
        atoms.append(.init(width: field.width, form: LinearForm(0)), to: &result)
      } else if ones >= field.width {
        atoms.append(field, to: &result)
      } else {
        guard bits >> UInt32(ones) == 0 else { return nil }
        atoms.append(.init(width: ones, form: field.form.reduced(width: ones)), to: &result)
        atoms.append(.init(width: field.width - ones, form: LinearForm(0)), to: &result)
      }
      start += field.width
    }
    return atoms.word(result)
  }

  mutating func disjunction(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = b { return .known(x | y) }
    return beside(a, b) ?? apply(.or, a, b)
  }

  /// Both words' bits, where at each place one of the two is zero; nil where that is not seen.
  private func beside(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord? {
    let (first, second) = (atoms.fields(a), atoms.fields(b))
    var bounds: Set<Int> = []
    for fields in [first, second] {
      var start = 0
      for field in fields {
        bounds.insert(start)
        start += field.width
      }
    }
    // Numbers are cut where they change from zeros to others.
    for case .known(let number) in [a, b] {
      for place in 1..<32 where (number >> UInt32(place) ^ number >> UInt32(place - 1)) & 1 != 0 { bounds.insert(place) }
    }
    let places = bounds.sorted() + [32]
    var result: [SymbolicWord.Field] = []
    for (low, end) in zip(places, places.dropFirst()) {
      guard let x = atoms.cut(first, low: low, width: end - low), let y = atoms.cut(second, low: low, width: end - low)
      else { return nil }
      if y.allSatisfy(\.isZero) {
        for field in x { atoms.append(field, to: &result) }
      } else if x.allSatisfy(\.isZero) {
        for field in y { atoms.append(field, to: &result) }
      } else {
        return nil
      }
    }
    return atoms.word(result)
  }

  mutating func exclusiveDisjunction(_ a: SymbolicWord, _ b: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = b { return .known(x ^ y) }
    if case .known(.max) = b { return complement(a) }
    return apply(.exclusiveOr, a, b)
  }
  mutating func complement(_ a: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a { return .known(~x) }
    return difference(.known(.max), a)
  }

  mutating func shifted(_ a: SymbolicWord, _ shift: Shift) -> SymbolicWord {
    if case .known(let number) = a, shift.kind != .rotateWithCarry { return .known(Self.concrete.shifted(number, shift)) }
    let amount = shift.amount
    switch shift.kind {
    case .left:
      guard amount > 0 else { return a }
      guard amount < 32 else { return .known(0) }
      if case .form(let form) = a { return SymbolicWord(form.scaled(by: Int32(truncatingIfNeeded: 1 << amount))) }
      guard let bits = atoms.cut(atoms.fields(a), low: 0, width: 32 - amount) else { return unknown("a shift") }
      var fields = [SymbolicWord.Field(width: amount, form: LinearForm(0))]
      for field in bits { atoms.append(field, to: &fields) }
      return atoms.word(fields)
    case .right, .arithmeticRight:
      guard amount > 0 else { return a }
      if amount == 32, shift.kind == .right { return .known(0) }
      let low = min(amount, 31)
      return field(a, low: low, width: 32 - low, isSigned: shift.kind == .arithmeticRight)
    case .rotate:
      guard amount & 31 != 0 else { return a }
      let fields = atoms.fields(a)
      guard let low = atoms.cut(fields, low: 0, width: amount), var high = atoms.cut(fields, low: amount, width: 32 - amount)
      else { return unknown("a rotation") }
      for field in low { atoms.append(field, to: &high) }
      return atoms.word(high)
    case .rotateWithCarry:
      let bits = field(a, low: 1, width: 31, isSigned: false)
      return sum(bits, shifted(word(carry), Shift(.left, 31)))
    }
  }
  private static let concrete = ConcreteMachine(MachineMemory([]), allowsUnaligned: false)

  mutating func carry(of a: SymbolicWord, _ shift: Shift) -> Truth {
    if case .known(let number) = a { return .known(Self.concrete.carry(of: number, shift)) }
    let place: Int
    switch shift.kind {
    case .left: place = 32 - shift.amount
    case .right, .arithmeticRight, .rotate: place = shift.amount - 1
    case .rotateWithCarry: place = 0
    }
    let bit = field(a, low: place, width: 1, isSigned: false)
    if case .known(let number) = bit { return .known(number != 0) }
    return .bit(form(bit))
  }

  mutating func shifted(
    _ a: SymbolicWord, _ kind: Shift.Kind, by amount: SymbolicWord, carry: Truth
  ) throws(MachineFault) -> (SymbolicWord, Truth) {
    guard case .known(let number) = amount else {
      guard kind != .rotateWithCarry else { throw .dependsOnData("by how much a word is shifted") }
      return (apply(.shift(kind), a, amount), .bit(LinearForm(atoms.variable(Span(0, 1)))))
    }
    let places = Int(number & 0xFF)
    guard places > 0 else { return (a, carry) }
    if case .known(let word) = a {
      let (result, bit) = try Self.concrete.shifted(word, kind, by: number, carry: false)
      return (.known(result), .known(bit))
    }
    switch kind {
    case .rotate where places & 31 == 0: return (a, self.carry(of: a, Shift(.right, 32)))
    case .rotate: return (shifted(a, Shift(.rotate, places & 31)), self.carry(of: a, Shift(.rotate, places & 31)))
    case .arithmeticRight:
      let shift = Shift(.arithmeticRight, min(places, 32))
      return (shifted(a, shift), self.carry(of: a, shift))
    default:
      guard places <= 32 else { return (.known(0), .known(false)) }
      return (shifted(a, Shift(kind, places)), self.carry(of: a, Shift(kind, places)))
    }
  }

  mutating func field(_ a: SymbolicWord, low: Int, width: Int, isSigned: Bool) -> SymbolicWord {
    if case .known(let number) = a { return .known(Self.concrete.field(number, low: low, width: width, isSigned: isSigned)) }
    if width == 32 { return a }
    if case .form(let form) = a, isSigned, low + width == 32 {
      if let quotient = atoms.quotient(form, places: low), let number = atoms.exact(quotient, width: width, isSigned: true) {
        return SymbolicWord(number)
      }
      return apply(.field(low: low, width: width, isSigned: true), a)
    }
    // An unsigned field below fields of zeros stays as it is: codes side by side are not read as one number.
    if !isSigned, let bits = atoms.cut(atoms.fields(a), low: low, width: width) {
      var fields = bits
      atoms.append(.init(width: 32 - width, form: LinearForm(0)), to: &fields)
      return atoms.word(fields)
    }
    guard let bits = atoms.cut(atoms.fields(a), low: low, width: width), let number = atoms.number(bits, isSigned: isSigned)
    else { return unknown("a field of a word") }
    return SymbolicWord(number)
  }

  mutating func replacing(_ a: SymbolicWord, low: Int, width: Int, by bits: SymbolicWord) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = bits {
      return .known(Self.concrete.replacing(x, low: low, width: width, by: y))
    }
    let fields = atoms.fields(a)
    guard var result = atoms.cut(fields, low: 0, width: low), let middle = atoms.cut(atoms.fields(bits), low: 0, width: width),
      let top = atoms.cut(fields, low: low + width, width: 32 - low - width)
    else { return unknown("a field of a word") }
    for field in middle + top { atoms.append(field, to: &result) }
    return atoms.word(result)
  }

  mutating func longProduct(
    _ a: SymbolicWord, _ b: SymbolicWord, isSigned: Bool
  ) -> (low: SymbolicWord, high: SymbolicWord) {
    (product(a, b), apply(.highWord(isSigned: isSigned), a, b))
  }
  mutating func longSum(
    _ a: (low: SymbolicWord, high: SymbolicWord), _ b: (low: SymbolicWord, high: SymbolicWord)
  ) -> (low: SymbolicWord, high: SymbolicWord) {
    (sum(a.low, b.low), apply(.highWordOfSum, a.low, a.high, b.low, b.high))
  }
  mutating func highProduct(
    _ a: SymbolicWord, _ b: SymbolicWord, accumulator: SymbolicWord, isSubtracted: Bool, rounding: UInt32
  ) -> SymbolicWord {
    apply(.highProduct(isSubtracted: isSubtracted, rounding: rounding), a, b, accumulator)
  }
  mutating func quotient(_ a: SymbolicWord, _ b: SymbolicWord, isSigned: Bool) -> SymbolicWord {
    apply(.quotient(isSigned: isSigned), a, b)
  }
  mutating func saturated(_ a: SymbolicWord, bits: Int, isSigned: Bool) -> SymbolicWord {
    apply(.saturated(bits: bits, isSigned: isSigned), a)
  }
  mutating func saturatingSum(_ a: SymbolicWord, _ b: SymbolicWord, isSubtracted: Bool) -> SymbolicWord {
    apply(.saturatingSum(isSubtracted: isSubtracted), a, b)
  }
  mutating func leadingZeros(_ a: SymbolicWord) -> SymbolicWord { apply(.leadingZeros, a) }
  mutating func reversedBits(_ a: SymbolicWord) -> SymbolicWord { apply(.reversedBits, a) }
  mutating func mask(of a: SymbolicWord, atLeast bound: Int32) -> SymbolicWord { apply(.mask(atLeast: bound), a) }

  func known(_ word: SymbolicWord) throws(MachineFault) -> UInt32 {
    switch word {
    case .known(let number): return number
    case .form(let form):
      let form = form.normalized
      if form.terms.isEmpty { return UInt32(bitPattern: form.constant) }
    case .fields: break
    }
    throw .dependsOnData("an address or what runs next")
  }
  func known(_ truth: Truth) throws(MachineFault) -> Bool {
    guard case .known(let truth) = truth else { throw .dependsOnData("what runs next") }
    return truth
  }
  func isZero(_ word: SymbolicWord) -> Truth {
    if case .known(let number) = word { return .known(number == 0) }
    guard let form = atoms.form(word), let bit = atoms.operation(.isZero, [form]) else {
      return .bit(LinearForm(atoms.variable(Span(0, 1))))
    }
    return bit.terms.isEmpty ? .known(bit.constant != 0) : .bit(bit)
  }

  mutating func breakpoint(_ number: Int) throws(MachineFault) { throw .breakpoint(number) }
}

/// Flags.
extension SymbolicMachine {
  mutating func setFlags(_ result: SymbolicWord) { flags = .result(result) }
  mutating func setFlags(_ result: SymbolicWord, carry: Truth) {
    flags = .result(result)
    self.carry = carry
  }
  mutating func sumSettingFlags(_ a: SymbolicWord, _ b: SymbolicWord, carry bit: Truth) -> SymbolicWord {
    let result = sum(a, b, carry: bit)
    carry = self.bit(.carry, a, b, word(bit))
    if case .known(let x) = a, case .known(let y) = b, case .known(let c) = bit {
      var machine = Self.concrete
      _ = machine.sumSettingFlags(x, y, carry: c)
      known = machine
      flags = .none
    } else {
      flags = .sum(result)
    }
    return result
  }
  mutating func differenceSettingFlags(_ a: SymbolicWord, _ b: SymbolicWord, carry bit: Truth) -> SymbolicWord {
    if case .known(let x) = a, case .known(let y) = b, case .known(let c) = bit {
      var machine = Self.concrete
      let result = machine.differenceSettingFlags(x, y, carry: c)
      known = machine
      flags = .none
      carry = .known(machine.carry)
      return .known(result)
    }
    let result = difference(a, b, carry: bit)
    carry = self.bit(.carry, a, complement(b), word(bit))
    if case .known(true) = bit { flags = .difference(a, b, result: result) } else { flags = .sum(result) }
    return result
  }

  /// Lets go what the last comparison left.
  mutating func forgetFlags() {
    flags = .unknown
    carry = .bit(LinearForm(atoms.variable(Span(0, 1))))
    laneMask = .form(LinearForm(atoms.variable(.word)))
  }

  func holds(_ condition: Condition) -> Truth {
    switch condition {
    case .always: return .known(true)
    case .carrySet: return carry
    case .carryClear: return not(carry)
    default: break
    }
    switch flags {
    case .none: return .known(known.holds(condition))
    case .unknown: return .bit(LinearForm(atoms.variable(Span(0, 1))))
    case .result(let result): return holds(condition, result)
    case .sum(let result): return holds(condition, result)
    case .difference(let a, let b, let result):
      switch condition {
      case .less: return bit(.less(isSigned: true), a, b)
      case .greaterOrEqual: return not(bit(.less(isSigned: true), a, b))
      case .greater: return bit(.less(isSigned: true), b, a)
      case .lessOrEqual: return not(bit(.less(isSigned: true), b, a))
      case .higher: return bit(.less(isSigned: false), b, a)
      case .lowerOrSame: return not(bit(.less(isSigned: false), b, a))
      default: return holds(condition, result)
      }
    }
  }

  /// What a result alone says.
  private func holds(_ condition: Condition, _ result: SymbolicWord) -> Truth {
    switch condition {
    case .equal: isZero(result)
    case .notEqual: not(isZero(result))
    case .negative: bit(.less(isSigned: true), result, .known(0))
    case .positive: not(bit(.less(isSigned: true), result, .known(0)))
    default: .bit(LinearForm(atoms.variable(Span(0, 1))))
    }
  }

  private func not(_ truth: Truth) -> Truth {
    switch truth {
    case .known(let truth): return .known(!truth)
    case .bit(let form):
      var result = LinearForm(1)
      result.add(form, times: -1)
      result.normalize()
      return .bit(result)
    }
  }

  private func bit(_ operation: WordOperation, _ a: SymbolicWord, _ b: SymbolicWord) -> Truth {
    guard let x = atoms.form(a), let y = atoms.form(b), let result = atoms.operation(operation, [x, y]) else {
      return .bit(LinearForm(atoms.variable(Span(0, 1))))
    }
    return result.terms.isEmpty ? .known(result.constant != 0) : .bit(result)
  }
}

/// Memory.
extension SymbolicMachine {
  /// Bytes from an address on, as fields.
  private mutating func bytes(_ address: UInt32, _ count: Int) throws(MachineFault) -> SymbolicWord {
    let (region, offset) = try memory.place(address, count, .read)
    if !memory.regions[region].isWritable {
      var number: UInt32 = 0
      for byte in 0..<count { number |= UInt32(memory.regions[region].constants[offset + byte]) << UInt32(8 * byte) }
      return .known(number)
    }
    if region == SymbolicMemory.stack {
      // An interrupt may write there at any time.
      guard case .known(let pointer) = registers[13], address >= pointer else {
        throw .unpredictable("a read of \(count) bytes at 0x\(hexadecimal(address)), below the stack pointer")
      }
    }
    if count == 4, case .part(let stored, 0) = memory.regions[region].content[offset],
      (1..<4).allSatisfy({
        if case .part(let other, $0) = memory.regions[region].content[offset + $0] { other === stored } else { false }
      })
    {
      return stored.word
    }
    var fields: [SymbolicWord.Field] = []
    var place = offset
    while place < offset + count {
      if case .undefined = memory.regions[region].content[place] {
        // Any byte: the same one whenever it is read.
        memory.put(.part(.init(.form(LinearForm(atoms.variable(Span(-128, 127))))), 0), region, place)
      }
      switch memory.regions[region].content[place] {
      case .known(let byte):
        atoms.append(.init(width: 8, form: LinearForm(Int32(Int8(bitPattern: byte)))), to: &fields)
        place += 1
      case .part(let stored, let index):
        // The bytes of a word that lie side by side are taken out of it together.
        var length = 1
        while place + length < offset + count, case .part(let next, index + length) = memory.regions[region].content[place + length],
          next === stored
        {
          length += 1
        }
        guard let bits = atoms.cut(atoms.fields(stored.word), low: 8 * index, width: 8 * length) else {
          throw .unsupported("a part of a word")
        }
        for field in bits { atoms.append(field, to: &fields) }
        place += length
      case .undefined: throw .unsupported("an undefined byte")
      }
    }
    if count < 4 { atoms.append(.init(width: 32 - 8 * count, form: LinearForm(0)), to: &fields) }
    return atoms.word(fields)
  }

  mutating func load(_ address: SymbolicWord, bytes count: Int, isSigned: Bool) throws(MachineFault) -> SymbolicWord {
    let address = try known(address)
    guard allowsUnaligned || Int(address) % count == 0 else { throw .unaligned(address: address, bytes: count) }
    let word = try bytes(address, count)
    return isSigned && count < 4 ? field(word, low: 0, width: 8 * count, isSigned: true) : word
  }
  mutating func store(_ word: SymbolicWord, _ address: SymbolicWord, bytes count: Int) throws(MachineFault) {
    let address = try known(address)
    guard allowsUnaligned || Int(address) % count == 0 else { throw .unaligned(address: address, bytes: count) }
    let (region, offset) = try memory.place(address, count, .written)
    var word = word
    if case .form(let form) = word { word = SymbolicWord(form) }
    if case .known(let number) = word {
      for byte in 0..<count {
        memory.put(.known(UInt8(truncatingIfNeeded: number >> UInt32(8 * byte))), region, offset + byte)
      }
      return
    }
    let stored = SymbolicMemory.Stored(word)
    for byte in 0..<count { memory.put(.part(stored, byte), region, offset + byte) }
  }
  mutating func loadAligned(_ address: SymbolicWord) throws(MachineFault) -> SymbolicWord {
    let number = try known(address)
    guard number & 3 == 0 else { throw .unaligned(address: number, bytes: 4) }
    return try load(address, bytes: 4, isSigned: false)
  }
  mutating func storeAligned(_ word: SymbolicWord, _ address: SymbolicWord) throws(MachineFault) {
    let number = try known(address)
    guard number & 3 == 0 else { throw .unaligned(address: number, bytes: 4) }
    try store(word, address, bytes: 4)
  }
}
