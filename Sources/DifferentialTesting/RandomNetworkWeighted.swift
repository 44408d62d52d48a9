import IntegerProgram
import Network

/// A weighted operation before its scales, bias and output quantisation are chosen.
struct RandomWeightedLayer {
  var input: Int
  /// [output channel][weights of that channel], as stored.
  var weights: [[Int32]]
  var weightZeroPoint: Int32 = 0
  /// One weight scale for each output channel instead of one for all.
  var isPerChannel: Bool
  var activation: Activation
  /// On each sampled input, the accumulators without bias; channels last.
  var sums: [[Int]] = []

  var channels: Int { weights.count }

  /// No accumulator of a channel, nor any part of its sum in whatever order and however zero points are
  /// folded, goes beyond this plus the magnitude of the bias.
  func reach(_ channel: Int) -> Int {
    256 * weights[channel].reduce(0) { $0 + Int(abs($1 - weightZeroPoint)) }
  }
}

/// What makes codes of a weighted operation's sums.
struct RandomRequantization {
  /// One for each output channel.
  var weightScales: [Double]
  var bias: [Int]?
  var output: Quantization
}

/// What the effective multipliers' mantissas are like.
private enum Mantissas {
  /// Any.
  case free
  /// Exactly 2^30: every scale ratio is a power of two.
  case smallest
  /// 2^31 − 1, where the input's scale permits it, else close to that.
  case largest
}

extension RandomNetworkBuilder {
  // MARK: Operations

  mutating func addConv2D(to value: Int) -> Int? {
    let image = shape(of: value)
    guard image.count == 4 else { return nil }
    let window = randomWindow(height: image[1], width: image[2], dilates: true)
    let groups = random.chance(0.15) ? random.element(of: (1...image[3]).filter { image[3] % $0 == 0 }) : 1
    let perGroup = random.integer(in: 1...max(1, random.element(of: [2, 8, 16]) / groups))
    let channels = random.chance(0.35) ? image[3] : groups * perGroup
    let size = window.height * window.width * image[3] / groups
    let activation = randomActivation()
    return addWeighted(
      .conv2D(window.window, activation), "CONV_2D", to: value, activation,
      window.geometry(on: image, outputChannels: channels), groups: groups,
      weightShape: [channels, window.height, window.width, image[3] / groups], axis: 0, size: size)
  }

  mutating func addDepthwiseConv2D(to value: Int) -> Int? {
    let image = shape(of: value)
    guard image.count == 4 else { return nil }
    let window = randomWindow(height: image[1], width: image[2], dilates: true)
    let multiplier = random.chance(0.6) ? 1 : random.integer(in: 2...8)
    let channels = image[3] * multiplier
    let activation = randomActivation()
    return addWeighted(
      .depthwiseConv2D(window.window, depthMultiplier: multiplier, activation), "DEPTHWISE_CONV_2D",
      to: value, activation, window.geometry(on: image, outputChannels: channels), groups: image[3],
      weightShape: [1, window.height, window.width, channels], axis: 3, size: window.height * window.width)
  }

  mutating func addTransposeConv(to value: Int) -> Int? {
    let image = shape(of: value)
    guard image.count == 4 else { return nil }
    let (height, width) = (random.integer(in: 1...4), random.integer(in: 1...4))
    let (down, across) = (random.integer(in: 1...3), random.integer(in: 1...3))
    let channels = random.integer(in: 1...max(1, random.element(of: [2, 8])))
    let isSame = random.chance(0.6)
    let activation = randomActivation()
    // The output's size and all else that limits look at; its sums are scattered, not gathered.
    let geometry = WindowGeometry(
      batch: image[0], inputHeight: image[1], inputWidth: image[2], inputChannels: image[3],
      outputHeight: isSame ? image[1] * down : (image[1] - 1) * down + height,
      outputWidth: isSame ? image[2] * across : (image[2] - 1) * across + width, outputChannels: channels,
      kernelHeight: height, kernelWidth: width, strideHeight: down, strideWidth: across,
      paddingTop: isSame ? max(height - down, 0) / 2 : 0, paddingLeft: isSame ? max(width - across, 0) / 2 : 0)
    return addWeighted(
      .transposeConv(
        Window(padding: isSame ? .same : .valid, strideHeight: down, strideWidth: across), activation),
      "TRANSPOSE_CONV", to: value, activation, geometry, groups: 1,
      weightShape: [channels, height, width, image[3]], axis: 0, size: height * width * image[3])
  }

