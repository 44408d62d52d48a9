import Importers
import IntegerProgram

/// What bytes (uint8) in a file of inputs are, where the network's input is int8 and both could be meant.
public enum ByteMeaning: String, Sendable, CaseIterable {
  /// Pixels 0 … 255, which stand for the codes −128 … 127 in order.
  case pixels
  /// Codes as they are.
  case codes
}

extension ArrayFile {
  /// Whether `meaning` decides what the numbers of this file are for an input of type `type`.
  func isAmbiguous(for type: CodeType) -> Bool { type == .int8 && array.element == .uint8 }

  /// The same file with pixels turned into codes of `type`, where that is what they are.
  func codes(for type: CodeType, bytes meaning: ByteMeaning) -> NumPyArray {
    guard meaning == .pixels, isAmbiguous(for: type) else { return array }
    return NumPyArray(
      element: .int8, shape: array.shape, littleEndian: array.withBytes { $0.map { $0 ^ 0x80 } })
  }
}
