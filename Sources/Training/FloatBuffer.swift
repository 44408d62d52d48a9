/// Floats at a fixed place in memory, for matrix products and loops in C. Whoever shares one between threads sees to it
/// that no two write the same elements.
final class FloatBuffer: @unchecked Sendable {
  let count: Int
  let start: UnsafeMutablePointer<Float>

  /// Zeros.
  init(_ count: Int) {
    self.count = count
    start = .allocate(capacity: max(1, count))
    start.initialize(repeating: 0, count: max(1, count))
  }
  convenience init(_ elements: [Float]) {
    self.init(elements.count)
    for (index, element) in elements.enumerated() { start[index] = element }
  }
  deinit { start.deallocate() }

  var elements: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }

  func clear() { start.update(repeating: 0, count: count) }
  func copy(_ other: FloatBuffer) {
    precondition(other.count == count, "buffers of one size")
    start.update(from: other.start, count: count)
  }
}
