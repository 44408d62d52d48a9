/// Eight weights of 4 bits in a word, four to a halfword, for codes as X = (x1, x3) and Y = (x0, x2). An AND leaves two
/// weights, each at the top of its halfword, where it is 4096 times itself with its sign: a shift of the operand brings the
/// next two there.
struct DSPNibbleWeights: DSPWeights {
  let timesScale = "4096 times "
  let suffix = "_packed"
  let isPlain = true
  let isFourfold = true
  let mostPixels = 4

  func words(_ weights: [Int64], groups: Int) -> [Int64] {
    (0..<groups / 2).map { pair in
      // In the order of X, Y, X and Y, from the highest bits of each halfword down.
      var bits = Int64(0)
      for (part, place) in [1, 0, 5, 4].enumerated() {
        for (half, place) in [place, place + 2].enumerated() where 8 * pair + place < weights.count {
          bits |= (weights[8 * pair + place] & 15) << Int64(16 * half + 12 - 4 * part)
        }
      }
      return Int64(Int32(truncatingIfNeeded: bits))
    }
  }
  func start(_ bias: Int64, _ weights: [Int64]) -> Int64 { Int64(Int32(truncatingIfNeeded: bias << 12)) }
  func instructions(_ block: Int) -> Int { (1 + 4 * (2 + block)) / 2 }
  let rounds = ["lsr r9, r9, #1"]
  func mask(_ register: String) -> [String] { ["mov \(register), #0xF000F000"] }

  /// The weights of one part of each halfword.
  private func part(_ register: String, _ mask: String, _ word: String, _ part: Int) -> String {
    "and \(register), \(mask), \(word)" + (part > 0 ? ", lsl #\(4 * part)" : "")
  }

  func product(_ block: Int, sums: [String], loads: [String]) -> [String] {
    let registers = loads.prefix(block)
    let load = block == 1 ? "ldr r10, [r1], #4" : "ldmia r1!, {\(registers.joined(separator: ", "))}"
    return ["ldr r2, [r0], #4"]
      + (0..<4).flatMap { part in
        [self.part("r9", "r8", "r2", part), load] + zip(sums, registers).map { "smlad \($0), r9, \($1), \($0)" }
      }
  }

  func fourfold(_ sums: [String], _ weights: [String]) -> [String] {
    ["ldmia r0!, {r8-r11}"]
      + (0..<4).flatMap { part in
        ["ldr r12, [r1], #4"]
          + zip(sums, weights).flatMap { [self.part("r2", "lr", $1, part), "smlad \($0), r2, r12, \($0)"] }
      }
  }
}