  mutating func addFullyConnected(to value: Int) -> Int? {
    let input = shape(of: value)
    guard let last = input.last else { return nil }
    let count = input.reduce(1, *)
    let keepsDimensions = input.count <= 4 && random.chance(0.25)
    // The vectors are the last dimension, all but the first, or, more rarely, whatever divides the elements.
    let divisors = (1...count).filter { count % $0 == 0 }
    let depth: Int =
      keepsDimensions
      ? last : random.choice(of: [(5, count / input[0]), (3, last), (1, random.element(of: divisors))])
    let batch = count / depth
    let most = max(
      1, min(limits.elements / batch, limits.weightBytes / depth, random.element(of: [4, 16, 48])))
    let units = random.integer(in: 1...most)
    let activation = randomActivation()
    return addWeighted(
      .fullyConnected(keepsDimensions: keepsDimensions, activation), "FULLY_CONNECTED", to: value, activation,
      .dense(batch: batch, inputs: depth, outputs: units), groups: 1, weightShape: [units, depth], axis: 0,
      size: depth, outputShape: keepsDimensions ? input.dropLast() + [units] : [batch, units])
  }

  /// Adds a weighted operation whose output channel has `size` weights; `axis` is that of the output channels
  /// in the stored weights.
  private mutating func addWeighted(
    _ kind: Operation.Kind, _ typeName: String, to value: Int, _ activation: Activation,
    _ geometry: WindowGeometry?, groups: Int, weightShape: [Int], axis: Int, size: Int,
    outputShape: [Int]? = nil
  ) -> Int? {
    guard let geometry, geometry.outputCount <= limits.elements,
      weightBytes + geometry.outputChannels * (size + 4) <= limits.weightBytes,
      geometry.outputCount * size <= limits.multiplyAccumulates
    else { return nil }
    let isDense = typeName == "FULLY_CONNECTED"
    var layer = RandomWeightedLayer(
      input: value, weights: randomWeights(channels: geometry.outputChannels, size: size),
      isPerChannel: random.chance(isDense ? 0.35 : 0.8), activation: activation)
    if isDense && !layer.isPerChannel && random.chance(0.25) {
      layer.weightZeroPoint = Int32(random.element(of: [-128, 127, 1, random.integer(in: -128...127)]))
    }
    let sums = typeName == "TRANSPOSE_CONV" ? scatteredSums : weightedSums
    layer.sums = sums(
      samples[value], zeroPoint(of: value), layer.weights.map { $0.map { $0 - layer.weightZeroPoint } }, geometry, groups)
    guard let requantization = randomRequantization(of: layer) else { return nil }

    weightBytes += geometry.outputChannels * (size + 4)
    let operands = appendWeights(layer, requantization, shape: weightShape, axis: axis)
    let output = outputShape ?? [geometry.batch, geometry.outputHeight, geometry.outputWidth, layer.channels]
    return append(
      kind, typeName, [value] + operands, shape: output, requantization.output,
      codes(
        layer.reals(requantization, inputScale: scale(of: value)), requantization.output,
        activation: activation))
  }

  /// The constants of a weighted operation: weights, and the bias unless it has none.
  private mutating func appendWeights(
    _ layer: RandomWeightedLayer, _ requantization: RandomRequantization, shape: [Int], axis: Int
  ) -> [Int?] {
    let stored = axis == 0 ? layer.weights.flatMap { $0 } : channelsLast(layer.weights)
    let scales = requantization.weightScales.prefix(layer.isPerChannel ? layer.channels : 1).map { Float($0) }
    let weights = appendTensor(
      shape: shape, type: .int8,
      Quantization(
        scales: scales, zeroPoints: scales.map { _ in Int64(layer.weightZeroPoint) },
        axis: scales.count > 1 ? axis : 0),
      constant: stored.map { UInt8(truncatingIfNeeded: $0) })
    guard let bias = requantization.bias else { return random.chance(0.5) ? [weights, nil] : [weights] }
    let inputScale = Float(scale(of: layer.input))
    let constant = integerConstant(
      bias, shape: [bias.count],
      Quantization(scales: scales.map { inputScale * $0 }, zeroPoints: scales.map { _ in 0 }))
    return [weights, constant]
  }

  /// The order of depthwise weights: [height, width, channel].
  private func channelsLast(_ weights: [[Int32]]) -> [Int32] {
    weights[0].indices.flatMap { tap in weights.map { $0[tap] } }
  }

  // MARK: Weights

  /// Weight codes: all of one style, with a channel of another now and then.
  private mutating func randomWeights(channels: Int, size: Int) -> [[Int32]] {
    let style = randomWeightStyle()
    return (0..<channels).map { _ in
      let style = random.chance(0.08) ? randomWeightStyle(includingZero: true) : style
      return (0..<size).map { _ in style.draw(&random) }
    }
  }

  private mutating func randomWeightStyle(includingZero: Bool = false) -> WeightStyle {
    random.choice(of: [
      (8, .uniform), (6, .bell), (2, .full), (2, .small), (3, .ternary), (2, .extreme), (2, .sparse),
      (1, .constant(random.element(of: [-128, -127, 127, 1, -1]))), (includingZero ? 4 : 0, .constant(0)),
    ])
  }

