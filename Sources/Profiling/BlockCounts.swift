/// What QEMU's plugin wrote: how often each block of code ran for each step.
struct BlockCounts {
  struct Block: Equatable {
    /// The step, in the order of calls; their number for the function that calls them.
    var owner: Int
    var address: Int
    var executions: Int
    /// How often something else than the code behind it came next.
    var departures: Int
    /// The bytes of each instruction.
    var instructions: [[UInt8]]
  }

  var blocks: [Block] = []
  /// How many steps were entered.
  var entered: Int

  /// Nil where the text is not such a file, whole.
  init?(_ text: String) {
    var entered: Int?
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.first == "entered", fields.count == 2 {
        entered = Int(fields[1])
        continue
      }
      guard fields.count >= 5, let owner = Int(fields[0]), let address = Int(fields[1], radix: 16),
        let executions = Int(fields[2]), let departures = Int(fields[3])
      else { return nil }
      let instructions = fields[4...].compactMap { Self.bytes($0) }
      guard instructions.count == fields.count - 4 else { return nil }
      blocks.append(
        Block(
          owner: owner, address: address, executions: executions, departures: departures, instructions: instructions))
    }
    guard let entered else { return nil }
    self.entered = entered
  }

  private static func bytes(_ text: Substring) -> [UInt8]? {
    let digits = text.utf8.map { Int($0) }
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }

  private static func value(_ digit: Int) -> Int? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
  }
}
