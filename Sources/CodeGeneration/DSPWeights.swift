/// How weights lie in words, and what multiplies them: by codes that are spread as X and Y of four each.
protocol DSPWeights: Sendable {
  /// What a comment says of the biases that sums begin with.
  var timesScale: String { get }
  /// What of the form is part of a function's name.
  var suffix: String { get }
  /// Whether codes are spread as X = (x1, x3) and Y = (x0, x2).
  var isPlain: Bool { get }
  /// Whether dense layers take four output channels at a time.
  var isFourfold: Bool { get }
  /// The most pixels that registers have room for.
  var mostPixels: Int { get }
  /// Whether the form holds the weights of a channel.
  func holds(_ weights: [Int64]) -> Bool
  /// The words of a channel's weights, for so many words of four codes.
  func words(_ weights: [Int64], groups: Int) -> [Int64]
  /// What the sum of a channel begins with.
  func start(_ bias: Int64, _ weights: [Int64]) -> Int64
  /// About the instructions for four codes of each pixel of a block.
  func instructions(_ block: Int) -> Int
  /// Y of a word of four padding codes, in each half.
  func spreadPadding(_ code: Int32) -> Int32
  /// Makes X in r4 and Y in r12 of the four codes in r4; r5 holds 127 twice where codes are not plain.
  var spreadWord: [String] { get }
  /// Makes r9, words of four codes, the number of groups.
  var rounds: [String] { get }
  /// Sets a register to what the groups need there.
  func mask(_ register: String) -> [String]
  /// Brings a sum to the scale that the requantisation wants.
  func scaled(_ sum: String) -> [String]
  /// A group of weights of one channel from r0 on, and codes of a block of pixels from r1 on; r2 and r9 are free, `loads`
  /// are loaded into.
  func product(_ block: Int, sums: [String], loads: [String]) -> [String]
  /// A group of weights of four channels from r0 on, and codes from r1 on that were spread; r2, r12 and, but for the mask,
  /// lr are free.
  func fourfold(_ sums: [String], _ weights: [String]) -> [String]
  /// The same with four codes that are spread in registers; r2 holds 127 twice where codes are not plain.
  func direct(_ sums: [String], _ weights: [String]) -> [String]
}

extension DSPWeights {
  func holds(_ weights: [Int64]) -> Bool { true }
  func spreadPadding(_ code: Int32) -> Int32 { code }
  var spreadWord: [String] { ["sxtb16 r12, r4", "sxtb16 r4, r4, ror #8"] }
  var rounds: [String] { [] }
  func mask(_ register: String) -> [String] { [] }
  func scaled(_ sum: String) -> [String] { [] }
  func direct(_ sums: [String], _ weights: [String]) -> [String] { [] }

  /// Loads X of a block of pixels and then Y, four words at a time, and multiplies them: X by the weights in register `x`,
  /// Y by those in `y`, which `beforeY` makes.
  func products(
    _ block: Int, _ sums: [String], _ loads: [String], x: String, y: String, beforeY: String
  ) -> [String] {
    Swift.stride(from: 0, to: 2 * block, by: 4).flatMap { start -> [String] in
      let places = start..<min(start + 4, 2 * block)
      let registers = loads.prefix(places.count)
      var lines = ["ldmia r1!, {\(registers.joined(separator: ", "))}"]
      for (place, register) in zip(places, registers) {
        if place == block { lines.append(beforeY) }
        let sum = sums[place % block]
        lines.append("smlad \(sum), \(place < block ? x : y), \(register), \(sum)")
      }
      return lines
    }
  }
}