  // MARK: Scales and biases

  /// Scales, bias and output quantisation that suit a layer's sums; nil where accumulators could leave int32.
  private mutating func randomRequantization(of layer: RandomWeightedLayer) -> RandomRequantization? {
    let inputScale = scale(of: layer.input)
    let spread = layer.channelMoments
    var result = RandomRequantization(
      weightScales: randomWeightScales(layer, spread, inputScale: inputScale),
      bias: randomBias(layer, spread), output: Quantization(scales: [1], zeroPoints: [0]))
    result.output = fitted(
      layer.reals(result, inputScale: inputScale), activation: layer.activation, base: inputScale)

    let mantissas: Mantissas = random.choice(of: [(12, .free), (4, .smallest), (4, .largest)])
    switch mantissas {
    case .free: break
    case .smallest: takePowersOfTwo(&result, inputScale: inputScale)
    case .largest: takeLargestMantissas(&result, inputScale: inputScale)
    }
    takeExtremes(&result, layer, inputScale: inputScale)
    result.roundToFile(isPerChannel: layer.isPerChannel)
    return keepWithinInt32(&result, layer, inputScale: inputScale) ? result : nil
  }

  /// Scales that give the output a usual spread in real values, whatever the weights are.
  private mutating func randomWeightScales(
    _ layer: RandomWeightedLayer, _ spread: [(mean: Double, deviation: Double)], inputScale: Double
  ) -> [Double] {
    let squares = spread.reduce(0) { $0 + $1.deviation * $1.deviation }
    let deviation = max((squares / Double(spread.count)).squareRoot(), 1)
    let typical = random.magnitude(exponents: -3...3) / (inputScale * deviation)
    guard layer.isPerChannel else { return spread.map { _ in typical } }
    let evensOut = random.chance(0.5)
    return spread.map { channel in
      typical * random.real(in: 0.5...2) * (evensOut ? deviation / max(channel.deviation, deviation / 64) : 1)
    }
  }

  private mutating func randomBias(
    _ layer: RandomWeightedLayer, _ spread: [(mean: Double, deviation: Double)]
  ) -> [Int]? {
    let style = random.unit()
    if style < 0.12 { return nil }
    if style < 0.18 { return spread.map { _ in 0 } }
    let centres = style < 0.7
    return spread.map { channel in
      let noise = random.real(in: -1.5...1.5) * max(channel.deviation, 1)
      return Int((centres ? noise - channel.mean : noise).rounded())
    }
  }

  /// Makes every scale ratio a power of two.
  private func takePowersOfTwo(_ result: inout RandomRequantization, inputScale: Double) {
    result.weightScales = result.weightScales.map(powerOfTwo)
    let ratio = powerOfTwo(near: Double(result.output.scales[0]) / inputScale)
    result.output.scales = [Float(inputScale * ratio)]
  }

  /// Seeks scales whose quotient falls short of a power of two by 2^−31 of it. Only a product of two float32
  /// numbers comes that close; where the input's scale has too few digits for one, 2^31 − 128 is the nearest
  /// mantissa.
  private mutating func takeLargestMantissas(_ result: inout RandomRequantization, inputScale: Double) {
    let wanted = Double(result.output.scales[0])
    for _ in 0..<1500 {
      let output = Float(wanted * random.real(in: 0.9...1.1))
      let weight = Float(Double(output) / inputScale * (1 - 0x1p-31))
      guard inputScale * Double(weight) / Double(output) < 1,
        (inputScale * Double(weight) / Double(output) * 0x1p31).rounded() == 0x1p31 - 1
      else { continue }
      result.output.scales = [output]
      result.weightScales = result.weightScales.map { Double(weight) * powerOfTwo(near: $0 / Double(weight)) }
      return
    }
    takePowersOfTwo(&result, inputScale: inputScale)
    result.weightScales = result.weightScales.map { $0 * (1 - 0x1p-24) }
  }

  /// Gives some channels of some layers multipliers far from those that fit, or biases near int32's ends.
  private mutating func takeExtremes(
    _ result: inout RandomRequantization, _ layer: RandomWeightedLayer, inputScale: Double
  ) {
    guard layer.isPerChannel else {
      guard random.chance(0.06) else { return }
      if random.chance(0.5) {
        let multiplier = randomMultiplier()
        for channel in 0..<layer.channels {
          setMultiplier(multiplier, of: channel, in: &result, layer, inputScale: inputScale)
        }
      } else {
        setLargeBias(of: random.integer(in: 0...layer.channels - 1), in: &result, layer)
      }
      return
    }
    guard random.chance(0.35) else { return }
    for channel in 0..<layer.channels where random.chance(0.3) {
      if random.chance(0.2) {
        setLargeBias(of: channel, in: &result, layer)
      } else {
        setMultiplier(randomMultiplier(), of: channel, in: &result, layer, inputScale: inputScale)
      }
    }
  }

