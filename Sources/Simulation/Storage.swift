import IntegerProgram

/// How codes of a type lie in memory: `code − origin` as UInt8 where 8 bits suffice, else as Int16; accumulators that are
/// codes as Int32. 8-bit dot products want one factor unsigned; so codes are kept that way from step to step.
struct Storage: Sendable, Hashable {
  /// Whether a code takes more than a byte.
  let isWide: Bool
  /// Whether it takes four.
  let isLong: Bool
  /// The code that is stored as zero.
  let origin: Int32

  init(_ type: CodeType) {
    isWide = type.bits > 8
    isLong = type.bits > 16
    origin =
      switch (isWide, type.isSigned) {
      case (false, true): -128
      case (false, false), (true, true): 0
      // 0 … 65535 becomes −32768 … 32767.
      case (true, false): type.bits == 16 ? 32768 : 0
      }
  }

  var bytesPerCode: Int { isLong ? 4 : isWide ? 2 : 1 }

  func stored(_ code: Int32) -> Int32 { code &- origin }
  /// A bound of codes as a bound of stored codes, inside what the memory can hold.
  func stored(bound: Int64) -> Int32 {
    let bound = bound - Int64(origin)
    if isLong { return Int32(clamping: bound) }
    return Int32(isWide ? min(max(bound, -32768), 32767) : min(max(bound, 0), 255))
  }
}

/// An element of memory that holds stored codes.
protocol StoredCode: FixedWidthInteger, BitwiseCopyable, Sendable {}
extension UInt8: StoredCode {}
extension Int16: StoredCode {}
extension Int32: StoredCode {}

/// Where a value's codes lie.
struct Place: Sendable, Hashable {
  /// In bytes from the memory's start.
  let offset: Int
  let storage: Storage
  let count: Int

  var byteCount: Int { count * storage.bytesPerCode }

  func address(in memory: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer { memory + offset }

  func narrow(in memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt8> {
    (memory + offset).assumingMemoryBound(to: UInt8.self)
  }
  func wide(in memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int16> {
    (memory + offset).assumingMemoryBound(to: Int16.self)
  }

  func long(in memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Int32> {
    (memory + offset).assumingMemoryBound(to: Int32.self)
  }

  /// The code of element `index`.
  @inline(__always) func code(_ index: Int, in memory: UnsafeMutableRawPointer) -> Int32 {
    if storage.isLong { return long(in: memory)[index] }
    return (storage.isWide ? Int32(wide(in: memory)[index]) : Int32(narrow(in: memory)[index])) &+ storage.origin
  }

  /// Stores `code`, which is of the value's type, as element `index`.
  @inline(__always) func store(_ code: Int32, at index: Int, in memory: UnsafeMutableRawPointer) {
    if storage.isLong {
      long(in: memory)[index] = code
    } else if storage.isWide {
      wide(in: memory)[index] = Int16(truncatingIfNeeded: code &- storage.origin)
    } else {
      narrow(in: memory)[index] = UInt8(truncatingIfNeeded: code &- storage.origin)
    }
  }

  /// Stores `codes`, which are of the value's type.
  @inline(__always) func store<Code: FixedWidthInteger>(
    _ codes: UnsafeBufferPointer<Code>, in memory: UnsafeMutableRawPointer
  ) {
    if storage.isLong {
      let target = long(in: memory)
      for index in 0..<codes.count { target[index] = Int32(truncatingIfNeeded: codes[index]) }
    } else if storage.isWide {
      let target = wide(in: memory)
      for index in 0..<codes.count {
        target[index] = Int16(truncatingIfNeeded: Int32(truncatingIfNeeded: codes[index]) &- storage.origin)
      }
    } else {
      let target = narrow(in: memory)
      let origin = UInt8(truncatingIfNeeded: storage.origin)
      for index in 0..<codes.count { target[index] = UInt8(truncatingIfNeeded: codes[index]) &- origin }
    }
  }

  /// Copies the codes to `codes`, whose elements must hold the value's type.
  @inline(__always) func load<Code: FixedWidthInteger>(
    into codes: UnsafeMutableBufferPointer<Code>, from memory: UnsafeMutableRawPointer
  ) {
    if storage.isLong {
      let source = long(in: memory)
      for index in 0..<count { codes[index] = Code(truncatingIfNeeded: source[index]) }
    } else if storage.isWide {
      let source = wide(in: memory)
      for index in 0..<count {
        codes[index] = Code(truncatingIfNeeded: Int32(source[index]) &+ storage.origin)
      }
    } else {
      let source = narrow(in: memory)
      let origin = Int16(storage.origin)
      for index in 0..<count { codes[index] = Code(truncatingIfNeeded: Int16(source[index]) &+ origin) }
    }
  }

  func codes(in memory: UnsafeMutableRawPointer) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
      load(into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]), from: memory)
      initialized = count
    }
  }
}
