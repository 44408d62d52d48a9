/// A step made ready to run: weights packed, places and constants fixed.
protocol PreparedStep: Sendable {
  func run(in memory: UnsafeMutableRawPointer)
}
