import CZlib

/// Pictures of 8 bits a channel as PNG files (https://www.w3.org/TR/png-3).
public enum PNG {
  /// `pixels` are row-major with `channels` bytes each: 1 for grey, 3 for red, green, blue.
  public static func encode(_ pixels: [UInt8], width: Int, height: Int, channels: Int) -> [UInt8] {
    precondition(channels == 1 || channels == 3, "grey, or red, green and blue")
    precondition(pixels.count == width * height * channels && width > 0 && height > 0, "pixels fill the picture")
    var scanlines: [UInt8] = []
    scanlines.reserveCapacity(pixels.count + height)
    for row in 0..<height {
      // Filter 0: as it is.
      scanlines.append(0)
      scanlines += pixels[row * width * channels..<(row + 1) * width * channels]
    }
    let header = bigEndian(width) + bigEndian(height) + [8, channels == 1 ? 0 : 2, 0, 0, 0]
    return [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A]
      + chunk("IHDR", header) + chunk("IDAT", deflated(scanlines)) + chunk("IEND", [])
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return bigEndian(data.count) + body + bigEndian(Int(crc32(0, body, UInt32(body.count))))
  }

  private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(UInt(bytes.count))
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
      let status = compress2(buffer.baseAddress, &length, bytes, UInt(bytes.count), 9)
      precondition(status == Z_OK, "the buffer has room")
      count = Int(length)
    }
  }
}
