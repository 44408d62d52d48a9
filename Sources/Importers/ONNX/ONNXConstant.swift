import Foundation
import Network

/// A tensor whose elements are known: an initialiser, or what follows from one.
struct ONNXConstant {
  var shape: [Int]
  /// What the elements mean; whole numbers where the file's type is an integer.
  var reals: [Double]
  /// ONNX's number of the elements' type.
  var dataType: Int32
  /// The codes behind the real values, where a quantiser made them.
  var quantized: QuantizedConstant?

  var count: Int { reals.count }
  /// The one element; nil where there are several that differ.
  var scalar: Double? { reals.first.flatMap { first in reals.allSatisfy { $0 == first } ? first : nil } }
  var integers: [Int] { reals.map { Int(exactly: $0) ?? Int($0.clamped(to: -0x1p62...0x1p62)) } }
}

struct QuantizedConstant {
  var codes: [Int64]
  /// Whether what they stand for counts (QONNX), where ONNX Runtime takes integer biases as they are.
  var isReal = false
  var type: ElementType
  var quantization: Quantization
}

extension Quantizer {
  /// The code of a constant. Single-precision numbers are told from ties in double precision: their quotients differ from
  /// those by some 2^-42 of themselves, if at all.
  func codeOfConstant(_ real: Double, scale: Float, zeroPoint: Int64) -> Int64 {
    let (scaled, point) = (real.clamped(to: clamp) / Double(scale), Double(zeroPoint))
    let code = roundsZeroPoint ? rounding.round(scaled + point) : rounding.round(scaled) + point
    return Int64(code.clamped(to: Double(codes.lowerBound)...Double(codes.upperBound)))
  }
}

extension Double {
  /// Not a number becomes a bound.
  func clamped(to range: ClosedRange<Double>) -> Double {
    Swift.max(range.lowerBound, Swift.min(range.upperBound, self))
  }
}

extension ONNXConstant {
  /// The elements of a tensor in the file.
  init(_ tensor: Lockstep_Onnx_TensorProto) throws(NodeFault) {
    let place = "the constant \"\(tensor.name.printable())\""
    guard tensor.dataLocation == 0 else {
      throw NodeFault("\(place) keeps its elements in another file", remedy: "save the model with its data inside")
    }
    let shape = tensor.dims.map { Int($0) }
    guard let count = elementCount(shape) else {
      throw NodeFault(
        "\(place) has the shape \(shape): more than \(Network.largestTensor) elements, or a negative size")
    }
    self.shape = shape
    let reals: [Double]?
    switch tensor.dataType {
    case 1: reals = Self.numbers(tensor, tensor.floatData, Float32.self) { Double($0) }
    case 2: reals = Self.numbers(tensor, tensor.int32Data, UInt8.self) { Double($0) }
    case 3: reals = Self.numbers(tensor, tensor.int32Data, Int8.self) { Double($0) }
    case 4: reals = Self.numbers(tensor, tensor.int32Data, UInt16.self) { Double($0) }
    case 5: reals = Self.numbers(tensor, tensor.int32Data, Int16.self) { Double($0) }
    case 6: reals = Self.numbers(tensor, tensor.int32Data, Int32.self) { Double($0) }
    case 7: reals = Self.numbers(tensor, tensor.int64Data, Int64.self) { Double($0) }
    case 9: reals = Self.numbers(tensor, tensor.int32Data, UInt8.self) { Double($0) }
    case 10:
      let bits: [Double] = Self.numbers(tensor, tensor.int32Data, UInt16.self) { Double($0) }
      reals = bits.map(Self.halfPrecision)
    case 11: reals = Self.numbers(tensor, tensor.doubleData, Double.self) { $0 }
    case 21, 22:
      let bytes: [Double] = Self.numbers(tensor, tensor.int32Data, UInt8.self) { Double($0) }
      let isSigned = tensor.dataType == 22
      let codes = ElementType.integer(bits: 4, signed: isSigned).unpacked(
        bytes.map { UInt8(truncatingIfNeeded: Int($0)) }, count: count)
      reals = codes?.map { isSigned ? Double(Int8(bitPattern: $0)) : Double($0) } ?? Array(repeating: 0, count: 2 * bytes.count)
    default: reals = nil
    }
    guard let reals else {
      throw NodeFault(
        "\(place) has the element type \(ONNXElement.name(tensor.dataType)), which is not supported",
        remedy: "store it as float32, or as integers of up to 16 bits, int32 or int64")
    }
    guard reals.count == count else {
      throw NodeFault("\(place) of shape \(shape) holds \(reals.count) elements, not \(count)")
    }
    self.reals = reals
    dataType = tensor.dataType
  }

