/// Where an image keeps what the program speaks of.
public struct ImageLayout: Sendable {
  /// The function that runs the network, `status run(arena, size)`.
  public var runFunction: String
  /// The steps that have a function of their own, in the order of their calls, and its name.
  public var steps: [(step: Int, function: String)]
  /// The place of each value's codes in the arena; nil for constants.
  public var offsets: [Int?]
  public var arenaBytes: Int
  /// Where the arena lies in this proof, and the stack: its top, and how many bytes may be used.
  public var arena: UInt32
  public var stackTop: UInt32
  public var stackBytes: Int

  public init(
    runFunction: String, steps: [(step: Int, function: String)], offsets: [Int?], arenaBytes: Int, arena: UInt32,
    stackTop: UInt32, stackBytes: Int
  ) {
    self.runFunction = runFunction
    self.steps = steps
    self.offsets = offsets
    self.arenaBytes = arenaBytes
    self.arena = arena
    self.stackTop = stackTop
    self.stackBytes = stackBytes
  }
}
