/// Arrays as the IDX files of MNIST hold them (http://yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of
/// dimensions, their sizes as big-endian 32-bit numbers, the elements big-endian.
extension NumPyArray {
  /// Far above any image set that is verified; it bounds what a small packed file can become.
  static let largestUnpacked = 2 << 30

  /// The array in the bytes of a file of NumPy (`.npy`) or IDX, either of them gzipped or not. Of an IDX file no more
  /// than the first `items` along its first dimension are read, where that is given.
  public static func unpacking(_ bytes: [UInt8], items: Int? = nil) throws(NumPyError) -> NumPyArray {
    try unpackingFile(bytes, items: items).array
  }

  static func unpackingFile(_ bytes: [UInt8], items: Int? = nil) throws(NumPyError) -> ArrayFile {
    guard bytes.starts(with: [0x1F, 0x8B]) || bytes.starts(with: [0, 0]) else {
      return ArrayFile(try NumPyArray(fileBytes: bytes), .numPy)
    }
    let source = try UnpackedBytes(bytes)
    let start = try source.next(4)
    guard start.count == 4 else { throw NumPyError("is cut short: it has \(start.count) bytes") }
    if start[0] == 0 && start[1] == 0 {
      return try idx(type: start[2], rank: Int(start[3]), source, items: items)
    }
    let rest = try source.next(largestUnpacked)
    guard try source.next(1).isEmpty else { throw NumPyError("unpacks to over \(largestUnpacked >> 30) GiB") }
    return ArrayFile(try NumPyArray(fileBytes: start + rest), .numPy)
  }

  private static func idx(
    type: UInt8, rank: Int, _ source: UnpackedBytes, items: Int?
  ) throws(NumPyError) -> ArrayFile {
    let types: [UInt8: Element] = [
      0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
    ]
    guard let element = types[type], (1...8).contains(rank) else {
      throw NumPyError(
        "is neither a NumPy array nor an IDX file: its type is \(type), its number of dimensions \(rank)")
    }
    let header = try source.next(4 * rank)
    guard header.count == 4 * rank else { throw NumPyError("is cut short: its IDX header is incomplete") }
    var shape = (0..<rank).map { axis in header[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) } }
    let whole = shape
    if let items { shape[0] = min(shape[0], max(items, 0)) }
    var size = element.byteCount
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= largestUnpacked else {
        throw NumPyError("has the shape \(whole), over \(largestUnpacked >> 30) GiB")
      }
      size = product
    }
    var data = try source.next(size)
    guard data.count == size else {
      throw NumPyError("is cut short: the shape \(whole) of \(element) needs more than its \(data.count) bytes")
    }
    if shape == whole, try !source.next(1).isEmpty {
      throw NumPyError("has bytes after its elements: its shape \(whole) is not that of its data")
    }
    swapBytes(of: &data, width: element.byteCount)
    return ArrayFile(NumPyArray(element: element, shape: shape, littleEndian: data), .idx, items: whole[0])
  }
}
