import Arithmetic

/// How a window slides over a batch of images: shapes, strides, dilation, and the rows and columns added before the
/// first, never negative. Padding after the last follows from the output's size. A dense layer is a 1 × 1 window on a 1 × 1 image.
public struct WindowGeometry: Sendable, Hashable {
  public var batch: Int
  public var inputHeight, inputWidth, inputChannels: Int
  public var outputHeight, outputWidth, outputChannels: Int
  public var kernelHeight, kernelWidth: Int
  public var strideHeight, strideWidth: Int
  public var dilationHeight, dilationWidth: Int
  public var paddingTop, paddingLeft: Int

  public init(
    batch: Int, inputHeight: Int, inputWidth: Int, inputChannels: Int, outputHeight: Int, outputWidth: Int,
    outputChannels: Int, kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1,
    dilationHeight: Int = 1, dilationWidth: Int = 1, paddingTop: Int = 0, paddingLeft: Int = 0
  ) {
    self.batch = batch
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.strideHeight = strideHeight
    self.strideWidth = strideWidth
    self.dilationHeight = dilationHeight
    self.dilationWidth = dilationWidth
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
  }

  /// The geometry of a dense layer on `batch` vectors.
  public static func dense(batch: Int, inputs: Int, outputs: Int) -> WindowGeometry {
    WindowGeometry(
      batch: batch, inputHeight: 1, inputWidth: 1, inputChannels: inputs, outputHeight: 1, outputWidth: 1,
      outputChannels: outputs, kernelHeight: 1, kernelWidth: 1)
  }

  public var inputCount: Int { batch * inputHeight * inputWidth * inputChannels }
  public var outputCount: Int { batch * outputPixels * outputChannels }
  /// Pixels of one output image.
  public var outputPixels: Int { outputHeight * outputWidth }
  public var taps: Int { kernelHeight * kernelWidth }

  /// The input row that tap `tap` of output row `row` reads; outside the image where padding stands.
  @inlinable public func inputRow(_ row: Int, tap: Int) -> Int { row * strideHeight - paddingTop + tap * dilationHeight }
  @inlinable public func inputColumn(_ column: Int, tap: Int) -> Int {
    column * strideWidth - paddingLeft + tap * dilationWidth
  }

  /// Whether some window reaches outside the image.
  public var hasPadding: Bool {
    paddingTop > 0 || paddingLeft > 0
      || inputRow(outputHeight - 1, tap: kernelHeight - 1) >= inputHeight
      || inputColumn(outputWidth - 1, tap: kernelWidth - 1) >= inputWidth
  }

  /// Whether each output pixel reads just the input pixel at its own place.
  public var isPointwise: Bool {
    taps == 1 && strideHeight == 1 && strideWidth == 1 && !hasPadding && inputHeight == outputHeight
      && inputWidth == outputWidth
  }
}

/// Weighted sums of codes, and their requantisation: dense layers, convolutions, depthwise and grouped convolutions.
///
/// Output channel o of a pixel is `requantize(bias[o] + Σ weights[o, tap, i] · x[tap, first + i])`, where i runs over
/// the channels of o's group and a tap outside the image reads `paddingCode`. All zero points are folded into `bias`.
public struct Affine: Sendable {
  public var geometry: WindowGeometry
  /// Input channels fall into this many equal groups, and so do output channels; a depthwise convolution has one for
  /// each input channel.
  public var groups: Int
  /// The input code that stands for nothing: the input's zero point.
  public var paddingCode: Int32
  /// [output channel, kernel row, kernel column, input channel within the group], zero point subtracted.
  public var weights: [Int16]
  /// One for each output channel; 32 bits hold it unless accumulators take 64.
  public var bias: [Int64]
  /// For each output channel, the proved range of the accumulator and of every partial sum on the way to it.
  public var accumulators: [ClosedRange<Int64>]
  public var requantization: Requantization

  public init(
    geometry: WindowGeometry, groups: Int, paddingCode: Int32, weights: [Int16], bias: [some BinaryInteger],
    accumulators: [ClosedRange<Int64>], requantization: Requantization
  ) {
    self.geometry = geometry
    self.groups = groups
    self.paddingCode = paddingCode
    self.weights = weights
    self.bias = bias.map { Int64($0) }
    self.accumulators = accumulators
    self.requantization = requantization
  }

  /// Whether accumulators take a register of 64 bits: those of some channel are not proved to fit 32.
  public var isLong: Bool { accumulators.contains { !$0.fits32 } }
  public var channelsPerGroup: Int { geometry.inputChannels / groups }
  public var outputsPerGroup: Int { geometry.outputChannels / groups }
  /// Weights of one output channel.
  public var weightsPerOutput: Int { geometry.taps * channelsPerGroup }
  /// One output channel for each input channel, each reading its own alone.
  public var isDepthwise: Bool {
    groups > 1 && groups == geometry.inputChannels && groups == geometry.outputChannels
  }
  public var multiplyAccumulates: Int { geometry.outputCount * weightsPerOutput }
}
