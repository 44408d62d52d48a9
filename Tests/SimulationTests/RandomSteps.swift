import Arithmetic
import IntegerProgram

/// Numbers that are the same on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension SeededGenerator {
  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[int(0...elements.count - 1)] }
  mutating func bool() -> Bool { Bool.random(using: &self) }

  mutating func type() -> CodeType {
    pick([
      .int8, .int8, .int8, .uint8, CodeType(bits: 4, isSigned: true), CodeType(bits: 1, isSigned: false),
      CodeType(bits: 16, isSigned: true), CodeType(bits: 16, isSigned: false),
      CodeType(bits: 12, isSigned: false),
    ])
  }
  mutating func code(of type: CodeType) -> Int32 { Int32(Int64.random(in: type.range, using: &self)) }
  mutating func codes(_ count: Int, of type: CodeType) -> [Int32] {
    // Some tensors hold nothing but extremes.
    let extremes = int(0...9) == 0
    return (0..<count).map { _ in
      extremes ? Int32(bool() ? type.range.lowerBound : type.range.upperBound) : code(of: type)
    }
  }

  /// What brings numbers up to about `magnitude` to codes of `type`.
  mutating func multiplier(magnitude: Int, to type: CodeType) -> Multiplier {
    let mantissa = int(0...20) == 0 ? 1 << 30 : int(1 << 30...(1 << 31) - 1)
    let range = Int(type.range.upperBound - type.range.lowerBound)
    var exponent = 1
    while exponent > -30, (magnitude << max(exponent, 0)) >> -min(exponent, 0) > range { exponent -= 1 }
    return Multiplier(mantissa: Int32(mantissa), exponent: min(max(exponent + int(-1...1), -31), 3))
  }

  mutating func requantization(channels: Int, magnitude: Int, to type: CodeType) -> Requantization {
    let low = bool() ? type.range.lowerBound : Int64(code(of: type))
    let high = bool() ? type.range.upperBound : Int64.random(in: low...type.range.upperBound, using: &self)
    return Requantization(
      multipliers: (0..<(bool() ? channels : 1)).map { _ in multiplier(magnitude: magnitude, to: type) },
      rounding: pick(Rounding.allCases), zeroPoint: bool() ? Int32(low) : code(of: type), clamp: low...high)
  }

  mutating func geometry(inputChannels: Int, outputChannels: Int) -> WindowGeometry {
    let (kernelHeight, kernelWidth) = (int(1...4), int(1...4))
    let (dilationHeight, dilationWidth) = (pick([1, 1, 2]), pick([1, 1, 2, 3]))
    let (strideHeight, strideWidth) = (int(1...3), int(1...3))
    let (spanHeight, spanWidth) = (
      (kernelHeight - 1) * dilationHeight + 1, (kernelWidth - 1) * dilationWidth + 1
    )
    let pads = bool()
    let (top, left) = pads ? (int(0...spanHeight - 1), int(0...spanWidth - 1)) : (0, 0)
    let (bottom, right) = pads ? (int(0...spanHeight - 1), int(0...spanWidth - 1)) : (0, 0)
    let height = int(max(1, spanHeight - top - bottom)...12)
    let width = int(max(1, spanWidth - left - right)...12)
    return WindowGeometry(
      batch: pick([1, 1, 2]), inputHeight: height, inputWidth: width, inputChannels: inputChannels,
      outputHeight: max(0, height + top + bottom - spanHeight) / strideHeight + 1,
      outputWidth: max(0, width + left + right - spanWidth) / strideWidth + 1, outputChannels: outputChannels,
      kernelHeight: kernelHeight, kernelWidth: kernelWidth, strideHeight: strideHeight,
      strideWidth: strideWidth,
      dilationHeight: dilationHeight, dilationWidth: dilationWidth, paddingTop: top, paddingLeft: left)
  }

  /// An affine step from codes of `input` to codes of `output`, with sums that fit 32 bits.
  mutating func affine(
    _ geometry: WindowGeometry, groups: Int, input: CodeType, output: CodeType
  ) -> Affine {
    let count = geometry.taps * geometry.inputChannels / groups
    let widest = Int(max(abs(input.range.lowerBound), input.range.upperBound))
    // Per-tensor zero points make 9-bit weights; the short codes of other formats leave room for 16 bits.
    let largest = min(pick([7, 127, 127, 255, 32767]), max(1, (1 << 28) / widest / count))
    let weights = (0..<count * geometry.outputChannels).map { _ in
      Int16(int(-largest - (largest == 127 || largest == 32767 ? 1 : 0)...largest))
    }
    let bias = (0..<geometry.outputChannels).map { _ in Int32(int(-100_000...100_000)) }
    let magnitude = Int((Double(count).squareRoot() * Double(largest * widest)).rounded()) + 1
    return Affine(
      geometry: geometry, groups: groups, paddingCode: code(of: input), weights: weights, bias: bias,
      accumulators: (0..<geometry.outputChannels).map { channel in
        accumulator(weights[channel * count..<(channel + 1) * count], bias[channel], input)
      },
      requantization: requantization(channels: geometry.outputChannels, magnitude: magnitude, to: output))
  }

  private func accumulator(_ weights: ArraySlice<Int16>, _ bias: Int32, _ input: CodeType) -> ClosedRange<
    Int64
  > {
    // Enough for every partial sum as well.
    let reach =
      weights.reduce(Int64(0)) { $0 + abs(Int64($1)) } * max(-input.range.lowerBound, input.range.upperBound)
    return Int64(bias) - reach...Int64(bias) + reach
  }
}

/// A program of one step, with every operand a network input unless it is given.
func program(
  _ operation: Step.Operation, operands: [(count: Int, type: CodeType, constant: [Int32]?)],
  output: (count: Int, type: CodeType)
) -> IntegerProgram {
  var values = operands.enumerated().map {
    Value(
      name: "x\($0)", tensor: $0, shape: [$1.count], type: $1.type, scale: 1, zeroPoint: 0,
      constant: $1.constant)
  }
  values.append(
    Value(name: "y", tensor: values.count, shape: [output.count], type: output.type, scale: 1, zeroPoint: 0))
  return IntegerProgram(
    name: "step", values: values,
    steps: [
      Step(
        operation, source: Step.Source(index: 0, type: "STEP", name: "y"), inputs: Array(operands.indices),
        output: operands.count)
    ],
    inputs: operands.indices.filter { operands[$0].constant == nil }, outputs: [operands.count])
}
