/// A linked program of 32 bits, lowest byte first, as an ELF file holds it (System V ABI, chapters 4 and 5): what a
/// loader puts into memory, and the symbols. Whatever a file says is checked before it is used.
public struct ELFImage: Sendable {
  /// What is loaded.
  public struct Segment: Sendable {
    /// Where it is when the program runs, and where it is loaded: initialised variables lie in flash until start-up
    /// copies them.
    public var address, loadAddress: UInt32
    public var bytes: [UInt8]
    /// Zeros follow the bytes up to this size.
    public var memorySize: Int
    public var isWritable, isExecutable: Bool
  }

  public struct Symbol: Sendable, Hashable {
    public var name: String
    /// Without the lowest bit, which on Arm says that a function is Thumb.
    public var address: UInt32
    public var size: Int
    public var isFunction: Bool
  }

  public enum Architecture: Int, Sendable { case arm = 40, riscV = 243 }

  public var architecture: Architecture
  public var entry: UInt32
  public var segments: [Segment]
  public var symbols: [Symbol]

  public struct Failure: Error, CustomStringConvertible, Hashable {
    public var description: String
    init(_ description: String) { self.description = description }
  }

  /// More than any microcontroller has; what a file asks for is allocated.
  private static let mostBytes = 64 << 20
  private static let mostSymbols = 1 << 20

  public init(_ content: [UInt8]) throws(Failure) {
    let file = Fields(content)
    guard content.count >= 52, content.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { throw Failure("not an ELF file") }
    guard content[4] == 1, content[5] == 1 else {
      throw Failure("an ELF file of another class than 32 bits, lowest byte first")
    }
    guard try file.half(16) == 2 else { throw Failure("an ELF file that is no linked program: link it first") }
    guard let architecture = Architecture(rawValue: try file.half(18)) else {
      throw Failure("an ELF file for the processor number \(try file.half(18)), neither Arm (40) nor RISC-V (243)")
    }
    self.architecture = architecture
    entry = UInt32(try file.word(24))
    segments = try Self.segments(file)
    symbols = try Self.symbols(file, architecture)
  }

  private static func segments(_ file: Fields) throws(Failure) -> [Segment] {
    let (table, size, count) = (try file.word(28), try file.half(42), try file.half(44))
    guard count == 0 || size >= 32 else { throw Failure("program headers of \(size) bytes") }
    var segments: [Segment] = []
    var total = 0
    for index in 0..<count {
      let header = table + index * size
      // PT_LOAD; other headers load nothing.
      guard try file.word(header) == 1 else { continue }
      let (offset, address, loadAddress) = (try file.word(header + 4), try file.word(header + 8), try file.word(header + 12))
      let (bytes, memory, flags) = (try file.word(header + 16), try file.word(header + 20), try file.word(header + 24))
      guard memory > 0 else { continue }
      total += memory
      guard bytes <= memory, total <= mostBytes, address + memory <= 1 << 32, loadAddress + memory <= 1 << 32 else {
        throw Failure("segment \(index) at 0x\(hexadecimal(UInt32(address))) has \(bytes) of \(memory) bytes")
      }
      let segment = Segment(
        address: UInt32(address), loadAddress: UInt32(loadAddress), bytes: try file.bytes(offset, bytes), memorySize: memory,
        isWritable: flags & 2 != 0, isExecutable: flags & 1 != 0)
      guard !segments.contains(where: { $0.overlaps(segment) }) else {
        throw Failure("segment \(index) at 0x\(hexadecimal(UInt32(address))) overlaps another")
      }
      segments.append(segment)
    }
    return segments
  }

  private static func symbols(_ file: Fields, _ architecture: Architecture) throws(Failure) -> [Symbol] {
    let (table, size, count) = (try file.word(32), try file.half(46), try file.half(48))
    guard count == 0 || size >= 40 else { throw Failure("section headers of \(size) bytes") }
    var symbols: [Symbol] = []
    for index in 0..<count {
      let header = table + index * size
      // SHT_SYMTAB; its names are in the section that it links to.
      guard try file.word(header + 4) == 2 else { continue }
      let (place, bytes, link) = (try file.word(header + 16), try file.word(header + 20), try file.word(header + 24))
      guard link < count else { throw Failure("the symbol table's names are in section \(link) of \(count)") }
      let (names, namesSize) = (try file.word(table + link * size + 16), try file.word(table + link * size + 20))
      guard bytes / 16 + symbols.count <= mostSymbols else { throw Failure("\(bytes / 16) symbols") }
      _ = try file.bytes(place, bytes)
      for symbol in 0..<bytes / 16 {
        let entry = place + 16 * symbol
        let (name, value, size, kind) = (
          try file.word(entry), try file.word(entry + 4), try file.word(entry + 8), try file.byte(entry + 12) & 15
        )
        guard name < namesSize || name == 0 else { throw Failure("symbol \(symbol) has its name outside the names") }
        // STT_FUNC; functions in assembly may lack the type, STT_NOTYPE.
        let isFunction = kind == 2 || kind == 0 && size > 0
        let address = isFunction && architecture == .arm ? value & ~1 : value
        symbols.append(
          Symbol(
            name: try file.text(names + name, limit: names + namesSize), address: UInt32(address), size: size,
            isFunction: isFunction))
      }
    }
    return symbols
  }

  /// The function of that name; nil where there is none, or several.
  public func function(_ name: String) -> Symbol? {
    let found = symbols.filter { $0.name == name && $0.isFunction }
    return Set(found.map(\.address)).count == 1 ? found.first : nil
  }

  /// The function that an address lies in.
  public func function(at address: UInt32) -> Symbol? {
    symbols.first { $0.isFunction && $0.address <= address && address - $0.address < UInt32(clamping: $0.size) }
  }
}

extension ELFImage.Segment {
  func overlaps(_ other: Self) -> Bool {
    func meet(_ a: UInt32, _ size: Int, _ b: UInt32, _ otherSize: Int) -> Bool {
      Int(a) < Int(b) + otherSize && Int(b) < Int(a) + size
    }
    // What a loader puts into flash is the bytes alone; the zeros are start-up's.
    return meet(address, memorySize, other.address, other.memorySize)
      || meet(loadAddress, bytes.count, other.loadAddress, other.bytes.count)
  }
}

/// Numbers of a file by their place.
private struct Fields {
  let content: [UInt8]
  init(_ content: [UInt8]) { self.content = content }

  func bytes(_ place: Int, _ count: Int) throws(ELFImage.Failure) -> [UInt8] {
    guard place >= 0, count >= 0, count <= content.count, place <= content.count - count else {
      throw ELFImage.Failure("the file ends before byte \(place) + \(count)")
    }
    return Array(content[place..<place + count])
  }
  private func number(_ place: Int, _ count: Int) throws(ELFImage.Failure) -> Int {
    guard place >= 0, place <= content.count - count else { throw ELFImage.Failure("the file ends before byte \(place)") }
    return (0..<count).reduce(0) { $0 | Int(content[place + $1]) << (8 * $1) }
  }
  func byte(_ place: Int) throws(ELFImage.Failure) -> Int { try number(place, 1) }
  func half(_ place: Int) throws(ELFImage.Failure) -> Int { try number(place, 2) }
  func word(_ place: Int) throws(ELFImage.Failure) -> Int { try number(place, 4) }
  func text(_ place: Int, limit: Int) throws(ELFImage.Failure) -> String {
    let end = min(limit, content.count)
    guard place >= 0, place <= end else { throw ELFImage.Failure("a name lies outside the file") }
    return String(decoding: content[place..<end].prefix { $0 != 0 }, as: UTF8.self)
  }
}
