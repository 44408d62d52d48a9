import Arithmetic

/// Any function of one code, as a table.
public struct Lookup: Sendable {
  /// The input code that `table[0]` belongs to.
  public var lowest: Int32
  /// The output code of `lowest`, `lowest + 1`, …: one for every code of the input's type.
  public var table: [Int32]
  /// How a device makes the same codes without a table of so many.
  public private(set) var formula: InterpolatedSigmoid?

  public init(lowest: Int32, table: [Int32]) {
    self.lowest = lowest
    self.table = table
  }

  /// The stretches of input codes, from the lowest on, whose output code is the same.
  public var stretches: [(first: Int32, code: Int32)] {
    var stretches: [(first: Int32, code: Int32)] = []
    for (place, code) in table.enumerated() where stretches.last?.code != code {
      stretches.append((lowest + Int32(place), code))
    }
    return stretches
  }

  /// Of all 16-bit codes.
  public init(_ formula: InterpolatedSigmoid) {
    lowest = -32_768
    table = formula.codes
    self.formula = formula
  }
}
