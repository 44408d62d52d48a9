extension [UInt8] {
  /// The lowest `width` bytes of each integer, the least first: as files and a tensor's constant hold them.
  public init(littleEndian integers: some Sequence<some BinaryInteger>, width: Int) {
    self = []
    reserveCapacity(width * integers.underestimatedCount)
    for integer in integers { append(littleEndian: integer, width: width) }
  }

  /// The numbers in single precision, four bytes each.
  public init(littleEndian numbers: some Sequence<Float>) {
    self.init(littleEndian: numbers.lazy.map(\.bitPattern), width: 4)
  }

  public mutating func append(littleEndian integer: some BinaryInteger, width: Int) {
    for byte in 0..<width { append(UInt8(truncatingIfNeeded: integer >> (8 * byte))) }
  }
}
