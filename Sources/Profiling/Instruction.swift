/// What is to be known of a machine instruction to bound the stack: what may run next, and what becomes of the stack
/// pointer.
struct Instruction: Equatable {
  enum Flow: Equatable {
    /// The instruction behind it.
    case next
    case jump(Int)
    /// Either the target or the instruction behind it.
    case branch(Int)
    case call(Int)
    /// A call of what a register or a table names.
    case unknownCall
    /// Returns to the caller.
    case leave
    /// Goes on where a register or a table says: at another part of the function, or in another function.
    case unknownJump
  }

  enum Stack: Equatable {
    /// Lowered by so many bytes; raised where negative.
    case lowered(Int)
    case unknown
  }

  var bytes: Int
  var flow: Flow = .next
  var stack: Stack = .lowered(0)
  /// How many instructions behind it may be passed over: those of an IT block.
  var conditions = 0
}

/// A processor's instructions, as far as they are read.
enum InstructionSet {
  case thumb, riscV, avr

  /// By ELF's number of the processor.
  init?(machine: Int) {
    switch machine {
    case 40: self = .thumb
    case 83: self = .avr
    case 243: self = .riscV
    default: return nil
    }
  }

  /// What a call puts onto the stack before anything else.
  var callBytes: Int { self == .avr ? 2 : 0 }

  /// The instruction at the start of `code`, which lies at `address`; nil where there is none.
  func decode(_ code: ArraySlice<UInt8>, at address: Int) -> Instruction? {
    guard code.count >= 2 else { return nil }
    func half(_ index: Int) -> Int? {
      let at = code.startIndex + 2 * index
      return at + 1 < code.endIndex ? Int(code[at]) | Int(code[at + 1]) << 8 : nil
    }
    guard let first = half(0) else { return nil }
    switch self {
    case .thumb:
      guard ThumbInstruction.isWide(first) else { return ThumbInstruction(first, nil).instruction(at: address) }
      return half(1).map { ThumbInstruction(first, $0).instruction(at: address) }
    case .riscV:
      guard first & 3 == 3 else { return RISCVInstruction.compressed(first, at: address) }
      return half(1).map { RISCVInstruction.full(first | $0 << 16, at: address) }
    case .avr: return AVRInstruction.decode(first, half(1), at: address)
    }
  }
}

/// The two's complement reading of the lowest `bits` of a number.
func signed(_ number: Int, bits: Int) -> Int {
  let shift = Int.bitWidth - bits
  return (number << shift) >> shift
}
