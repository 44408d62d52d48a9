/// Any function of one code, as a table.
public struct Lookup: Sendable {
  /// The input code that `table[0]` belongs to.
  public var lowest: Int32
  /// The output code of `lowest`, `lowest + 1`, …: one for every code of the input's type.
  public var table: [Int32]

  public init(lowest: Int32, table: [Int32]) {
    self.lowest = lowest
    self.table = table
  }
}