  /// A multiplier with an exponent of −31 to 3, or, rarely, one so small that it counts as zero.
  private mutating func randomMultiplier() -> Double {
    let exponent = random.chance(0.03) ? -34 : random.integer(in: -31...3)
    let mantissa = random.choice(of: [(2, 0.5), (1, 1 - 0x1p-24), (3, random.real(in: 0.5...0.999))])
    return Double(sign: .plus, exponent: exponent, significand: 1) * mantissa
  }

  /// Sets a channel's weight scale so that its effective multiplier is about `multiplier`. Where that is so
  /// small that the weights hardly matter, the bias is set to reach any code, as far as int32 allows.
  private mutating func setMultiplier(
    _ multiplier: Double, of channel: Int, in result: inout RandomRequantization,
    _ layer: RandomWeightedLayer, inputScale: Double
  ) {
    let scale = multiplier * Double(result.output.scales[0]) / inputScale
    guard scale > 0x1p-80, Double(layer.reach(channel)) * max(multiplier, 1) < 0x1p30 else { return }
    result.weightScales[channel] = scale
    let room = Double((1 << 31) - 1024 - layer.reach(channel))
    if multiplier < 0x1p-8 {
      result.bias?[channel] = Int(min(max(random.real(in: -120...120) / multiplier, -room), room))
    }
  }

  /// Lets a channel's worst accumulator end just inside int32, or half way there.
  private mutating func setLargeBias(
    of channel: Int, in result: inout RandomRequantization, _ layer: RandomWeightedLayer
  ) {
    let largest = random.chance(0.5) ? (1 << 31) - 1024 : 1 << 30
    let room = max(0, largest - layer.reach(channel))
    result.bias?[channel] = random.chance(0.5) ? room : -room
  }

  /// Limits biases so that no accumulator leaves int32, left shift included; false where that cannot suffice.
  private func keepWithinInt32(
    _ result: inout RandomRequantization, _ layer: RandomWeightedLayer, inputScale: Double
  ) -> Bool {
    for channel in 0..<layer.channels {
      let multiplier = inputScale * result.weightScales[channel] / Double(result.output.scales[0])
      let leftShift = max(Int(multiplier.exponent) + 1, 0)
      guard leftShift < 24 else { return false }
      let room = (((1 << 31) - 1024) >> leftShift) - layer.reach(channel)
      guard room > 0 else { return false }
      if let bias = result.bias?[channel] { result.bias?[channel] = bias.limited(to: -room...room) }
    }
    return true
  }
}

extension RandomRequantization {
  /// The scales as a file stores them: float32, and one alone where channels share it.
  fileprivate mutating func roundToFile(isPerChannel: Bool) {
    weightScales = weightScales.map { Double(Float(isPerChannel ? $0 : weightScales[0])) }
  }
}

extension RandomWeightedLayer {
  /// The mean and deviation of each channel's sums on the sampled inputs.
  fileprivate var channelMoments: [(mean: Double, deviation: Double)] {
    (0..<channels).map { channel in
      moments(
        sums.lazy.flatMap { sample in
          stride(from: channel, to: sample.count, by: channels).lazy.map { Double(sample[$0]) }
        })
    }
  }

  /// What the accumulators stand for.
  fileprivate func reals(_ requantization: RandomRequantization, inputScale: Double) -> [[Double]] {
    sums.map { sample in
      sample.indices.map { index in
        let channel = index % channels
        return Double(sample[index] + (requantization.bias?[channel] ?? 0)) * inputScale
          * requantization.weightScales[channel]
      }
    }
  }
}

/// What the weights of a channel are like.
private enum WeightStyle {
  /// −127 … 127, which converters keep to.
  case uniform
  /// −128 … 127.
  case full
  /// Mostly small, as trained weights are.
  case bell
  /// −2 … 2.
  case small
  /// −1, 0 or 1.
  case ternary
  /// −127 or 127.
  case extreme
  /// Mostly zero.
  case sparse
  case constant(Int32)

  func draw(_ random: inout SeededGenerator) -> Int32 {
    switch self {
    case .uniform: Int32(random.integer(in: -127...127))
    case .full: Int32(random.integer(in: -128...127))
    case .bell: Int32((0..<4).reduce(0) { sum, _ in sum + random.integer(in: -127...127) } / 4)
    case .small: Int32(random.integer(in: -2...2))
    case .ternary: Int32(random.integer(in: -1...1))
    case .extreme: random.chance(0.5) ? -127 : 127
    case .sparse: random.chance(0.85) ? 0 : Int32(random.integer(in: -127...127))
    case .constant(let code): code
    }
  }
}
