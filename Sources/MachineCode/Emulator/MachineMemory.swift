/// A microcontroller's memory: stretches of bytes. What lies elsewhere is not there.
public struct MachineMemory: Sendable {
  public struct Region: Sendable {
    public var start: UInt32
    public var isWritable: Bool
    public var bytes: [UInt8]

    public init(start: UInt32, bytes: [UInt8], isWritable: Bool) {
      self.start = start
      self.bytes = bytes
      self.isWritable = isWritable
    }
  }

  @usableFromInline var regions: [Region]

  /// The regions must not overlap.
  public init(_ regions: [Region]) { self.regions = regions }

  /// An image's constants, and stretches that can be written. What an image has there besides, start-up makes ready:
  /// it is not there.
  public init(constantsOf image: ELFImage, writable: [Region]) {
    let constants = image.segments.filter { !$0.isWritable }.map { segment in
      let zeros = [UInt8](repeating: 0, count: segment.memorySize - segment.bytes.count)
      return Region(start: segment.address, bytes: segment.bytes + zeros, isWritable: false)
    }
    self.init(constants + writable)
  }

  /// The region that holds so many bytes from an address on, and where there.
  @inlinable
  func place(_ address: UInt32, _ bytes: Int) -> (region: Int, offset: Int)? {
    for region in regions.indices {
      let offset = Int(address) - Int(regions[region].start)
      if offset >= 0, offset <= regions[region].bytes.count - bytes { return (region, offset) }
    }
    return nil
  }

  @inlinable
  public func load(_ address: UInt32, bytes: Int) throws(MachineFault) -> UInt32 {
    guard let (region, offset) = place(address, bytes) else {
      throw .outside(address: address, bytes: bytes, .read)
    }
    let low = UInt32(regions[region].bytes[offset])
    if bytes == 1 { return low }
    let half = low | UInt32(regions[region].bytes[offset + 1]) << 8
    if bytes == 2 { return half }
    return half | UInt32(regions[region].bytes[offset + 2]) << 16 | UInt32(regions[region].bytes[offset + 3]) << 24
  }

  @inlinable
  public mutating func store(_ word: UInt32, _ address: UInt32, bytes: Int) throws(MachineFault) {
    guard let (region, offset) = place(address, bytes), regions[region].isWritable else {
      throw .outside(address: address, bytes: bytes, .written)
    }
    for byte in 0..<bytes { regions[region].bytes[offset + byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte)) }
  }

  /// So many bytes from an address on.
  public func bytes(_ address: UInt32, _ count: Int) throws(MachineFault) -> [UInt8] {
    guard count >= 0, let (region, offset) = place(address, count) else {
      throw .outside(address: address, bytes: count, .read)
    }
    return Array(regions[region].bytes[offset..<offset + count])
  }

  public mutating func write(_ content: [UInt8], _ address: UInt32) throws(MachineFault) {
    guard let (region, offset) = place(address, content.count), regions[region].isWritable else {
      throw .outside(address: address, bytes: content.count, .written)
    }
    regions[region].bytes.replaceSubrange(offset..<offset + content.count, with: content)
  }
}
