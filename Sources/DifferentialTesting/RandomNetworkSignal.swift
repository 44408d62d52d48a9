import Arithmetic
import Network

extension RandomNetwork {
  /// A random part of what stands between samples and a network's codes: it may begin with samples, a spectrum,
  /// energies, sums, what is left of them, or logarithms, and end behind any of them.
  public static func makeSignals(seed: UInt64) -> Network {
    var builder = RandomSignals(random: SeededGenerator(seed: seed ^ 0x516))
    builder.grow()
    var network = builder.network
    network.name = "signals_\(seed)"
    return network
  }
}

/// A row of signal operators under construction.
private struct RandomSignals {
  private enum Stage: Int, CaseIterable {
    case frames, window, scale, spectrum, energy, bank, root, subtraction, gain, logarithm, codes

    /// Whether what follows takes what it takes, too.
    var isDispensable: Bool { self == .window || self == .scale }
  }

  var random: SeededGenerator
  var network = Network(name: "", tensors: [], operations: [], inputs: [], outputs: [])
  /// How far the samples were shifted, and the noise.
  private var bits: Int?
  private var noise: Int?

  init(random: SeededGenerator) { self.random = random }

  mutating func grow() {
    let first = random.chance(0.2) ? 0 : random.integer(in: 0...Stage.logarithm.rawValue)
    let last = random.integer(in: first...Stage.codes.rawValue)
    var value = input(of: Stage.allCases[first])
    for stage in Stage.allCases[first...last] {
      if stage.rawValue < last, stage.isDispensable, random.chance(0.4) { continue }
      value = add(stage, to: value)
    }
    let made = network.operations.flatMap(\.outputs)
    let read = Set(network.operations.flatMap { $0.inputs.compactMap { $0 } })
    network.outputs = made.filter { !read.contains($0) || $0 == value }
    network.inputs += network.states.map(\.read)
    network.outputs += network.states.map(\.written)
  }

  // MARK: Tensors

  private func count(_ tensor: Int) -> Int { network.tensors[tensor].count }

  private mutating func tensor(_ shape: [Int], _ type: ElementType, _ quantization: Quantization? = nil) -> Int {
    network.tensors.append(
      Tensor(name: "t\(network.tensors.count)", shape: shape, type: type, quantization: quantization))
    return network.tensors.count - 1
  }

  private mutating func constant(_ elements: [Int], _ type: ElementType = .int16, shape: [Int]? = nil) -> Int {
    let constant = tensor(shape ?? [elements.count], type)
    network.tensors[constant].constant = elements.flatMap { element in
      (0..<(type.byteCount ?? 0)).map { UInt8(truncatingIfNeeded: element >> (8 * $0)) }
    }
    return constant
  }

  private mutating func input(_ shape: [Int], _ type: ElementType) -> Int {
    let input = tensor(shape, type)
    network.inputs.append(input)
    return input
  }

  private mutating func input(of stage: Stage) -> Int {
    switch stage {
    case .frames, .window, .scale, .spectrum: input([1, random.integer(in: 1...40)], .int16)
    case .energy: input([2 * random.integer(in: 1...20)], .int16)
    case .root: input([random.integer(in: 1...8)], .uint64)
    case .logarithm where random.chance(0.2): input([2, 3], .uint32)
    default: input([random.integer(in: 1...20)], .uint32)
    }
  }

  private mutating func operation(
    _ function: SignalFunction, _ name: String, _ inputs: [Int], _ outputs: [Int]
  ) -> Int {
    network.operations.append(
      Operation(.signal(function), typeName: "CUSTOM Signal\(name)", inputs: inputs, outputs: outputs))
    return outputs[0]
  }

  /// Numbers small as often as large.
  private mutating func magnitudes(_ count: Int, bits: Int) -> [Int] {
    (0..<count).map { _ in random.integer(in: 0...(1 << random.integer(in: 0...bits)) - 1) }
  }

  // MARK: Stages

  private mutating func add(_ stage: Stage, to x: Int) -> Int {
    let (shape, count) = (network.tensors[x].shape, count(x))
    switch stage {
    case .frames: return framed(x)
    case .window:
      let weights = constant((0..<count).map { _ in random.integer(in: -32_768...32_767) })
      let shift = random.chance(0.3) ? 12 : random.integer(in: 0...17)
      return operation(.window(shift: shift), "Window", [x, weights], [tensor(shape, .int16)])
    case .scale: return scaled(x)
    case .spectrum:
      var length = 4
      while length < count || random.chance(0.2) && length < 64 { length *= 2 }
      func spectrum(of x: Int) -> Int {
        operation(.fourier(length: length), "Rfft", [x], [tensor([1, length + 2], .int16)])
      }
      guard random.chance(0.3) else { return spectrum(of: x) }
      // There and back, and there again.
      let bins = random.chance(0.5) ? spectrum(of: x) : input([1, length + 2], .int16)
      return spectrum(
        of: operation(.inverseFourier(length: length), "Irfft", [bins], [tensor([1, length], .int16)]))
    case .energy:
      return operation(.energy(0..<count / 2), "Energy", [x], [tensor([count / 2], .uint32)])
    case .bank: return bank(x)
    case .root:
      if bits == nil { _ = scaled(input([random.integer(in: 1...4)], .int16)) }
      guard let bits else { return x }
      return operation(.squareRoot, "FilterBankSquareRoot", [x, bits], [tensor(shape, .uint32)])
    case .subtraction: return subtracted(x)
    case .gain:
      let noise = noise ?? input(shape, .uint32)
      let usual = (0..<pieceCount).map { 30_000 / (1 + $0) }
      let table = constant(
        random.chance(0.5) ? usual : (0..<pieceCount).map { _ in random.integer(in: -32_768...32_767) })
      let shift = random.integer(in: 0...31)
      return operation(.gainControl(shift: shift), "PCAN", [x, noise, table], [tensor(shape, .uint32)])
    case .logarithm:
      // The largest word's logarithm is 22.2; scaled, it must fit 16 bits more.
      let scale = random.chance(0.5) ? 64 : random.integer(in: 0...2_900)
      return operation(
        .logarithm(scale: scale, correctionBits: random.integer(in: 0...31)), "FilterBankLog", [x],
        [tensor(shape, .int16)])
    case .codes: return codes(x)
    }
  }

