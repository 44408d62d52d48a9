import IntegerProgram

/// A function of one code as a table of stored codes.
struct PreparedLookup: PreparedStep {
  private let from, to: Place
  /// Narrow operands: one entry for each stored code.
  private let table: [Int16]
  /// The stored code of the table's first entry.
  private let first: Int32

  init(_ lookup: Lookup, from: Place, to: Place) {
    self.from = from
    self.to = to
    let stored = lookup.table.map { Int16(truncatingIfNeeded: to.storage.stored($0)) }
    first = from.storage.stored(lookup.lowest)
    if from.storage.isWide {
      table = stored
    } else {
      // A full table needs no look at where it begins.
      let first = Int(first)
      table = (0..<256).map { stored.indices.contains($0 - first) ? stored[$0 - first] : 0 }
    }
  }

  func run(in memory: UnsafeMutableRawPointer) {
    switch (from.storage.isWide, to.storage.isWide) {
    case (false, false):
      let (source, target) = (from.narrow(in: memory), to.narrow(in: memory))
      table.withUnsafeBufferPointer { table in
        for index in 0..<from.count { target[index] = UInt8(truncatingIfNeeded: table[Int(source[index])]) }
      }
    case (false, true):
      let (source, target) = (from.narrow(in: memory), to.wide(in: memory))
      for index in 0..<from.count { target[index] = table[Int(source[index])] }
    case (true, false):
      let (source, target) = (from.wide(in: memory), to.narrow(in: memory))
      for index in 0..<from.count {
        target[index] = UInt8(truncatingIfNeeded: table[Int(Int32(source[index]) &- first)])
      }
    case (true, true):
      let (source, target) = (from.wide(in: memory), to.wide(in: memory))
      for index in 0..<from.count { target[index] = table[Int(Int32(source[index]) &- first)] }
    }
  }
}
