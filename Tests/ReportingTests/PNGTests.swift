import CZlib
import Reporting
import Testing

@Suite struct PNGTests {
  @Test("a picture's chunks have right checksums and unpack to its pixels", arguments: [1, 3])
  func pixels(channels: Int) throws {
    let (width, height) = (5, 3)
    let pixels = (0..<width * height * channels).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let bytes = PNG.encode(pixels, width: width, height: height, channels: channels)
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    var position = 8
    var chunks: [(type: String, data: [UInt8])] = []
    while position < bytes.count {
      func number(_ start: Int) -> Int { bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
      let length = number(position)
      let body = Array(bytes[position + 4..<position + 8 + length])
      #expect(number(position + 8 + length) == Int(crc32(0, body, UInt32(body.count))))
      chunks.append((String(decoding: body.prefix(4), as: UTF8.self), Array(body.dropFirst(4))))
      position += 12 + length
    }
    #expect(chunks.map(\.type) == ["IHDR", "IDAT", "IEND"])
    #expect(chunks[0].data == [0, 0, 0, 5, 0, 0, 0, 3, 8, channels == 1 ? 0 : 2, 0, 0, 0])
    var unpacked = [UInt8](repeating: 0, count: height * (1 + width * channels))
    var count = UInt(unpacked.count)
    #expect(uncompress(&unpacked, &count, chunks[1].data, UInt(chunks[1].data.count)) == Z_OK)
    let rows = stride(from: 0, to: unpacked.count, by: 1 + width * channels).map {
      Array(unpacked[$0..<$0 + 1 + width * channels])
    }
    #expect(rows.allSatisfy { $0[0] == 0 })
    #expect(rows.flatMap { $0.dropFirst() } == pixels)
  }
}
