import Importers
import IntegerProgram
import Testing

@testable import Evaluation

/// PNG files, as Pillow and libpng's own tools write them, as inputs.
@Suite struct PictureTests {
  private func value(_ shape: [Int]) -> Value {
    Value(name: "x", tensor: 0, shape: shape, type: .uint8, scale: 1, zeroPoint: 0)
  }
  private func codes(_ bytes: [UInt8], _ shape: [Int]) throws -> [Int32] {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    return try InputArray(path: folder.write(bytes, "x.png"), for: value(shape)).codes(0)
  }

  @Test("every kind of picture becomes 8 bits a channel", arguments: Pictures.all)
  func kinds(picture: Pictures.Picture) throws {
    #expect(try codes(picture.bytes, picture.shape) == picture.pixels)
    // Rows may be left flat, and channels may stand in front.
    #expect(try codes(picture.bytes, [1, picture.pixels.count]) == picture.pixels)
    let (height, width, channels) = (picture.shape[1], picture.shape[2], picture.shape[3])
    let planes = (0..<channels).flatMap { channel in
      (0..<height * width).map { picture.pixels[$0 * channels + channel] }
    }
    #expect(try codes(picture.bytes, [1, channels, height, width]) == planes)
  }

  @Test("16 bits a channel are rounded to 8, and that is said")
  func rounded() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    for picture in Pictures.all {
      let read = try InputArray(path: folder.write(picture.bytes, "x.png"), for: value(picture.shape))
      #expect((read.note?.contains("16 bits a channel are rounded to 8") ?? false) == (picture.bytes[24] == 16))
    }
    let pictures = try InputArray(
      path: folder.url.path, for: value(Pictures.all[Pictures.all.count - 1].shape))
    #expect(pictures.note == nil)
  }

  @Test("another size, or colours for a grey input, are refused; grey for colours is each of them")
  func fitting() throws {
    let (grey, colours) = (Pictures.grey, Pictures.colours)
    #expect(try codes(grey.bytes, [1, 2, 3, 3]) == grey.pixels.flatMap { [$0, $0, $0] })
    #expect { try codes(colours.bytes, [1, 2, 3, 1]) } throws: { "\($0)".contains("turn it grey first") }
    #expect { try codes(grey.bytes, [1, 3, 2, 1]) } throws: { "\($0)".contains("picture of 2 × 3 pixels") }
    #expect { try codes(Array(grey.bytes.dropLast(20)), [1, 2, 3, 1]) } throws: { "\($0)".contains("PNG") }
    for place in grey.bytes.indices {
      var damaged = grey.bytes
      damaged[place] ^= 0x5A
      _ = try? codes(damaged, [1, 2, 3, 1])
      #expect(throws: FileError.self) { try codes(Array(grey.bytes[..<place]), [1, 2, 3, 1]) }
    }
  }

  @Test("a folder stands for its pictures in the order of their names, all of one size")
  func folder() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    try folder.write(Pictures.greyAlpha.bytes, "b.png")
    try folder.write(Pictures.greyAlpha.bytes, "a.png")
    try folder.write([1], "notes.md")
    let pictures = try InputArray(path: folder.url.path, for: value([1, 2, 3, 1]))
    #expect(pictures.count == 2)
    try folder.write(Pictures.colours.bytes, "c.png")
    #expect { try InputArray(path: folder.url.path, for: value([1, 2, 3, 1])) } throws: {
      "\($0)".contains("pictures of a folder are alike")
    }
  }
}
