import Testing

/// Whether the optimiser ran: without it generic arithmetic is a thousand times slower, and sweeps shrink.
let isOptimized = {
  var result = true
  assert(
    {
      result = false
      return true
    }())
  return result
}()

/// How many seeded points a sweep takes: `count` in an optimised build.
func points(_ count: Int) -> Int { isOptimized ? count : max(count / 500, 200) }

/// The distance between the points of an exhaustive sweep: 1 in an optimised build.
let exhaustiveStride = isOptimized ? 1 : 251

/// Many comparisons that count as one expectation, because an expectation costs more than the arithmetic it
/// looks at. The first that fails is reported with its operands.
struct Sweep {
  private(set) var count = 0
  private(set) var failures = 0
  private(set) var first: String?

  @inline(__always)
  mutating func expect(_ isTrue: Bool, _ operands: @autoclosure () -> String) {
    count &+= 1
    if isTrue { return }
    failures += 1
    if first == nil { first = operands() }
  }

  @inline(__always)
  mutating func expect<T: Equatable>(_ found: T, _ expected: T, _ operands: @autoclosure () -> String) {
    expect(found == expected, "\(operands()): found \(found), expected \(expected)")
  }
}

/// Runs `body`, which must compare something, and reports what it found.
func sweep(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (inout Sweep) throws -> Void
) rethrows {
  var sweep = Sweep()
  try body(&sweep)
  if let first = sweep.first {
    Issue.record(
      "\(sweep.failures) of \(sweep.count) points differ, first: \(first)", sourceLocation: sourceLocation)
  }
  #expect(sweep.count > 0, "a sweep without points proves nothing", sourceLocation: sourceLocation)
}
