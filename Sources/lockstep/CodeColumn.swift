import Importers
import IntegerProgram
import Network

/// The codes of one value for a row of vectors, in the width that an array of them has in a file.
struct CodeColumn {
  let value: Value
  private(set) var bytes: [UInt8] = []

  init(_ value: Value) { self.value = value }

  mutating func append(_ codes: [Int32]) {
    if value.type.bits <= 8 {
      bytes += codes.lazy.map { UInt8(truncatingIfNeeded: $0) }
    } else {
      for code in codes {
        for byte in 0..<(value.type.bits <= 16 ? 2 : 4) { bytes.append(UInt8(truncatingIfNeeded: code >> Int32(8 * byte))) }
      }
    }
  }
  mutating func append(_ other: CodeColumn) { bytes += other.bytes }

  /// The bytes that one vector takes.
  var bytesOfVector: Int { max(1, value.count * (value.type.bits <= 8 ? 1 : value.type.bits <= 16 ? 2 : 4)) }

  /// What the codes stand for, `scale · (code − zero point)`, of the same shape. Throws where they have no scale.
  func reals(vectors: Int, path: String) throws(FileError) -> NumPyArray {
    let codes = array(vectors: vectors)
    guard value.scale > 0 else {
      throw FileError(
        path: path, reason: "the output \"\(value.name.printable(60))\" has no scale, by which its codes stand for real values")
    }
    let reals = (codes.integers ?? []).map { value.scale * Float($0 - Int64(value.zeroPoint)) }
    return NumPyArray(reals, shape: codes.shape)
  }

  /// The codes as [vectors, …shape…]; a leading 1 of the value's shape, the batch, gives way to the vectors.
  func array(vectors: Int) -> NumPyArray {
    let element: NumPyArray.Element =
      switch (value.type.bits <= 8, value.type.isSigned) {
      case (false, _) where value.type.bits > 16: .int32
      case (true, true): .int8
      case (true, false): .uint8
      case (false, true): .int16
      case (false, false): .uint16
      }
    let shape = value.shape.first == 1 ? Array(value.shape.dropFirst()) : value.shape
    return NumPyArray(element: element, shape: [vectors] + shape, littleEndian: bytes)
  }
}
