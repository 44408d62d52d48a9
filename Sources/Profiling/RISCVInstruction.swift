/// Instructions of RV32IMAC (The RISC-V Instruction Set Manual, volume I, chapters 2 and 16), as far as they jump or move
/// the stack pointer.
enum RISCVInstruction {
  private static let ra = 1, sp = 2

  static func full(_ word: Int, at address: Int) -> Instruction {
    var result = Instruction(bytes: 4)
    let (opcode, target, source) = (word & 0x7F, word >> 7 & 31, word >> 15 & 31)
    let immediate = signed(word >> 20, bits: 12)
    switch opcode {
    case 0x6F:
      let offset =
        (word >> 31 & 1) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
      let place = address + signed(offset, bits: 21)
      result.flow = target == 0 ? .jump(place) : .call(place)
    case 0x67: result.flow = target != 0 ? .unknownCall : source == ra ? .leave : .unknownJump
    case 0x63:
      let offset =
        (word >> 31 & 1) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
      result.flow = .branch(address + signed(offset, bits: 13))
    // ADDI of the stack pointer.
    case 0x13 where target == sp && source == sp && word >> 12 & 7 == 0: result.stack = .lowered(-immediate)
    // Anything else that has a target register; stores and branches have none.
    case 0x13, 0x33, 0x03, 0x37, 0x17: if target == sp { result.stack = .unknown }
    default: break
    }
    return result
  }

  static func compressed(_ half: Int, at address: Int) -> Instruction {
    var result = Instruction(bytes: 2)
    let register = half >> 7 & 31
    func bit(_ from: Int, _ to: Int) -> Int { (half >> from & 1) << to }
    switch (half & 3, half >> 13) {
    case (1, 1), (1, 5):
      let high = bit(12, 11) | bit(8, 10) | bit(10, 9) | bit(9, 8) | bit(6, 7)
      let offset = high | bit(7, 6) | bit(2, 5) | bit(11, 4) | (half >> 3 & 7) << 1
      let place = address + signed(offset, bits: 12)
      result.flow = half >> 13 == 1 ? .call(place) : .jump(place)
    case (1, 6), (1, 7):
      let offset = bit(12, 8) | (half >> 10 & 3) << 3 | (half >> 5 & 3) << 6 | (half >> 3 & 3) << 1 | bit(2, 5)
      result.flow = .branch(address + signed(offset, bits: 9))
    case (1, 3) where register == sp:
      let value = bit(12, 9) | bit(6, 4) | bit(5, 6) | (half >> 3 & 3) << 7 | bit(2, 5)
      result.stack = .lowered(-signed(value, bits: 10))
    case (1, 0) where register == sp: result.stack = .lowered(-signed(bit(12, 5) | half >> 2 & 31, bits: 6))
    case (1, 2) where register == sp, (2, 2) where register == sp: result.stack = .unknown
    case (2, 4):
      let source = half >> 2 & 31
      if source != 0 {
        if register == sp { result.stack = .unknown }
      } else if register != 0 {
        result.flow = half & 0x1000 != 0 ? .unknownCall : register == ra ? .leave : .unknownJump
      }
    default: break
    }
    return result
  }
}
