import Foundation

/// What a compiled file takes of a machine's memories, in bytes, as the flags of its ELF sections say it (System V ABI,
/// chapter 4): what is only read belongs into flash.
struct ObjectFile {
  /// A section that is loaded: SHF_ALLOC.
  struct Section {
    var name: String
    var bytes: Int
    var isCode: Bool
    var isWritten: Bool
  }

  let sections: [Section]

  var codeBytes: Int { bytes { $0.isCode } }
  var constantBytes: Int { bytes { !$0.isCode && !$0.isWritten } }
  var variableBytes: Int { bytes { !$0.isCode && $0.isWritten } }

  private func bytes(_ isCounted: (Section) -> Bool) -> Int {
    sections.reduce(0) { $0 + (isCounted($1) ? $1.bytes : 0) }
  }

  init?(_ file: URL) {
    guard let data = try? Data(contentsOf: file) else { return nil }
    self.init([UInt8](data))
  }

  /// Reads an object or executable of either class and byte order; nil for anything else.
  init?(_ bytes: [UInt8]) {
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
    var sections: [Section] = []
    for index in 0..<count {
      let header = table + index * entry
      guard let name = number(header, 4), let flags = number(header + 8, word),
        let size = number(header + 8 + 3 * word, word)
      else { return nil }
      let (isWritten, isLoaded, isCode) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0)
      guard isLoaded, names + name < bytes.count else { continue }
      sections.append(
        Section(
          name: String(decoding: bytes[(names + name)...].prefix { $0 != 0 }, as: UTF8.self), bytes: size,
          isCode: isCode, isWritten: isWritten))
    }
    self.sections = sections
  }
}
