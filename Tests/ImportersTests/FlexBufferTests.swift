import Testing

@testable import Importers

/// Options of custom operators, as other writers of FlexBuffers write them.
@Suite struct FlexBufferTests {
  /// {"T": 7, "clamping": true, "fft_length": 512, "shift": -3}, by Google's writer for Python.
  private static let map: [UInt8] = [
    84, 0, 99, 108, 97, 109, 112, 105, 110, 103, 0, 102, 102, 116, 95, 108, 101, 110, 103, 116, 104, 0, 115, 104,
    105, 102, 116, 0, 4, 29, 28, 20, 10, 0, 5, 0, 1, 0, 4, 0, 7, 0, 1, 0, 0, 2, 253, 255,
    5, 105, 5, 5, 12, 37, 1,
  ]

  @Test func `integers and truth values of a map are read`() throws {
    let buffer = try #require(FlexBuffer(Self.map))
    #expect(buffer.integers == ["T": 7, "clamping": 1, "fft_length": 512, "shift": -3])
  }

  @Test func `damaged bytes are refused or read as others, and nothing outside them`() {
    for length in 0..<Self.map.count { _ = FlexBuffer(Array(Self.map.prefix(length))) }
    for length in 0..<Self.map.count { _ = FlexBuffer(Array(Self.map.suffix(length))) }
    for place in Self.map.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = Self.map
        bytes[place] = byte
        if let buffer = FlexBuffer(bytes) { #expect(buffer.integers.count <= 1 << 10) }
      }
    }
    #expect(FlexBuffer([]) == nil && FlexBuffer([0, 36, 1]) == nil)
  }
}
