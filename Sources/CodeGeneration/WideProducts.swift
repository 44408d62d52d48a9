import IntegerProgram

/// Sums of products of 16-bit codes with 8-bit weights, as a processor's instructions form them.
protocol WideProducts: Sendable {
  var need: ProcessorNeed { get }
  var affine: Affine { get }
  /// Nil where it has another form: then the function leaves the sums.
  var requantization: WideRequantization? { get }
  /// Codes of a window that are read at once.
  var groupSize: Int { get }
  /// Output channels at once.
  var lanes: Int { get }
  var operandAlignment: Int { get }
  /// Biases, weights and factors of channels, in the order they are read; those beyond the last have zeros.
  func stream(_ channels: Range<Int>) -> [Int64]
  /// What a table's comment says of them.
  var note: String { get }
  /// The function that makes the codes, or the sums, of all output channels: of two pixels, or of one where that is all
  /// there is. Its arguments are the codes, the stream, the outputs, `counts`, for two pixels the distances in bytes of
  /// their codes and of their outputs, and `lastArgument`.
  func function(_ writer: inout KernelWriter) -> String
  var counts: String { get }
  var lastArgument: String { get }
  /// A function that copies codes.
  func copyFunction(_ writer: inout KernelWriter) -> String
}

extension WideProducts {
  var lastArgument: String { "" }
  /// Groups of codes in a window; what is missing in the last has weights of zero.
  var groups: Int { (affine.weightsPerOutput + groupSize - 1) / groupSize }
  /// Codes of a window as groups.
  var codes: Int { groups * groupSize }

  /// The weight of an output channel at a place of its window, as a byte.
  func weight(_ output: Int, _ place: Int) -> Int64 {
    let depth = affine.weightsPerOutput
    guard output < affine.geometry.outputChannels, place < depth else { return 0 }
    return Int64(affine.weights[output * depth + place]) & 0xFF
  }
  /// The biases of channels, in two words each where sums take so many.
  func biases(_ channels: some Sequence<Int>) -> [Int64] {
    channels.flatMap { output -> [Int64] in
      let bias = output < affine.bias.count ? affine.bias[output] : 0
      return affine.isLong ? [Self.word(bias), bias >> 32] : [bias]
    }
  }
  func factors(_ channels: some Sequence<Int>) -> [Int64] {
    guard let factors = requantization?.factors else { return [] }
    return channels.map { $0 < factors.count ? factors[$0] : 0 }
  }
  static func word(_ bits: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: bits)) }

  /// What a function's comment says that it makes.
  var made: String { requantization == nil ? "sums" : "codes" }
  /// The type of what a function makes.
  var madeType: String { requantization != nil ? "int16_t" : affine.isLong ? "int64_t" : "int32_t" }
}

extension Affine {
  /// Whether there is one pixel in all, as in a dense layer.
  var isOfOnePixel: Bool { geometry.batch * geometry.outputPixels == 1 }
}
