import Network
import Testing

/// Elements of 4 bits, which stand two a byte in files.
@Suite struct PackedConstantTests {
  @Test("the first of two elements is a byte's low half, and each has its sign")
  func signs() throws {
    #expect(ElementType.int4.unpacked([0x78, 0xF0], count: 4) == [0xF8, 0x07, 0x00, 0xFF])
    #expect(ElementType.integer(bits: 4, signed: false).unpacked([0x78, 0xF0], count: 4) == [8, 7, 0, 15])
  }

  @Test("an odd count leaves the last byte's high half out")
  func odd() {
    #expect(ElementType.int4.unpacked([0x21, 0x93], count: 3) == [1, 2, 3])
    #expect(ElementType.int4.unpacked([], count: 0) == [])
  }

  @Test("what is packed is unpacked", arguments: 0...5)
  func reverse(count: Int) {
    let codes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 5 - 8) }.map { $0 & 15 > 7 ? $0 | 0xF0 : $0 & 15 }
    #expect(ElementType.int4.unpacked(ElementType.int4.packed(codes), count: count) == codes)
  }

  @Test("too few and too many bytes are none", arguments: [(1, 3), (2, 2), (3, 4), (0, 1)])
  func length(bytes: Int, count: Int) {
    #expect(ElementType.int4.unpacked(Array(repeating: 0, count: bytes), count: count) == nil)
  }
}
