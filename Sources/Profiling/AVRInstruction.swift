/// Instructions of AVR (AVR Instruction Set Manual, DS40002198), as far as they jump or move the stack pointer.
enum AVRInstruction {
  static func decode(_ word: Int, _ second: Int?, at address: Int) -> Instruction {
    var result = Instruction(bytes: 2)
    let next = address + 2
    switch word {
    case 0x9508, 0x9518: result.flow = .leave
    case 0x9409, 0x9419: result.flow = .unknownJump
    case 0x9509, 0x9519: result.flow = .unknownCall
    case _ where word & 0xFE0F == 0x920F: result.stack = .lowered(1)
    case _ where word & 0xFE0F == 0x900F: result.stack = .lowered(-1)
    // OUT to SPL and SPH.
    case _ where word & 0xFE0F == 0xBE0D || word & 0xFE0F == 0xBE0E: result.stack = .unknown
    case _ where word & 0xFE0C == 0x940C:
      result.bytes = 4
      let place = 2 * ((word >> 3 & 0x3E | word & 1) << 16 | (second ?? 0))
      result.flow = word & 2 != 0 ? .call(place) : .jump(place)
    // LDS and STS have an address behind them.
    case _ where word & 0xFC0F == 0x9000: result.bytes = 4
    case _ where word & 0xF000 == 0xC000: result.flow = .jump(next + 2 * signed(word, bits: 12))
    case _ where word & 0xF000 == 0xD000:
      let place = next + 2 * signed(word, bits: 12)
      // A call of what follows is the shortest way to make room for two bytes.
      if place == next { result.stack = .lowered(2) } else { result.flow = .call(place) }
    case _ where word & 0xF800 == 0xF000: result.flow = .branch(next + 2 * signed(word >> 3, bits: 7))
    // What skips the instruction behind it: SBRC, SBRS, SBIC, SBIS, CPSE.
    case _ where word & 0xFC08 == 0xFC00 || word & 0xFD00 == 0x9900 || word & 0xFC00 == 0x1000:
      let skipped = second.map { decode($0, nil, at: next).bytes } ?? 2
      result.flow = .branch(next + skipped)
    default: break
    }
    return result
  }
}
