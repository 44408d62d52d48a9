import IntegerProgram

/// Sums over the taps of depthwise windows of 16-bit codes with 8-bit weights, as a processor's instructions form them.
/// The weights of a tap take eight bytes for the channels at a time.
protocol WideTaps: Sendable {
  var need: ProcessorNeed { get }
  var affine: Affine { get }
  var requantization: WideRequantization { get }
  /// Channels at a time.
  var lanes: Int { get }
  var operandAlignment: Int { get }
  /// Biases, weights and factors of the channels from one on, in the order they are read.
  func stream(_ first: Int) -> [Int64]
  /// What a table's comment says of them.
  var note: String { get }
  /// The function for windows inside the image, whose taps are written out: of the codes, the stream, the outputs, how
  /// often so many channels, and the steps in bytes from a tap to the next of its row, from a row's last tap to the next
  /// row's first, and from the last tap to the next channels.
  func wholeFunction(_ writer: inout KernelWriter) -> String
  /// The function for what of windows lies in the image, with a shape in place of the steps.
  func partFunction(_ writer: inout KernelWriter) -> String
}

extension WideTaps {
  private var g: WindowGeometry { affine.geometry }
  /// Words of a stream: biases and factors, and eight bytes for a tap.
  var words: Int { 2 * lanes + 2 * g.taps }
  /// Bytes from a tap's codes to those of the next in its row.
  var columnStep: Int { 2 * g.dilationWidth * g.inputChannels }

  /// What the comment of a function for whole windows says.
  func wholeComment(_ channels: String) -> String {
    "The codes of a pixel, \(channels) channels at a time, whose windows of \(g.kernelHeight) x \(g.kernelWidth) lie in the image."
  }
  /// What that of one for parts of windows says.
  func partComment(_ channels: String) -> String {
    "The codes of a pixel, \(channels) channels at a time, from the taps of their windows that lie in the image. The shape: "
      + "rows and columns of them; bytes from a tap to the next, from behind a row's last to the next row, of weights "
      + "before the first, between two rows, behind the last; from behind the last row to the next \(channels) channels."
  }
  func wholeHead(_ name: String, _ times: String) -> String {
    "void \(name)(\n  const int16_t *x, const int32_t *stream, int16_t *y, int32_t \(times), int32_t column_step, "
      + "int32_t row_step, int32_t back)"
  }
  func partHead(_ name: String, _ times: String) -> String {
    "void \(name)(\n  const int16_t *x, const int32_t *stream, int16_t *y, int32_t \(times), const int32_t *shape)"
  }
}
