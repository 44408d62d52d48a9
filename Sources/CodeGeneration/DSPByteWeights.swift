/// Four weights in a word as bytes, which two SXTB16 unpack, for codes as X = (x1, x3) and Y = (x0, x2): where 256 times an
/// accumulator would leave 32 bits.
struct DSPByteWeights: DSPWeights {
  /// Sums are multiplied by 2^scaling at the end.
  let scaling: Int
  let timesScale = ""
  var suffix: String { "_wide_\(scaling)" }
  let isPlain = true
  let isFourfold = false
  // A register or two go to parts of the weights.
  let mostPixels = 4

  func words(_ weights: [Int64], groups: Int) -> [Int64] {
    (0..<groups).map { group in
      let w = (0..<4).map { 4 * group + $0 < weights.count ? weights[4 * group + $0] : 0 }
      return Int64(Int32(truncatingIfNeeded: (0..<4).reduce(0) { $0 | (w[$1] & 0xFF) << Int64(8 * $1) }))
    }
  }
  func start(_ bias: Int64, _ weights: [Int64]) -> Int64 { bias }
  func instructions(_ block: Int) -> Int { 2 * block + 3 + (2 * block + 3) / 4 }
  func scaled(_ sum: String) -> [String] { ["lsl \(sum), \(sum), #\(scaling)"] }

  func product(_ block: Int, sums: [String], loads: [String]) -> [String] {
    ["ldr r2, [r0], #4", "sxtb16 r9, r2, ror #8"]
      + products(block, sums, loads, x: "r9", y: "r2", beforeY: "sxtb16 r2, r2")
  }

  func fourfold(_ sums: [String], _ weights: [String]) -> [String] {
    ["ldmia r1!, {r12, lr}", "ldmia r0!, {r8-r11}"] + fourProducts(sums, weights, x: "r12", y: "lr")
  }

  func direct(_ sums: [String], _ weights: [String]) -> [String] {
    ["ldr.w lr, [r1], #4", "sxtb16 r12, lr", "sxtb16 lr, lr, ror #8", "ldmia r0!, {r8-r11}"]
      + fourProducts(sums, weights, x: "lr", y: "r12")
  }

  private func fourProducts(_ sums: [String], _ weights: [String], x: String, y: String) -> [String] {
    zip(sums, weights).flatMap { ["sxtb16 r2, \($1), ror #8", "smlad \($0), r2, \(x), \($0)"] }
      + weights.map { "sxtb16 \($0), \($0)" } + zip(sums, weights).map { "smlad \($0), \($1), \(y), \($0)" }
  }
}
