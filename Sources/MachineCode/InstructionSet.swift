/// What a processor executes.
public enum InstructionSet: Hashable, Sendable {
  case thumb(ThumbDecoder.Core)
  case riscV

  /// Of the processor that an image is for; Arm's cores differ in what they know.
  public init(of image: ELFImage, core: ThumbDecoder.Core) {
    switch image.architecture {
    case .arm: self = .thumb(core)
    case .riscV: self = .riscV
    }
  }

  /// The instruction of two halfwords; the second is looked at where the first says that there is one. Nil for what is
  /// not known, or undefined.
  public func decode(_ first: UInt16, _ second: UInt16?) -> MachineInstruction? {
    switch self {
    case .thumb(let core): ThumbDecoder(core).decode(first, second).map { .thumb($0) }
    case .riscV: RISCVDecoder().decode(first, second).map { .riscV($0) }
    }
  }

  /// Whether words and halves may lie anywhere; of RISC-V no processor need have them so.
  public var allowsUnaligned: Bool {
    switch self {
    case .thumb(let core): core >= .armv7M
    case .riscV: false
    }
  }

  public var convention: CallingConvention {
    switch self {
    case .thumb: .arm
    case .riscV: .riscV
    }
  }
}

/// An instruction of one of the sets.
public enum MachineInstruction: Hashable, Sendable {
  case thumb(ThumbInstruction)
  case riscV(RISCVInstruction)

  /// 2 or 4.
  public var bytes: Int {
    switch self {
    case .thumb(let instruction): instruction.bytes
    case .riscV(let instruction): instruction.bytes
    }
  }

  /// Executes the instruction at the machine's program counter, which is left where the next one stands.
  @inlinable
  public func execute<M: Machine>(on machine: inout M) throws(MachineFault) {
    switch self {
    case .thumb(let instruction): try instruction.execute(on: &machine)
    case .riscV(let instruction): try instruction.execute(on: &machine)
    }
  }
}

/// Which registers functions and their callers agree upon.
public struct CallingConvention: Hashable, Sendable {
  public var stackPointer, link: Int
  /// The first arguments' registers; the first of them has the result.
  public var arguments: ClosedRange<Int>
  /// Registers, but the stack pointer, that a function leaves as it found them.
  public var preserved: [Int]
  /// What the stack pointer is a multiple of where a function is called.
  public var stackAlignment: UInt32
  /// What is set in an address that is returned to.
  public var returnBit: UInt32

  /// Procedure Call Standard for the Arm Architecture (AAPCS32), section 6.
  public static let arm = Self(
    stackPointer: 13, link: 14, arguments: 0...3, preserved: Array(4...11), stackAlignment: 8, returnBit: 1)
  /// RISC-V ABIs Specification, sections 1 and 2; the pointers to global and to a thread's variables are left alone,
  /// too.
  public static let riscV = Self(
    stackPointer: 2, link: 1, arguments: 10...17, preserved: [3, 4, 8, 9] + Array(18...27), stackAlignment: 16,
    returnBit: 0)
}
