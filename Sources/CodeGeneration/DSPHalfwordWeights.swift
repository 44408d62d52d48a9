/// Four weights in a word as two halfwords, 256 · w1 + w0 and 256 · w3 + w2.
///
/// With X = (x1, x3) and Y = (256 · x0 + 127 − x1, 256 · x2 + 127 − x3), SMLAD of the weights' word with X, and of its low
/// bytes (w0, w2) with Y, add up to 256 · (w0·x0 + w1·x1 + w2·x2 + w3·x3) + 127 · (w0 + w2): the weights take no more
/// flash than bytes do, one SXTB16 unpacks four of them for all pixels of a block, and the sum comes as the fused
/// requantisation's high product wants it. The 127, which keeps Y in 16 bits, is taken off the bias. Sums wrap modulo
/// 2^32 on the way and end in range, since 256 times the proved accumulator is.
struct DSPHalfwordWeights: DSPWeights {
  let timesScale = "256 times "
  let suffix = ""
  let isPlain = false
  let isFourfold = true
  let mostPixels = 6

  /// The one pair that leaves 16 bits is −128 above a negative byte.
  func holds(_ weights: [Int64]) -> Bool {
    stride(from: 1, to: weights.count, by: 2).allSatisfy { weights[$0] != -128 || weights[$0 - 1] >= 0 }
  }

  func words(_ weights: [Int64], groups: Int) -> [Int64] {
    (0..<groups).map { group in
      let w = (0..<4).map { 4 * group + $0 < weights.count ? weights[4 * group + $0] : 0 }
      let (low, high) = (256 * w[1] + w[0], 256 * w[3] + w[2])
      return Int64(Int32(truncatingIfNeeded: (high << 16) | (low & 0xFFFF)))
    }
  }

  func start(_ bias: Int64, _ weights: [Int64]) -> Int64 {
    let even = stride(from: 0, to: weights.count, by: 2).reduce(Int64(0)) { $0 + weights[$1] }
    return Int64(Int32(truncatingIfNeeded: 256 * bias - 127 * even))
  }

  func instructions(_ block: Int) -> Int { 2 * block + 2 + (2 * block + 3) / 4 }
  func spreadPadding(_ code: Int32) -> Int32 { 255 * code + 127 }
  let spreadWord = ["uxtb16 r12, r4", "sxtb16 r4, r4, ror #8", "orr r12, r5, r12, lsl #8", "ssub16 r12, r12, r4"]

  func product(_ block: Int, sums: [String], loads: [String]) -> [String] {
    ["ldr r2, [r0], #4"] + products(block, sums, loads, x: "r2", y: "r2", beforeY: "sxtb16 r2, r2")
  }

  func fourfold(_ sums: [String], _ weights: [String]) -> [String] {
    ["ldmia r1!, {r12, lr}", "ldmia r0!, {r8-r11}"] + fourProducts(sums, weights, x: "r12", y: "lr")
  }

  func direct(_ sums: [String], _ weights: [String]) -> [String] {
    [
      "ldr.w lr, [r1], #4", "uxtb16 r12, lr", "sxtb16 lr, lr, ror #8", "orr r12, r2, r12, lsl #8", "ssub16 r12, r12, lr",
      "ldmia r0!, {r8-r11}",
    ] + fourProducts(sums, weights, x: "lr", y: "r12")
  }

  private func fourProducts(_ sums: [String], _ weights: [String], x: String, y: String) -> [String] {
    zip(sums, weights).map { "smlad \($0), \($1), \(x), \($0)" } + weights.map { "sxtb16 \($0), \($0)" }
      + zip(sums, weights).map { "smlad \($0), \($1), \(y), \($0)" }
  }
}
