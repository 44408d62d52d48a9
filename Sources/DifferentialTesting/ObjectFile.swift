import Foundation

/// What a compiled file takes of a machine's memories, in bytes, as the flags of its ELF sections say it (System V ABI,
/// chapter 4): what is only read belongs into flash. And where its symbols are.
package struct ObjectFile {
  /// A section that is loaded: SHF_ALLOC.
  package struct Section {
    package var name: String
    package var bytes: Int
    package var isCode: Bool
    package var isWritten: Bool
    /// Of a linked program.
    package var address: Int
    /// Where its bytes are in the file; nil where it has none there.
    package var fileRange: Range<Int>?
  }

  package struct Symbol {
    package var name: String
    package var address: Int
    package var bytes: Int
    package var isFunction: Bool
  }

  /// ELF's number of the processor: 40 Arm, 83 AVR, 243 RISC-V.
  package let machine: Int
  package let sections: [Section]
  package let symbols: [Symbol]
  private let content: [UInt8]

  /// The bytes of a linked program from an address on, to the end of its section; none where nothing is loaded there.
  package func bytes(from address: Int) -> ArraySlice<UInt8> {
    for section in sections {
      guard let range = section.fileRange, address >= section.address, address < section.address + section.bytes
      else { continue }
      return content[(range.lowerBound + address - section.address)..<range.upperBound]
    }
    return []
  }

  var codeBytes: Int { bytes { $0.isCode } }
  var constantBytes: Int { bytes { !$0.isCode && !$0.isWritten } }
  var variableBytes: Int { bytes { !$0.isCode && $0.isWritten } }

  private func bytes(_ isCounted: (Section) -> Bool) -> Int {
    sections.reduce(0) { $0 + (isCounted($1) ? $1.bytes : 0) }
  }

  package init?(_ file: URL) {
    guard let data = try? Data(contentsOf: file) else { return nil }
    self.init([UInt8](data))
  }

  /// Reads an object or executable of either class and byte order; nil for anything else.
  package init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]), bytes.count >= 52 else { return nil }
    let is64Bit = bytes[4] == 2
    let isLittleEndian = bytes[5] == 1
    func number(_ at: Int, _ width: Int) -> Int? {
      guard at >= 0, at <= bytes.count - width else { return nil }
      let value = (isLittleEndian ? Array(bytes[at..<at + width].reversed()) : Array(bytes[at..<at + width]))
        .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(exactly: value)
    }
    let word = is64Bit ? 8 : 4
    guard let table = number(is64Bit ? 40 : 32, word), table <= bytes.count,
      let entry = number(is64Bit ? 58 : 46, 2), let count = number(is64Bit ? 60 : 48, 2),
      let nameIndex = number(is64Bit ? 62 : 50, 2), nameIndex < count,
      let names = number(table + nameIndex * entry + 8 + 2 * word, word), names <= bytes.count
    else { return nil }
    func text(_ at: Int) -> String? {
      guard bytes.indices.contains(at) else { return nil }
      return String(decoding: bytes[at...].prefix { $0 != 0 }, as: UTF8.self)
    }
    var sections: [Section] = []
    var symbols: [Symbol] = []
    for index in 0..<count {
      let header = table + index * entry
      guard let name = number(header, 4), let type = number(header + 4, 4), let flags = number(header + 8, word),
        let address = number(header + 8 + word, word), let place = number(header + 8 + 2 * word, word),
        let size = number(header + 8 + 3 * word, word)
      else { return nil }
      if type == Self.symbolTable {
        // Its names are in the section that it links to.
        guard let strings = number(header + 8 + 4 * word, 4), strings < count,
          let names = number(table + strings * entry + 8 + 2 * word, word), names <= bytes.count,
          size <= bytes.count, place <= bytes.count - size
        else { return nil }
        let width = is64Bit ? 24 : 16
        for symbol in stride(from: place, to: place + size / width * width, by: width) {
          guard let name = number(symbol, 4), let value = number(symbol + (is64Bit ? 8 : 4), word),
            let bytes = number(symbol + (is64Bit ? 16 : 8), word), let kind = number(symbol + (is64Bit ? 4 : 12), 1),
            let text = text(names + name)
          else { return nil }
          // Functions in assembly may lack the type.
          let isFunction = kind & 15 == Self.function || kind & 15 == Self.noType && bytes > 0
          symbols.append(Symbol(name: text, address: value, bytes: bytes, isFunction: isFunction))
        }
      }
      let (isWritten, isLoaded, isCode) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0)
      guard isLoaded, let text = text(names + name) else { continue }
      let hasBytes = type != Self.noBits && place <= bytes.count - size
      sections.append(
        Section(
          name: text, bytes: size, isCode: isCode, isWritten: isWritten, address: address,
          fileRange: hasBytes ? place..<place + size : nil))
    }
    machine = number(18, 2) ?? 0
    self.sections = sections
    self.symbols = symbols
    content = bytes
  }

  // Of ELF: SHT_SYMTAB, SHT_NOBITS, STT_NOTYPE, STT_FUNC.
  private static let symbolTable = 2, noBits = 8, noType = 0, function = 2
}
