import Network

/// The header of an `.npy` file: the magic string, a version, a length, and a Python dictionary as text.
struct NumPyHeader {
  /// How numbers stand in the file that no element is made for.
  enum Form: String {
    /// Half precision, which single precision holds.
    case half = "f2"
    /// Integers of 64 bits without sign, of which an array takes those that have 63.
    case unsigned = "u8"
    /// A boolean is a byte of 0 or 1.
    case truth = "b1"

    var element: NumPyArray.Element {
      switch self {
      case .half: .float32
      case .unsigned: .int64
      case .truth: .uint8
      }
    }
    var byteCount: Int { self == .half ? 2 : element.byteCount }
  }

  /// What the array's elements will be.
  var element: NumPyArray.Element
  var form: Form?
  var shape: [Int]
  var isBigEndian: Bool
  var isFortranOrder: Bool
  /// The file's byte at which the elements start.
  var dataStart: Int
  /// The bytes that an element takes in the file, and all of them.
  var width: Int { form?.byteCount ?? element.byteCount }
  var dataBytes: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// NumPy's own limit for files it does not trust is 10,000.
  private static let longestHeader = 1 << 16
  private static let highestRank = 64

  init(of bytes: [UInt8]) throws(NumPyError) {
    guard bytes.starts(with: Self.magic) else {
      throw NumPyError(
        "is no .npy file: it does not start with NumPy's magic string. Read are .npy, .npz, IDX, PNG and CSV (.csv)")
    }
    guard bytes.count >= 12 else { throw NumPyError("is cut short: its .npy header is incomplete") }
    let version = bytes[6]
    guard (1...3).contains(version), bytes[7] == 0 else {
      throw NumPyError("has the .npy version \(version).\(bytes[7]); 1.0, 2.0 and 3.0 are known")
    }
    let lengthBytes = version == 1 ? 2 : 4
    let length = bytes[8..<8 + lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
    let start = 8 + lengthBytes
    guard length <= Self.longestHeader else {
      throw NumPyError("has an .npy header of \(length) bytes; at most \(Self.longestHeader) are read")
    }
    guard length <= bytes.count - start else {
      throw NumPyError("is cut short: its .npy header is incomplete")
    }

    var parser = PythonLiteralParser(bytes[start..<start + length])
    let fields = try parser.dictionary()
    guard case .string(let type)? = fields["descr"] else {
      throw NumPyError("has an .npy header without 'descr', the element type")
    }
    guard case .truth(let isFortranOrder)? = fields["fortran_order"] else {
      throw NumPyError("has an .npy header without 'fortran_order'")
    }
    guard case .tuple(let shape)? = fields["shape"] else {
      throw NumPyError("has an .npy header without 'shape'")
    }
    guard fields.count == 3 else { throw NumPyError("has an .npy header with \(fields.count) fields, not 3") }
    guard shape.count <= Self.highestRank else {
      throw NumPyError("has \(shape.count) dimensions; at most \(Self.highestRank) are read")
    }

    let order = type.first
    let code = String(type.dropFirst())
    let form = Form(rawValue: code)
    let width = form?.byteCount ?? NumPyArray.Element(rawValue: code)?.byteCount
    guard let element = form?.element ?? NumPyArray.Element(rawValue: code), let width,
      order == "<" || order == ">" || order == "|" && width == 1
    else {
      let known = NumPyArray.Element.allCases.map(\.rawValue) + [Form.half, .unsigned, .truth].map(\.rawValue)
      throw NumPyError(
        "holds elements of the type '\(type.printable(40))'; these are read: \(known.joined(separator: ", "))")
    }
    var size = width
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow else { throw NumPyError("has the shape \(shape), which no memory holds") }
      size = product
    }
    self.element = element
    self.form = form
    self.shape = shape
    self.isFortranOrder = isFortranOrder
    isBigEndian = order == ">" && width > 1
    dataStart = start + length
    dataBytes = size
  }

  /// The header that `numpy.save` writes, version 1.0.
  static func bytes(element: NumPyArray.Element, shape: [Int]) -> [UInt8] {
    let order = element.byteCount == 1 ? "|" : "<"
    let sizes = shape.map(String.init)
    let tuple = sizes.count == 1 ? "(\(sizes[0]),)" : "(\(sizes.joined(separator: ", ")))"
    var text = "{'descr': '\(order)\(element.rawValue)', 'fortran_order': False, 'shape': \(tuple), }"
    // NumPy leaves room for the first size to grow to 21 digits in place, and starts the data on a multiple
    // of 64.
    if let first = sizes.first { text += String(repeating: " ", count: max(21 - first.count, 0)) }
    let prefix = magic.count + 4
    let unaligned = (prefix + text.utf8.count + 1) % 64
    text += String(repeating: " ", count: unaligned == 0 ? 0 : 64 - unaligned) + "\n"
    let length = text.utf8.count
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + text.utf8
  }
}

/// The part of Python's literals that `.npy` headers use: a dictionary from strings to strings, booleans and
/// tuples of integers.
private struct PythonLiteralParser {
  enum Value {
    case string(String)
    case truth(Bool)
    case tuple([Int])
  }

  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

  mutating func dictionary() throws(NumPyError) -> [String: Value] {
    var fields: [String: Value] = [:]
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      guard fields.updateValue(try value(), forKey: key) == nil else {
        throw damaged("the key '\(key.printable(40))' stands twice")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == bytes.count else { throw damaged("something follows the dictionary") }
    return fields
  }

  private mutating func value() throws(NumPyError) -> Value {
    skipSpace()
    guard position < bytes.count else { throw damaged("it ends inside the dictionary") }
    switch bytes[position] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "("):
      position += 1
      var sizes: [Int] = []
      while !take(")") {
        sizes.append(try size())
        if !take(",") {
          try expect(")")
          break
        }
      }
      return .tuple(sizes)
    case UInt8(ascii: "["):
      throw NumPyError("holds structured elements; arrays of one number each are read")
    default:
      if take("True") { return .truth(true) }
      if take("False") { return .truth(false) }
      throw damaged("the value at its byte \(position) is no string, boolean or tuple of sizes")
    }
  }

  private mutating func string() throws(NumPyError) -> String {
    skipSpace()
    guard position < bytes.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(bytes[position]) else {
      throw damaged("a string is missing at its byte \(position)")
    }
    guard let end = bytes[(position + 1)...].firstIndex(of: bytes[position]) else {
      throw damaged("a string does not end")
    }
    defer { position = end + 1 }
    return String(decoding: bytes[position + 1..<end], as: UTF8.self)
  }

  private mutating func size() throws(NumPyError) -> Int {
    skipSpace()
    var value = 0
    let start = position
    while position < bytes.count, let digit = Character(UnicodeScalar(bytes[position])).wholeNumberValue {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw damaged("a size has too many digits") }
      value = sum
      position += 1
    }
    guard position > start else { throw damaged("a size is missing or negative at its byte \(position)") }
    // Python 2 marked long integers.
    _ = take("L")
    return value
  }

  private mutating func expect(_ text: String) throws(NumPyError) {
    guard take(text) else { throw damaged("'\(text)' is missing at its byte \(position)") }
  }

  private mutating func take(_ text: String) -> Bool {
    skipSpace()
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count, bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) {
      position += 1
    }
  }

  private func damaged(_ reason: String) -> NumPyError { NumPyError("has a damaged .npy header: \(reason)") }
}
