import Importers
import Testing

@Suite struct IDXTests {
  /// Four samples of 2 × 3 bytes, 0 … 23.
  private static let plain: [UInt8] =
    [0, 0, 8, 3] + [0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 3] + (0..<24).map { UInt8($0) }
  /// The same, by Python's gzip.
  private static let packed: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 99, 96, 224, 96, 102, 96, 96, 96, 1, 98, 38, 32, 102, 102, 96, 100, 98, 102, 97,
    101,
    99, 231, 224, 228, 226, 230, 225, 229, 227, 23, 16, 20, 18, 22, 17, 21, 19, 7, 0, 38, 211, 144, 13, 40, 0, 0, 0,
  ]

  @Test("an IDX file is an array, packed or not", arguments: [plain, packed])
  func reading(bytes: [UInt8]) throws {
    let array = try NumPyArray.unpacking(bytes)
    #expect(array.element == .uint8 && array.shape == [4, 2, 3])
    #expect(array.integers == (0..<24).map { Int64($0) })
  }

  @Test("no more is read than the items that are asked for", arguments: [0, 1, 3, 4, 9])
  func items(count: Int) throws {
    for bytes in [Self.plain, Self.packed] {
      let array = try NumPyArray.unpacking(bytes, items: count)
      #expect(array.shape == [min(count, 4), 2, 3])
      #expect(array.integers == (0..<min(count, 4) * 6).map { Int64($0) })
    }
    // What follows need not even be there.
    if count == 1 { #expect(try NumPyArray.unpacking(Array(Self.plain.dropLast(9)), items: 1).count == 6) }
  }

  @Test("elements of several bytes are big-endian")
  func bigEndian() throws {
    let array = try NumPyArray.unpacking([0, 0, 0x0B, 1, 0, 0, 0, 2, 0x01, 0x02, 0xFF, 0xFE])
    #expect(array.element == .int16)
    #expect(array.integers == [0x0102, -2])
  }

  @Test("a NumPy array is read as it is, and packed")
  func numPy() throws {
    let array = NumPyArray([1, 2, 3] as [Int16], shape: [3])
    #expect(try NumPyArray.unpacking(array.fileBytes) == array)
  }

  @Test("every file that is cut short is an error", arguments: [plain, packed])
  func truncation(bytes: [UInt8]) {
    for length in 0..<bytes.count {
      // Of packed bytes the last eight, the checksum, are not needed for the elements: zlib asks for them all the same.
      #expect(throws: NumPyError.self, "\(length) bytes") { try NumPyArray.unpacking(Array(bytes[..<length])) }
    }
  }

  @Test(
    "what a header promises is held against the data, and memory is not taken before it comes",
    arguments: [
      ("cut short", [0, 0, 8, 3, 0x7F, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 5]),
      ("GiB", [0, 0, 8, 3, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 5]),
      ("neither", [0, 0, 7, 1, 0, 0, 0, 1, 5]), ("neither", [0, 0, 8, 0, 5]), ("neither", [0, 0, 8, 200, 5]),
      ("bytes after", [0, 0, 8, 1, 0, 0, 0, 1, 5, 6]), ("no .npy file", [1, 2, 3, 4]),
    ] as [(String, [UInt8])])
  func refusals(reason: String, bytes: [UInt8]) {
    #expect { try NumPyArray.unpacking(bytes) } throws: { "\($0)".contains(reason) }
  }

  @Test("damaged packed bytes are an error or an array, never fatal")
  func damage() {
    for place in Self.packed.indices {
      for bit in 0..<8 {
        var bytes = Self.packed
        bytes[place] ^= 1 << bit
        _ = try? NumPyArray.unpacking(bytes)
      }
    }
  }
}
