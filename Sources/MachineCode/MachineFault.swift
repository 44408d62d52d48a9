/// Why machine code cannot be read on, at the instruction where the reading stands.
public enum MachineFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// No instruction that is known here.
  case unknownInstruction(bytes: [UInt8])
  /// An instruction, or an operand of one, for which the architecture promises nothing.
  case unpredictable(String)
  /// No memory, or none that may be written (or executed), is there.
  case outside(address: UInt32, bytes: Int, Access)
  case unaligned(address: UInt32, bytes: Int)
  /// What runs next, or where memory is read or written, depends on the network's input.
  case dependsOnData(String)
  case breakpoint(Int)
  case tooManyInstructions(Int)
  /// What the reading has no rule for.
  case unsupported(String)

  public enum Access: String, Hashable, Sendable { case read, written, executed }

  public var description: String {
    switch self {
    case .unknownInstruction(let bytes):
      "an unknown instruction, bytes " + bytes.map { hexadecimal(UInt32($0), digits: 2) }.joined(separator: " ")
    case .unpredictable(let what): "\(what), for which the architecture promises nothing"
    case .outside(let address, let bytes, let access):
      "\(bytes) bytes at 0x\(hexadecimal(address)) are \(access.rawValue), where that is not allowed"
    case .unaligned(let address, let bytes): "\(bytes) bytes at 0x\(hexadecimal(address)) are not aligned"
    case .dependsOnData(let what): "\(what) depends on the network's input"
    case .breakpoint(let number): "a breakpoint, number \(number)"
    case .tooManyInstructions(let most): "more than \(most) instructions"
    case .unsupported(let what): "\(what) is not read"
    }
  }
}

/// A number in hexadecimal, with zeros in front.
public func hexadecimal(_ number: UInt32, digits: Int = 8) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
