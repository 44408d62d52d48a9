import IntegerProgram
import Simulation

/// What one side computed on one vector: the bytes of every step's output, one after another, then those of the
/// network's outputs once more, from a run without an observer.
package struct Trace {
  /// Where a byte belongs.
  struct Place {
    /// The step; nil for the outputs of the run without an observer.
    var step: Int?
    var value: Int
    var element: Int
  }

  package let program: IntegerProgram
  /// The values in the order their bytes come, and the step each belongs to.
  let parts: [(step: Int?, value: Int)]
  let byteCount: Int
  /// Those of the outputs alone.
  var outputBytes: Int { program.outputs.reduce(0) { $0 + program.values[$1].count * program.values[$1].bytesPerCode } }

  package init(of program: IntegerProgram) {
    self.program = program
    parts =
      program.steps.enumerated().map { (Optional($0.offset), $0.element.output) } + program.outputs.map { (nil, $0) }
    byteCount = parts.reduce(0) { $0 + program.values[$1.value].count * program.values[$1.value].bytesPerCode }
  }

  /// The bytes the simulator gives for one vector.
  func expected(_ simulator: Simulator, _ inputs: [[Int32]]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    let outputs = try simulator.run(inputs) { _, value, codes in append(codes, value, &bytes) }
    for (index, value) in program.outputs.enumerated() { append(outputs[index], value, &bytes) }
    return bytes
  }

  package func append(_ codes: [Int32], _ value: Int, _ bytes: inout [UInt8]) {
    let width = program.values[value].bytesPerCode
    if width == 1 {
      for code in codes { bytes.append(UInt8(truncatingIfNeeded: code)) }
    } else {
      for code in codes { for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: code >> Int32(8 * byte))) } }
    }
  }

  func place(ofByte offset: Int) -> Place {
    var start = 0
    for part in parts {
      let width = program.values[part.value].bytesPerCode
      let size = program.values[part.value].count * width
      if offset < start + size { return Place(step: part.step, value: part.value, element: (offset - start) / width) }
      start += size
    }
    return Place(step: nil, value: program.outputs[0], element: 0)
  }

  /// The code whose bytes include `offset`.
  func code(atByte offset: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    var start = 0
    for part in parts {
      let value = program.values[part.value]
      let width = value.bytesPerCode
      let size = value.count * width
      if offset < start + size {
        let first = start + (offset - start) / width * width
        var code: Int32 = 0
        for byte in 0..<width { code |= Int32(bytes[first + byte]) << Int32(8 * byte) }
        let unused = Int32(32 - 8 * width)
        return value.type.isSigned ? (code << unused) >> unused : code
      }
      start += size
    }
    return 0
  }
}
