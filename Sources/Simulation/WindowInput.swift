import CSimulationKernels
import IntegerProgram

/// How the input of a convolution lies before its kernel: as the value itself, or as a copy of one image with
/// the padding written out, so that kernels know nothing of edges.
///
/// A copy may also widen codes to 16 bits, repeat channels (depthwise layers with several outputs a channel),
/// and split columns by phase: with a stride of s, columns 0, s, 2s … come first, then 1, s + 1 …, so that
/// the codes a tap reads for a row of outputs are consecutive.
struct WindowInput: Sendable {
  let geometry: WindowGeometry
  let source: Storage
  let isWide: Bool
  let repeats: Int
  let phases: Int
  /// Whether codes must be copied.
  let isCopied: Bool
  /// Rows and columns that some window reads, counted from the padding's begin.
  private let rows, columns: Int
  private let paddingCode: Int32

  init(
    _ geometry: WindowGeometry, source: Storage, isWide: Bool, paddingCode: Int32, repeats: Int = 1,
    phases: Int = 1
  ) {
    self.geometry = geometry
    self.source = source
    self.isWide = isWide
    self.repeats = repeats
    self.phases = phases
    self.paddingCode = source.stored(paddingCode)
    isCopied = geometry.hasPadding || repeats > 1 || phases > 1 || source.isWide != isWide
    rows =
      (geometry.outputHeight - 1) * geometry.strideHeight + (geometry.kernelHeight - 1)
      * geometry.dilationHeight + 1
    columns =
      (geometry.outputWidth - 1) * geometry.strideWidth + (geometry.kernelWidth - 1) * geometry.dilationWidth
      + 1
  }

  var channels: Int { geometry.inputChannels * repeats }
  var bytesPerCode: Int { isWide ? 2 : 1 }
  private var columnsPerPhase: Int { (columns + phases - 1) / phases }
  /// Codes from one row to the next.
  var rowStride: Int { isCopied ? columnsPerPhase * phases * channels : geometry.inputWidth * channels }
  /// Codes from one image to the next, where nothing is copied.
  var imageStride: Int { geometry.inputHeight * geometry.inputWidth * geometry.inputChannels }
  /// Bytes of the copy.
  var byteCount: Int { isCopied ? rows * rowStride * bytesPerCode : 0 }

  /// The code at the begin of a pixel, `row` and `column` counted from the padding's begin.
  func offset(row: Int, column: Int) -> Int {
    row * rowStride + (column % phases * (isCopied ? columnsPerPhase : 0) + column / phases) * channels
  }

  /// Writes the copy of `image` to `target`.
  func copy(image: Int, of source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    let source = source + image * imageStride * self.source.bytesPerCode
    switch (self.source.isWide, isWide) {
    case (false, false):
      if repeats == 1 {
        copyBytes(
          source.assumingMemoryBound(to: UInt8.self), to: target.assumingMemoryBound(to: UInt8.self),
          padding: UInt8(truncatingIfNeeded: paddingCode))
      } else {
        copyCodes(
          source.assumingMemoryBound(to: UInt8.self), to: target.assumingMemoryBound(to: UInt8.self),
          padding: UInt8(truncatingIfNeeded: paddingCode))
      }
    case (false, true):
      copyCodes(
        source.assumingMemoryBound(to: UInt8.self), to: target.assumingMemoryBound(to: Int16.self),
        padding: Int16(truncatingIfNeeded: paddingCode))
    case (true, _):
      copyCodes(
        source.assumingMemoryBound(to: Int16.self), to: target.assumingMemoryBound(to: Int16.self),
        padding: Int16(truncatingIfNeeded: paddingCode))
    }
  }

  /// The image's columns that phase `phase` of the copy shows, as positions in the phase.
  private func inside(phase: Int) -> Range<Int> {
    let first = max(0, (geometry.paddingLeft - phase + phases - 1) / phases)
    let end = max(0, (geometry.paddingLeft + geometry.inputWidth - phase + phases - 1) / phases)
    return min(first, columnsPerPhase)..<min(max(end, first), columnsPerPhase)
  }

  /// Codes in ascending order of their places: the gathering kernel may write a little too far.
  private func copyBytes(
    _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, padding: UInt8
  ) {
    var target = target
    for row in 0..<rows {
      let y = row - geometry.paddingTop
      guard (0..<geometry.inputHeight).contains(y) else {
        target.update(repeating: padding, count: rowStride)
        target += rowStride
        continue
      }
      for phase in 0..<phases {
        let inside = inside(phase: phase)
        target.update(repeating: padding, count: inside.lowerBound * channels)
        let column = inside.lowerBound * phases + phase - geometry.paddingLeft
        let from = source + (y * geometry.inputWidth + column) * channels
        let to = target + inside.lowerBound * channels
        if phases == 1 {
          to.update(from: from, count: inside.count * channels)
        } else {
          lockstep_gather_pixels(from, phases * channels, inside.count, channels, to)
        }
        (target + inside.upperBound * channels)
          .update(repeating: padding, count: (columnsPerPhase - inside.upperBound) * channels)
        target += columnsPerPhase * channels
      }
    }
  }

  private func copyCodes<From: StoredCode, To: StoredCode>(
    _ source: UnsafePointer<From>, to target: UnsafeMutablePointer<To>, padding: To
  ) {
    var target = target
    let inputChannels = geometry.inputChannels
    for row in 0..<rows {
      let y = row - geometry.paddingTop
      for phase in 0..<phases {
        let inside = (0..<geometry.inputHeight).contains(y) ? inside(phase: phase) : 0..<0
        for position in 0..<columnsPerPhase {
          if inside.contains(position) {
            let x = position * phases + phase - geometry.paddingLeft
            let from = source + (y * geometry.inputWidth + x) * inputChannels
            if repeats == 1 {
              for channel in 0..<inputChannels { target[channel] = To(truncatingIfNeeded: from[channel]) }
            } else {
              for channel in 0..<channels {
                target[channel] = To(truncatingIfNeeded: from[channel / repeats])
              }
            }
          } else {
            for channel in 0..<channels { target[channel] = padding }
          }
          target += channels
        }
      }
    }
  }
}
