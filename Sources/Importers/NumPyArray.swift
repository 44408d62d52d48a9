/// An array as NumPy's `.npy` files hold it:
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1.0 to 3.0, of integers
/// and floating-point numbers.
public struct NumPyArray: Sendable {
  /// What the elements are, by NumPy's type code.
  public enum Element: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case int8 = "i1"
    case uint8 = "u1"
    case int16 = "i2"
    case uint16 = "u2"
    case int32 = "i4"
    case uint32 = "u4"
    case int64 = "i8"
    case float32 = "f4"
    case float64 = "f8"

    public var byteCount: Int {
      switch self {
      case .int8, .uint8: 1
      case .int16, .uint16: 2
      case .int32, .uint32, .float32: 4
      case .int64, .float64: 8
      }
    }
    public var isFloat: Bool { self == .float32 || self == .float64 }
    public var description: String {
      (isFloat ? "float" : rawValue.hasPrefix("u") ? "uint" : "int") + "\(8 * byteCount)"
    }
  }

  public let element: Element
  public let shape: [Int]
  public var count: Int { shape.reduce(1, *) }

  /// The elements, little-endian and row-major, stand in `storage` from byte `start` on: those of a file are
  /// used where they were read.
  private let storage: [UInt8]
  private let start: Int

  /// The largest file that is read.
  public static let largestFile = 8 << 30

  /// The array in the file at `path`; errors name the file.
  public init(path: String) throws(FileError) {
    let bytes = try InputFile.bytes(path: path, limit: Self.largestFile)
    do throws(NumPyError) {
      try self.init(fileBytes: bytes)
    } catch {
      throw FileError(path: path, reason: error.reason)
    }
  }

  /// The array in the bytes of an `.npy` file. Memory is in proportion to the bytes, whatever their header
  /// says.
  public init(fileBytes bytes: [UInt8]) throws(NumPyError) {
    let header = try NumPyHeader(of: bytes)
    element = header.element
    shape = header.shape
    let found = bytes.count - header.dataStart
    guard found == header.dataBytes else {
      throw NumPyError(
        "its header says \(header.form.map { "'\($0.rawValue)'" } ?? "\(header.element)") of shape \(header.shape), "
          + "\(header.dataBytes) bytes; \(found) bytes follow it"
      )
    }
    guard header.isBigEndian || header.isFortranOrder || header.width != element.byteCount || header.form == .unsigned
    else {
      (storage, start) = (bytes, header.dataStart)
      return
    }
    var data = Array(bytes[header.dataStart...])
    if header.isBigEndian { Self.swapBytes(of: &data, width: header.width) }
    if header.isFortranOrder { data = Self.rowMajor(data, shape: shape, width: header.width) }
    switch header.form {
    case .half: data = Self.widened(halves: data)
    case .unsigned: try Self.expectSigned(data)
    case .truth, nil: break
    }
    (storage, start) = (data, 0)
  }

  /// Numbers of half precision in single precision, which holds them all.
  private static func widened(halves: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    data.reserveCapacity(2 * halves.count)
    for place in stride(from: 0, to: halves.count, by: 2) {
      let bits = Float(Float16(bitPattern: UInt16(halves[place]) | UInt16(halves[place + 1]) << 8)).bitPattern
      for byte in 0..<4 { data.append(UInt8(truncatingIfNeeded: bits >> UInt32(8 * byte))) }
    }
    return data
  }

  /// Throws where an integer of 64 bits without sign is none with one.
  private static func expectSigned(_ data: [UInt8]) throws(NumPyError) {
    for place in stride(from: 0, to: data.count, by: 8) where data[place + 7] > 127 {
      let value = data[place..<place + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      throw NumPyError("element \(place / 8) is \(value), past the integers of 64 bits with a sign, and no code")
    }
  }

  /// `elements`, row-major; there must be as many as `shape` says.
  public init<T: NumPyElement>(_ elements: [T], shape: [Int]) {
    precondition(elements.count == shape.reduce(1, *), "elements fill the shape")
    element = T.numPyElement
    self.shape = shape
    storage = elements.withUnsafeBytes { Array($0) }
    start = 0
  }

  /// Elements as bytes, little-endian and row-major; there must be as many as `shape` says.
  public init(element: Element, shape: [Int], littleEndian bytes: [UInt8]) {
    precondition(bytes.count == shape.reduce(element.byteCount, *), "elements fill the shape")
    self.element = element
    self.shape = shape
    storage = bytes
    start = 0
  }

  /// Elements `range` as they are stored; nil where they are of another type.
  public func elements<T: NumPyElement>(_ range: Range<Int>, as type: T.Type = T.self) -> [T]? {
    guard T.numPyElement == element else { return nil }
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements inside the array")
    return withBytes { bytes in
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[range.lowerBound * MemoryLayout<T>.stride..<range.upperBound * MemoryLayout<T>.stride]
      )
      return [T](unsafeUninitializedCapacity: range.count) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: part)
        count = range.count
      }
    }
  }

  /// Elements `range` as integers; nil where they are floating-point numbers.
  public func integers(_ range: Range<Int>) -> [Int64]? {
    switch element {
    case .int8: elements(range, as: Int8.self)?.map { Int64($0) }
    case .uint8: elements(range, as: UInt8.self)?.map { Int64($0) }
    case .int16: elements(range, as: Int16.self)?.map { Int64($0) }
    case .uint16: elements(range, as: UInt16.self)?.map { Int64($0) }
    case .int32: elements(range, as: Int32.self)?.map { Int64($0) }
    case .uint32: elements(range, as: UInt32.self)?.map { Int64($0) }
    case .int64: elements(range, as: Int64.self)
    case .float32, .float64: nil
    }
  }

  /// All elements as integers; nil where they are floating-point numbers.
  public var integers: [Int64]? { integers(0..<count) }

  /// The elements' bytes, little-endian and row-major; not necessarily aligned.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try storage.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start...])) }
  }

  /// The array as a file, version 1.0: byte for byte what `numpy.save` writes.
  public var fileBytes: [UInt8] {
    var bytes = NumPyHeader.bytes(element: element, shape: shape)
    bytes.reserveCapacity(bytes.count + storage.count - start)
    bytes += storage[start...]
    return bytes
  }

  static func swapBytes(of data: inout [UInt8], width: Int) {
    for first in stride(from: 0, to: data.count, by: width) {
      for byte in 0..<width / 2 { data.swapAt(first + byte, first + width - 1 - byte) }
    }
  }

  /// Elements that stand with the first index fastest, brought to the order with the last index fastest.
  private static func rowMajor(_ data: [UInt8], shape: [Int], width: Int) -> [UInt8] {
    guard shape.count > 1, !data.isEmpty else { return data }
    var strides = [Int](repeating: width, count: shape.count)
    for axis in shape.indices.dropFirst() { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    return [UInt8](unsafeUninitializedCapacity: data.count) { buffer, count in
      var index = [Int](repeating: 0, count: shape.count)
      var source = 0
      while count < data.count {
        for byte in 0..<width { buffer.initializeElement(at: count + byte, to: data[source + byte]) }
        count += width
        var axis = shape.count - 1
        while axis >= 0 {
          index[axis] += 1
          source += strides[axis]
          if index[axis] < shape[axis] { break }
          source -= index[axis] * strides[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }
}

extension NumPyArray: Equatable {
  /// Equal types, shapes and bytes.
  public static func == (a: NumPyArray, b: NumPyArray) -> Bool {
    a.element == b.element && a.shape == b.shape && a.storage[a.start...] == b.storage[b.start...]
  }
}

/// Why bytes are no array that can be read here.
public struct NumPyError: Error, Sendable, Hashable, CustomStringConvertible {
  public var reason: String
  init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}

/// A number that NumPy's arrays can hold as it stands in memory.
public protocol NumPyElement: BitwiseCopyable {
  static var numPyElement: NumPyArray.Element { get }
}
extension Int8: NumPyElement { public static var numPyElement: NumPyArray.Element { .int8 } }
extension UInt8: NumPyElement { public static var numPyElement: NumPyArray.Element { .uint8 } }
extension Int16: NumPyElement { public static var numPyElement: NumPyArray.Element { .int16 } }
extension UInt16: NumPyElement { public static var numPyElement: NumPyArray.Element { .uint16 } }
extension Int32: NumPyElement { public static var numPyElement: NumPyArray.Element { .int32 } }
extension UInt32: NumPyElement { public static var numPyElement: NumPyArray.Element { .uint32 } }
extension Int64: NumPyElement { public static var numPyElement: NumPyArray.Element { .int64 } }
extension Float: NumPyElement { public static var numPyElement: NumPyArray.Element { .float32 } }
extension Double: NumPyElement { public static var numPyElement: NumPyArray.Element { .float64 } }
