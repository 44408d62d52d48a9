/// Zeroed memory, aligned for vector instructions, that may be read a little past its end.
final class Memory: @unchecked Sendable {
  let start: UnsafeMutableRawPointer
  let byteCount: Int
  /// How far kernels may reach past an array's end.
  static let slack = 256

  init(byteCount: Int) {
    self.byteCount = byteCount
    start = UnsafeMutableRawPointer.allocate(byteCount: byteCount + Memory.slack, alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + Memory.slack)
  }

  deinit { start.deallocate() }
}

/// An array that never changes nor moves, for kernels to point to.
final class Constants<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  private let memory: Memory
  let count: Int

  init(_ elements: [Element]) {
    count = elements.count
    memory = Memory(byteCount: elements.count * MemoryLayout<Element>.stride)
    elements.withUnsafeBytes {
      memory.start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory.start), byteCount: $0.count)
    }
  }

  var pointer: UnsafePointer<Element> { UnsafePointer(memory.start.assumingMemoryBound(to: Element.self)) }
  var raw: UnsafeRawPointer { UnsafeRawPointer(memory.start) }
}
