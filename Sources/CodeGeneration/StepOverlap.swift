import IntegerProgram

/// How far a step's output may reach into the memory of an input that dies with it.
///
/// Kernels walk over their output from its first element to its last. An output that starts `distance` bytes or more
/// below the input never overwrites what is still to be read; that is counted out for each step, pixel by pixel, from
/// the order in which its kernel reads and writes. (The idea is diagonal memory optimisation: Blacker, Bernard and
/// Emerson, 2020.)
enum StepOverlap {
  /// Bytes of a code of the input and of the output.
  struct Widths {
    var input = 1
    var output = 1

    /// Nil where C's rules for the types of what lies in memory forbid that both lie in the same: a byte may be read and
    /// written in the place of anything, wider codes in the place of their like.
    init?(_ input: Value, _ output: Value) {
      (self.input, self.output) = (input.bytesPerCode, output.bytesPerCode)
      guard self.input == self.output || min(self.input, self.output) == 1 else { return nil }
    }
    init() {}

    /// Where each element is read before the one at its place is written.
    func elementwise(_ count: Int) -> Int { max(0, (count - 1) * (output - input)) }
  }

  /// The least distance, in bytes; 0 lets both start at the same place, a negative one lets the output start above. Nil
  /// where they must not share memory.
  static func distance(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    let output = program.values[step.output]
    guard let widths = Widths(program.values[step.inputs[position]], output) else { return nil }
    switch step.operation {
    case .affine(let affine):
      return distance(affine.geometry, widths, pixelsReadFirst: affine.usesPatch && affine.groups == 1 ? 1 : 0)
    case .pool(let pool): return distance(pool.geometry, widths, pixelsReadFirst: 0)
    case .lookup: return widths.elementwise(output.count)
    // Rows are read more than once.
    case .softmax, .normalize: return widths.output <= widths.input ? 0 : nil
    case .combine(let combine):
      let strides = position == 0 ? combine.left.strides : combine.right.strides
      return strides == rowMajor(combine.shape) ? widths.elementwise(output.count) : nil
    // Every column reads all rows again.
    case .product: return nil
    case .signal: return nil
    case .move(let move): return widths.input == widths.output ? distance(move, input: position).map { $0 * widths.input } : nil
    }
  }

  /// For moves, which write code by code in the order of their copies: no code may be written over that is still to be
  /// read. Nil where all is filled first, and for moves of so many codes that counting them out takes its time.
  private static func distance(_ move: Move, input position: Int) -> Int? {
    guard move.fill == nil, move.copies.reduce(0, { $0 + $1.count }) <= mostCodesCounted else { return nil }
    var distance = Int.min
    // The highest place written so far.
    var highest = Int.min
    for copy in move.copies {
      let isRead = copy.operand == position
      var index = [Int](repeating: 0, count: copy.sizes.count)
      var (source, target) = (copy.sourceStart, copy.targetStart)
      for _ in 0..<copy.count {
        if isRead, highest != Int.min { distance = max(distance, highest - source + 1) }
        highest = max(highest, target)
        for axis in index.indices.reversed() {
          index[axis] += 1
          source += copy.sourceStrides[axis]
          target += copy.targetStrides[axis]
          if index[axis] < copy.sizes[axis] { break }
          source -= copy.sizes[axis] * copy.sourceStrides[axis]
          target -= copy.sizes[axis] * copy.targetStrides[axis]
          index[axis] = 0
        }
      }
    }
    return distance == Int.min ? 0 : distance
  }
  private static let mostCodesCounted = 1 << 15

  /// For windows: after output pixel p is written, all later pixels' reads lie above. A kernel may gather the windows of
  /// `pixelsReadFirst` consecutive pixels of an image before it writes the first of them; 0 where it writes a pixel while it
  /// still reads that pixel's window.
  static func distance(_ g: WindowGeometry, _ widths: Widths = Widths(), pixelsReadFirst: Int) -> Int? {
    var distance = Int.min
    // The lowest place that any later pixel reads; the walk goes backwards.
    var lowest = Int.max
    let rows = (0..<g.outputHeight).map {
      firstInside(g.inputRow($0, tap: 0), g.dilationHeight, g.kernelHeight, g.inputHeight)
    }
    let columns = (0..<g.outputWidth).map {
      firstInside(g.inputColumn($0, tap: 0), g.dilationWidth, g.kernelWidth, g.inputWidth)
    }
    let block = max(1, pixelsReadFirst)
    for batch in (0..<g.batch).reversed() {
      for first in stride(from: (g.outputPixels - 1) / block * block, through: 0, by: -block) {
        let end = min(first + block, g.outputPixels)
        let written = (batch * g.outputPixels + end) * g.outputChannels * widths.output
        if pixelsReadFirst > 0, lowest != Int.max { distance = max(distance, written - lowest) }
        for pixel in first..<end {
          guard let row = rows[pixel / g.outputWidth], let column = columns[pixel % g.outputWidth] else { continue }
          let place = ((batch * g.inputHeight + row) * g.inputWidth + column) * g.inputChannels
          lowest = min(lowest, place * widths.input)
        }
        if pixelsReadFirst == 0, lowest != Int.max { distance = max(distance, written - lowest) }
      }
    }
    // A single block, gathered whole before anything is written, may be overwritten at will; stay at its start.
    return distance == Int.min ? 0 : distance
  }

  /// For kernels that compute an image in `blocks` of output pixels, which may overlap; each copies all it reads before it
  /// writes, or writes while it still reads.
  static func distance(
    _ g: WindowGeometry, _ widths: Widths = Widths(), blocks: [Range<Int>], areCopied: Bool
  ) -> Int {
    var distance = Int.min
    var lowest = Int.max
    for batch in (0..<g.batch).reversed() {
      for block in blocks.reversed() {
        let written = (batch * g.outputPixels + block.upperBound) * g.outputChannels * widths.output
        if areCopied, lowest != Int.max { distance = max(distance, written - lowest) }
        for pixel in block {
          let row = firstInside(
            g.inputRow(pixel / g.outputWidth, tap: 0), g.dilationHeight, g.kernelHeight, g.inputHeight)
          let column = firstInside(
            g.inputColumn(pixel % g.outputWidth, tap: 0), g.dilationWidth, g.kernelWidth, g.inputWidth)
          guard let row, let column else { continue }
          let place = ((batch * g.inputHeight + row) * g.inputWidth + column) * g.inputChannels
          lowest = min(lowest, place * widths.input)
        }
        if !areCopied, lowest != Int.max { distance = max(distance, written - lowest) }
      }
    }
    return distance == Int.min ? 0 : distance
  }

  /// The first place inside the image that a window's taps along one axis touch.
  private static func firstInside(_ first: Int, _ dilation: Int, _ kernel: Int, _ size: Int) -> Int? {
    // The first tap at or after 0; the later ones only lie further on.
    let tap = first >= 0 ? 0 : (-first + dilation - 1) / dilation
    let place = first + tap * dilation
    return tap < kernel && place < size ? place : nil
  }

  private static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    return strides
  }
}

extension Affine {
  /// Whether the kernel gathers each window into a patch of consecutive codes before it multiplies. Where a window is
  /// one pixel's channels already, or a depthwise kernel walks the taps, there is nothing to gather.
  var usesPatch: Bool { !isDepthwise && !(geometry.isPointwise && groups == 1) }
  /// Codes of one patch.
  var patchCount: Int { usesPatch ? geometry.taps * channelsPerGroup : 0 }
}
