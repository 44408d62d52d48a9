/// What the elements of a tensor are stored as.
public enum ElementType: Sendable, Hashable, CustomStringConvertible {
  case integer(bits: Int, signed: Bool)
  case float16, float32, float64
  /// One byte, 0 or 1.
  case boolean
  /// A type that no operation here reads, by its name in the file's format.
  case other(String)

  public static let int4 = ElementType.integer(bits: 4, signed: true)
  public static let int8 = ElementType.integer(bits: 8, signed: true)
  public static let uint8 = ElementType.integer(bits: 8, signed: false)
  public static let int16 = ElementType.integer(bits: 16, signed: true)
  public static let int32 = ElementType.integer(bits: 32, signed: true)
  public static let int64 = ElementType.integer(bits: 64, signed: true)
  public static let uint32 = ElementType.integer(bits: 32, signed: false)
  public static let uint64 = ElementType.integer(bits: 64, signed: false)

  public var description: String {
    switch self {
    case .integer(let bits, let signed): (signed ? "int" : "uint") + "\(bits)"
    case .float16: "float16"
    case .float32: "float32"
    case .float64: "float64"
    case .boolean: "bool"
    case .other(let name): name
    }
  }

  /// Bytes an element takes in memory; in files elements of 4 bits stand two a byte, which importers take apart.
  public var byteCount: Int? {
    switch self {
    case .integer(let bits, _): bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8
    case .boolean: 1
    case .float16: 2
    case .float32: 4
    case .float64: 8
    case .other: nil
    }
  }

  /// `count` elements of 4 bits that stand two a byte, the first in the low half, as a byte each; nil where there are
  /// more or fewer bytes than those need.
  public func unpacked(_ bytes: [UInt8], count: Int) -> [UInt8]? {
    guard case .integer(bits: 4, let isSigned) = self, bytes.count == (count + 1) / 2 else { return nil }
    return bytes.flatMap { [$0 & 15, $0 >> 4] }.prefix(count).map { isSigned && $0 > 7 ? $0 | 0xF0 : $0 }
  }

  /// The reverse: elements of 4 bits, a byte each, two a byte.
  public func packed(_ elements: [UInt8]) -> [UInt8] {
    stride(from: 0, to: elements.count, by: 2).map { place in
      elements[place] & 15 | (place + 1 < elements.count ? elements[place + 1] << 4 : 0)
    }
  }

  /// The codes the type can hold; nil for what is no integer.
  public var codes: ClosedRange<Int64>? {
    guard case .integer(let bits, let signed) = self else { return nil }
    if signed { return (-1 << Int64(bits - 1))...((1 << Int64(bits - 1)) &- 1) }
    // The uppermost half of 64 bits is left out, which an Int64 cannot say.
    return 0...(bits < 63 ? (1 << Int64(bits)) - 1 : Int64.max)
  }
}

/// What codes stand for: `real = scale · (code − zeroPoint)`, with one pair for the whole tensor or one for each index
/// along `axis`.
public struct Quantization: Sendable, Hashable {
  public var scales: [Float]
  public var zeroPoints: [Int64]
  public var axis: Int

  public init(scales: [Float], zeroPoints: [Int64], axis: Int = 0) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.axis = axis
  }
}

/// A tensor of a network: its shape (row-major, images as batch, height, width, channels), what its elements mean, and
/// its elements where the file fixes them.
public struct Tensor: Sendable {
  public var name: String
  public var shape: [Int]
  public var type: ElementType
  public var quantization: Quantization?
  /// The elements of a constant, little-endian.
  public var constant: [UInt8]?
  /// Axes whose size the file leaves open; `shape` holds the size that it is read with, which is that of one sample.
  public var openAxes: [Int]

  public init(
    name: String, shape: [Int], type: ElementType, quantization: Quantization? = nil, constant: [UInt8]? = nil,
    openAxes: [Int] = []
  ) {
    self.openAxes = openAxes
    self.name = name
    self.shape = shape
    self.type = type
    self.quantization = quantization
    self.constant = constant
  }

  public var count: Int { shape.reduce(1, *) }

  /// The elements of an integer constant, or of one of truth values, 0 and 1; nil where the tensor is none.
  public var integers: [Int64]? {
    if type == .boolean { return constant?.map { $0 == 0 ? 0 : 1 } }
    guard let constant, case .integer(_, let signed) = type, let width = type.byteCount else { return nil }
    return stride(from: 0, to: constant.count - width + 1, by: width).map { start in
      var value: UInt64 = 0
      for byte in 0..<width { value |= UInt64(constant[start + byte]) << UInt64(8 * byte) }
      let unused = UInt64(64 - 8 * width)
      return signed ? Int64(bitPattern: value << unused) >> Int64(unused) : Int64(bitPattern: value)
    }
  }

  /// The elements of a float32 constant; nil where the tensor is none.
  public var floats: [Float]? {
    guard let constant, type == .float32 else { return nil }
    return stride(from: 0, to: constant.count - 3, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(constant[start + $1]) << UInt32(8 * $1) })
    }
  }

  /// The elements of a float16 constant, which single precision holds; nil where the tensor is none.
  public var halves: [Float]? {
    guard let constant, type == .float16 else { return nil }
    return stride(from: 0, to: constant.count - 1, by: 2).map { start in
      Float(Float16(bitPattern: UInt16(constant[start]) | UInt16(constant[start + 1]) << 8))
    }
  }

  /// The real values that an integer constant's codes stand for, in single precision (TensorFlow Lite: `Dequantize`,
  /// `PerChannelDequantize`); nil where the tensor is none, or its scales do not fit it.
  public var dequantized: [Float]? {
    guard let codes = integers, type != .boolean, let quantization, !quantization.scales.isEmpty else { return nil }
    let (scales, axis) = (quantization.scales, quantization.axis)
    var inner = 1
    if scales.count > 1 {
      guard shape.indices.contains(axis), shape[axis] == scales.count else { return nil }
      inner = shape[(axis + 1)...].reduce(1, *)
    }
    let zeroPoints = quantization.zeroPoints
    guard zeroPoints.count <= 1 || zeroPoints.count == scales.count else { return nil }
    return codes.enumerated().map { place, code in
      let channel = scales.count == 1 ? 0 : place / inner % scales.count
      let zeroPoint = zeroPoints.isEmpty ? 0 : zeroPoints[zeroPoints.count == 1 ? 0 : channel]
      return Float(Double(scales[channel]) * (Double(code) - Double(zeroPoint)))
    }
  }

  /// The elements of a float64 constant; nil where the tensor is none.
  public var reals: [Double]? {
    guard let constant, type == .float64 else { return nil }
    return stride(from: 0, to: constant.count - 7, by: 8).map { start in
      Double(bitPattern: (0..<8).reduce(UInt64(0)) { $0 | UInt64(constant[start + $1]) << UInt64(8 * $1) })
    }
  }
}
