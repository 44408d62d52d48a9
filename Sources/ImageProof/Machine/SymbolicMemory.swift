import MachineCode

/// Memory whose bytes are numbers, or parts of words that depend on the network's input.
struct SymbolicMemory {
  /// A word that was stored; its bytes lie in memory.
  final class Stored {
    let word: SymbolicWord
    init(_ word: SymbolicWord) { self.word = word }
  }

  enum Content {
    case known(UInt8)
    /// A byte, from the lowest on, of a word.
    case part(Stored, Int)
    /// Nothing that the code may rely on.
    case undefined
  }

  struct Region {
    var start: UInt32
    /// What can be written; empty where nothing can.
    var content: [Content] = []
    /// Constants; empty where they can be written.
    var constants: [UInt8] = []
    var isWritable: Bool { constants.isEmpty }
    var end: Int { Int(start) + content.count + constants.count }
  }

  var regions: [Region]
  /// Which region is the stack.
  static let stack = 1
  /// What was written since two sides of a branch parted; nothing is noted where `keepsJournal` is false.
  var journal: [Place] = []
  var keepsJournal = false

  struct Place: Hashable { var region, offset: Int }

  init(regions: [Region]) { self.regions = regions }

  /// Puts a byte's content into memory.
  mutating func put(_ content: Content, _ region: Int, _ offset: Int) {
    regions[region].content[offset] = content
    if keepsJournal { journal.append(Place(region: region, offset: offset)) }
  }

  func place(_ address: UInt32, _ bytes: Int, _ access: MachineFault.Access) throws(MachineFault) -> (Int, Int) {
    for (index, region) in regions.enumerated() where address >= region.start && Int(address) + bytes <= region.end {
      guard access != .written || region.isWritable else { break }
      return (index, Int(address - region.start))
    }
    throw .outside(address: address, bytes: bytes, access)
  }
}
