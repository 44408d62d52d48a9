import Importers
import IntegerProgram

/// What bytes (uint8) in a file of inputs are, where pixels and codes could both be meant.
public enum ByteMeaning: String, Sendable, CaseIterable {
  /// Pixels 0 … 255, which for an int8 input stand for the codes −128 … 127 in order.
  case pixels
  /// Codes as they are.
  case codes
}

/// What a command was told of the numbers in its files.
public struct InputMeaning: Sendable {
  /// What bytes are; pixels unless given. The whole numbers of a CSV file are codes unless given.
  public var bytes: ByteMeaning?
  /// Whether all numbers of CSV files are real values, whole or not.
  public var isReal: Bool
  /// What pixels stand for to a network of real numbers; 0 … 1 unless given.
  public var pixels: PixelRange?

  /// What options say; without any, each file's numbers mean what they mean to every command.
  public init(bytes: ByteMeaning? = nil, isReal: Bool = false, pixels: PixelRange? = nil) {
    self.bytes = bytes
    self.isReal = isReal
    self.pixels = pixels
  }

  /// Throws where an option says what bytes are and no file has any: what does nothing must not look as if it did.
  public func expectBytes(in files: [(path: String, array: InputArray)]) throws(FileError) {
    let options = [bytes.map { "--bytes \($0.rawValue)" }, pixels == nil ? nil : "--pixels"].compactMap { $0 }
    guard let option = options.first, let first = files.first, !files.contains(where: \.array.holdsBytes) else { return }
    throw FileError(
      path: first.path,
      reason:
        "holds \(first.array.contents), of which \(option) says nothing: it is about bytes (uint8, PNG) and the whole "
        + "numbers of CSV files. Leave it out")
  }
}

extension ArrayFile {
  /// Whether its numbers may be pixels.
  var mayBePixels: Bool { array.element == .uint8 || format == .csv && !array.element.isFloat }

  /// Whether `meaning` decides what the numbers of this file are for an input of type `type`.
  func isAmbiguous(for type: CodeType) -> Bool { type == .int8 && array.element == .uint8 }

  /// The same file with pixels turned into codes of `type`, where that is what they are.
  func codes(for type: CodeType, bytes meaning: ByteMeaning) -> NumPyArray {
    guard meaning == .pixels, isAmbiguous(for: type) else { return array }
    return NumPyArray(
      element: .int8, shape: array.shape, littleEndian: array.withBytes { $0.map { $0 ^ 0x80 } })
  }

  /// The same file with real values: pixels are what `pixels` says. Throws where it holds codes, which a network of real
  /// numbers has not.
  func reals(_ meaning: InputMeaning, path: String) throws(FileError) -> NumPyArray {
    if array.element.isFloat { return array }
    if meaning.bytes == .codes {
      throw FileError(
        path: path, reason: "is given as codes, and the network is one of real numbers: leave out --bytes codes")
    }
    let range = meaning.pixels ?? .usual
    if array.element == .uint8 {
      let reals = array.withBytes { $0.map { range.real($0) } }
      return NumPyArray(reals, shape: array.shape)
    }
    let integers = array.integers ?? []
    if format == .csv, meaning.isReal { return NumPyArray(integers.map { Float($0) }, shape: array.shape) }
    guard format == .csv, meaning.bytes == .pixels else {
      throw FileError(
        path: path,
        reason: "holds \(format == .csv ? "whole numbers" : "\(array.element)"), which are codes, and the network is one of "
          + "real numbers: give real values (\(format == .csv ? "1.0, or --bytes pixels for pixels 0 … 255" : "float32")), or "
          + "pixels as bytes (uint8)")
    }
    var reals: [Float] = []
    for (place, integer) in integers.enumerated() {
      guard let pixel = UInt8(exactly: integer) else {
        throw FileError(path: path, reason: "number \(place) is \(integer), and no pixel 0 … 255")
      }
      reals.append(range.real(pixel))
    }
    return NumPyArray(reals, shape: array.shape)
  }
}