  /// The elements, which stand in `raw_data`, little-endian, or in a field of their type.
  private static func numbers<Field: Numeric, Element: BitwiseCopyable>(
    _ tensor: Lockstep_Onnx_TensorProto, _ field: [Field], _ type: Element.Type, _ real: (Element) -> Double
  ) -> [Double] {
    if tensor.rawData.isEmpty {
      return field.map { number in
        switch number {
        case let number as Float: Double(number)
        case let number as Int32: Double(number)
        case let number as Int64: Double(number)
        case let number as Double: number
        default: 0
        }
      }
    }
    return tensor.rawData.withUnsafeBytes { raw in
      let width = MemoryLayout<Element>.size
      // What is left over makes the count wrong, and is reported so.
      let count = raw.count % width == 0 ? raw.count / width : 0
      return (0..<count).map { real(raw.loadUnaligned(fromByteOffset: $0 * width, as: Element.self)) }
    }
  }

  private static func halfPrecision(_ bits: Double) -> Double {
    let bits = Int(bits)
    let (sign, exponent, mantissa) = (bits >> 15 == 1 ? -1.0 : 1.0, bits >> 10 & 31, Double(bits & 1023))
    switch exponent {
    case 0: return sign * mantissa * 0x1p-24
    case 31: return mantissa == 0 ? sign * .infinity : .nan
    default: return sign * (1 + mantissa / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }
}

/// ONNX's element types, by their numbers.
enum ONNXElement {
  static let names: [Int32: String] = [
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4e2m1",
  ]
  static func name(_ type: Int32) -> String { names[type] ?? "type \(type)" }

  /// Whether a type holds whole numbers, or truth values.
  static func isInteger(_ type: Int32) -> Bool { [2, 3, 4, 5, 6, 7, 9, 12, 13].contains(type) }

  /// How many bits an element takes, packed; nil for types that no constant here has.
  static func bits(_ type: Int32) -> Int? {
    switch type {
    case 21, 22: 4
    case 2, 3, 9: 8
    case 4, 5, 10: 16
    case 1, 6: 32
    case 7, 11: 64
    default: nil
    }
  }

  /// The number of an integer type.
  static func dataType(of type: ElementType) -> Int32 {
    names.first { codes($0.key) == type }?.key ?? 6
  }

  /// The codes that tensors of a type hold; nil where it is none that quantisers make.
  static func codes(_ type: Int32) -> ElementType? {
    switch type {
    case 2: .uint8
    case 3: .int8
    case 4: .integer(bits: 16, signed: false)
    case 5: .int16
    case 21: .integer(bits: 4, signed: false)
    case 22: .integer(bits: 4, signed: true)
    default: nil
    }
  }
}

/// The elements of a shape; nil where a size is negative or they are too many.
func elementCount(_ shape: [Int]) -> Int? {
  // Without sizes of 0 too: strides and places are reckoned of them before anything is found to be empty.
  var count = 1
  for size in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
    guard size >= 0, !overflow, product <= Network.largestTensor else { return nil }
    count = product
  }
  return shape.contains(0) ? 0 : count
}