  private mutating func scaled(_ x: Int) -> Int {
    let bits = tensor([], .int32)
    let scaled = tensor(network.tensors[x].shape, .int16)
    self.bits = bits
    return operation(.autoScale, "FftAutoScale", [x], [scaled, bits])
  }

  private mutating func bank(_ x: Int) -> Int {
    let (bins, channels) = (count(x), random.integer(in: 1...6))
    let widths = (0...channels).map { _ in random.integer(in: 0...min(bins, 5)) }
    let places = widths.indices.map { widths[..<$0].reduce(0, +) }
    let firsts = widths.map { random.integer(in: 0...bins - $0) }
    let total = widths.reduce(1, +)
    let tables = [magnitudes(total, bits: 15), magnitudes(total, bits: 15), firsts, places, widths].map { constant($0) }
    return operation(.filterBank(channels: channels), "FilterBank", [x] + tables, [tensor([channels], .uint64)])
  }

  private mutating func subtracted(_ x: Int) -> Int {
    let shape = network.tensors[x].shape
    let isUsual = random.chance(0.4)
    let shares = isUsual ? [410, 983, 15_974, 15_401, 819] : magnitudes(5, bits: 16)
    let subtraction = SpectralSubtraction(
      smoothing: Array(shares[..<2]), oneMinusSmoothing: Array(shares[2..<4]), least: shares[4],
      smoothingBits: isUsual ? 10 : random.integer(in: 0...31), bits: isUsual ? 14 : random.integer(in: 0...31),
      isClamped: random.chance(0.5))
    let (old, new) = state("noise", shape, .uint32)
    noise = new
    return operation(
      .subtraction(subtraction), "FilterBankSpectralSubtraction", [x, old], [tensor(shape, .uint32), new])
  }

  private mutating func framed(_ x: Int) -> Int {
    let count = count(x)
    let (function, name, shape): (SignalFunction, String, [Int])
    switch random.integer(in: 0...3) {
    case 0:
      let size = count + random.integer(in: 0...2 * count)
      (function, name, shape) = (
        .framer(size: size, step: count, isPrefilled: random.chance(0.5)), "Framer", [1, 1, size]
      )
    case 3:
      let (left, right) = (random.integer(in: 0...2), random.integer(in: 0...2))
      let step = random.integer(in: 1...left + right + 1)
      (function, name, shape) = (
        .stacker(channels: count, left: left, right: right, step: step), "Stacker", [1, count * (left + right + 1)]
      )
    case 1: (function, name, shape) = (.delay(by: random.integer(in: 0...2 * count)), "Delay", [1, count])
    default:
      let step = random.integer(in: 1...count)
      (function, name, shape) = (.overlapAdd(step: step), "OverlapAdd", [step])
    }
    let framed = tensor(shape, .int16)
    let left = function.samplesLeft(of: [1, count])
    guard left.last ?? 0 > 0 else { return operation(function, name, [x], [framed]) }
    let (old, new) = state("past", left, .int16)
    guard let first = function.firstCount else { return operation(function, name, [x, old], [framed, new]) }
    let (runs, counted) = state("count", [1], .int16, initial: [Int(first)])
    return operation(function, name, [x, old, runs], [framed, new, tensor([], .boolean), counted])
  }

  private mutating func state(
    _ name: String, _ shape: [Int], _ type: ElementType, initial: [Int]? = nil
  ) -> (read: Int, written: Int) {
    let (old, new) = (tensor(shape, type), tensor(shape, type))
    let width = type.byteCount ?? 0
    let initial = (initial ?? magnitudes(count(old), bits: 8 * width - 1)).flatMap { element in
      (0..<width).map { UInt8(truncatingIfNeeded: element >> (8 * $0)) }
    }
    network.states.append(NetworkState(name: name, read: old, written: new, initial: initial))
    return (old, new)
  }

  /// int8 codes of integers, as preprocessors compute them on int32.
  private mutating func codes(_ x: Int) -> Int {
    let shape = network.tensors[x].shape
    var value = tensor(shape, .int32)
    network.operations.append(
      Operation(.constant(.cast), typeName: "CAST", inputs: [x], outputs: [value]))
    let divisor = random.integer(in: 1...999)
    let steps: [(Operation.Kind, String, Int)] = [
      (.multiply(.none), "MUL", random.integer(in: 1...300)), (.add(.none), "ADD", divisor / 2),
      (.divide(.none), "DIV", divisor), (.add(.none), "ADD", -128), (.maximum, "MAXIMUM", -128),
      (.minimum, "MINIMUM", 127),
    ]
    for (kind, name, number) in steps {
      let made = tensor(shape, .int32)
      let operand = constant([number], .int32, shape: [])
      network.operations.append(Operation(kind, typeName: name, inputs: [value, operand], outputs: [made]))
      value = made
    }
    let codes = tensor(shape, .int8, Quantization(scales: [0.1], zeroPoints: [-128]))
    network.operations.append(Operation(.constant(.cast), typeName: "CAST", inputs: [value], outputs: [codes]))
    return codes
  }
}
