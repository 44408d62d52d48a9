import CPictures

/// A PNG file's pixels, 8 bits a channel.
struct Picture {
  static let signature: [UInt8] = [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A]

  /// Height, width and channels.
  let shape: [Int]
  let pixels: [UInt8]
  /// Whether the file has 16 bits a channel.
  let isRounded: Bool

  init(fileBytes bytes: [UInt8]) throws(NumPyError) {
    var picture = cpictures_decode(bytes, bytes.count)
    defer { cpictures_free(&picture) }
    guard let pixels = picture.pixels else {
      let words = withUnsafeBytes(of: picture.fault) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      throw NumPyError("is no PNG file that can be read: \(words)")
    }
    shape = [Int(picture.height), Int(picture.width), Int(picture.channels)]
    isRounded = picture.bits > 8
    self.pixels = Array(UnsafeBufferPointer(start: pixels, count: shape.reduce(1, *)))
  }

  /// The picture as a row of one.
  var array: NumPyArray { NumPyArray(element: .uint8, shape: [1] + shape, littleEndian: pixels) }

  var text: String { Self.text(shape) }
  static func text(_ shape: [Int]) -> String {
    let kinds = [1: "grey", 2: "grey with transparency", 3: "RGB", 4: "RGB with transparency"]
    return "\(shape[0]) × \(shape[1]) \(kinds[shape[2]] ?? "")"
  }
}
