import CZlib

/// A file's bytes in order, unpacked on the way where the file is gzipped: no more is unpacked than is asked for.
final class UnpackedBytes {
  private let bytes: [UInt8]
  private var position = 0
  /// Where zlib keeps its state; it must not move. Nil where the bytes are as they are.
  private let stream: UnsafeMutablePointer<z_stream>?
  private var hasEnded = false

  convenience init(_ bytes: [UInt8]) throws(NumPyError) {
    // The largest window, and 16 for gzip's header.
    try self.init(bytes, windowBits: bytes.starts(with: [0x1F, 0x8B]) ? 15 + 16 : nil)
  }

  /// Deflated bytes without a header, as ZIP has them.
  convenience init(deflated bytes: [UInt8]) throws(NumPyError) { try self.init(bytes, windowBits: -15) }

  private init(_ bytes: [UInt8], windowBits: Int32?) throws(NumPyError) {
    self.bytes = bytes
    guard let windowBits else {
      stream = nil
      return
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    self.stream = stream
    guard inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw NumPyError("cannot be unpacked: zlib does not start")
    }
  }

  deinit {
    guard let stream else { return }
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next `count` bytes; fewer at the end. Memory grows with what is there, not with what is asked for.
  func next(_ count: Int) throws(NumPyError) -> [UInt8] {
    guard let stream else {
      let end = position + min(count, bytes.count - position)
      defer { position = end }
      return Array(bytes[position..<end])
    }
    var result: [UInt8] = []
    while result.count < count && !hasEnded {
      result += try unpack(stream, min(count - result.count, max(1 << 16, result.count)))
    }
    return result
  }

  private func unpack(_ stream: UnsafeMutablePointer<z_stream>, _ count: Int) throws(NumPyError) -> [UInt8] {
    var status = Z_OK
    let part = [UInt8](unsafeUninitializedCapacity: count) { output, filled in
      bytes.withUnsafeBufferPointer { input in
        let given = UInt32(clamping: input.count - position)
        // zlib reads here and does not write, though its type does not say so.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + position })
        stream.pointee.avail_in = given
        stream.pointee.next_out = output.baseAddress
        stream.pointee.avail_out = UInt32(count)
        status = inflate(stream, Z_NO_FLUSH)
        position += Int(given - stream.pointee.avail_in)
        filled = count - Int(stream.pointee.avail_out)
      }
    }
    switch status {
    case Z_STREAM_END: hasEnded = true
    case Z_OK where !part.isEmpty || position < bytes.count: break
    case Z_OK, Z_BUF_ERROR: throw NumPyError("is cut short: its packed data ends too early")
    default: throw NumPyError("has damaged packed data")
    }
    return part
  }
}
