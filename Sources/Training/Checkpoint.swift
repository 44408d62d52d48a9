import CTrainingKernels
import FoundationEssentials

extension Trainer {
  /// What a checkpoint has besides numbers for parameters.
  private struct State: Codable, Equatable {
    var options: TrainingOptions
    var architecture: String
    /// Of the pictures and labels, so that a run is not continued on others.
    var data: UInt64
    var history: [Epoch]
    var step: Int
    var epochPosition: Int
    var epochLoss: Double
    var epochCount: Int
    var decayOfStart: [Double]
    var bestScore: Double
    var bestEpoch: Int
    /// Scales and ends by their bits, since JSON has no infinity.
    var weightLattices, biasLattices: [[[UInt32]]]
    var activationLattices: [[UInt32]]
    var largestLogit: Float
    var parameters: Int
  }

  private static let mark = Array("lockstep checkpoint 1\n".utf8)

  /// The state behind the last batch: a run that is restored from it goes on as if it had not ended.
  public func checkpoint() throws -> [UInt8] {
    func bits(_ lattice: lockstep_lattice) -> [UInt32] {
      [lattice.scale, lattice.low, lattice.high, lattice.parts, lattice.pivot].map(\.bitPattern)
    }
    let state = State(
      options: options, architecture: model.architecture.text, data: dataDigest, history: history, step: step,
      epochPosition: epochPosition, epochLoss: epochResult.loss, epochCount: epochResult.count,
      decayOfStart: [decayOfStart.0, decayOfStart.1], bestScore: bestScore, bestEpoch: bestEpoch,
      weightLattices: model.weightLattices.map { $0.map(bits) }, biasLattices: model.biasLattices.map { $0.map(bits) },
      activationLattices: model.activationLattices.map(bits), largestLogit: model.largestLogit,
      parameters: model.parameterCount)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = [UInt8](try encoder.encode(state))
    var bytes = Self.mark + text + [UInt8(ascii: "\n")]
    for buffer in buffers {
      for element in buffer.elements {
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: element.bitPattern >> UInt32(8 * shift))) }
      }
    }
    return bytes + Self.bytes(of: bytes.digest)
  }

  private static func bytes(of digest: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: digest >> UInt64(8 * $0)) }
  }

  /// Goes on where `checkpoint` was made. Throws where the bytes are damaged, or of other options, layers or data; as long
  /// as nothing was quantised the codes may be others, and which epochs are to be quantised.
  public func restore(_ file: [UInt8]) throws {
    let start = Self.mark.count
    let bytes = file.dropLast(8)
    guard bytes.starts(with: Self.mark), let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")),
      let state = try? JSONDecoder().decode(State.self, from: Data(bytes[start..<end]))
    else { throw TrainingError("is no checkpoint of training") }
    guard Array(file.suffix(8)) == Self.bytes(of: Array(bytes).digest) else { throw TrainingError("is damaged") }
    var asked = options
    let isQuantized = state.weightLattices.last?.first?.first != Float(0).bitPattern
    let isBeforeRounding =
      state.history.count < floatEpochs || state.history.count == floatEpochs && state.epochPosition == 0
    if !isQuantized && isBeforeRounding {
      (asked.weightBits, asked.activationBits) = (state.options.weightBits, state.options.activationBits)
      (asked.arithmetic, asked.floatShare) = (state.options.arithmetic, state.options.floatShare)
      asked.patience = state.options.patience
    }
    guard state.options == asked else {
      let others = zip(Mirror(reflecting: state.options).children, Mirror(reflecting: asked).children)
        .filter { "\($0.value)" != "\($1.value)" }.map { "\($0.label ?? "") \($0.value), here \($1.value)" }
      throw TrainingError(
        "is of a run with other options: \(others.joined(separator: "; ")), with \(state.history.count) epochs done")
    }
    // What is past its epochs in real numbers is quantised.
    guard isQuantized || isBeforeRounding else { throw TrainingError("is damaged") }
    guard state.architecture == model.architecture.text else { throw TrainingError("is of a network with other layers") }
    guard state.data == dataDigest else { throw TrainingError("is of a run on other data, or with another part held out") }
    let count = model.parameterCount
    guard bytes.count - end - 1 == 4 * count * buffers.count, state.parameters == count,
      state.decayOfStart.count == 2, state.decayOfStart.allSatisfy({ (0...1).contains($0) }),
      state.history.count <= options.epochs, state.history.enumerated().allSatisfy({ $0.offset == $0.element.epoch }),
      (0...training.count).contains(state.epochPosition), (0...training.count).contains(state.epochCount),
      (0...steps).contains(state.step), (0...options.epochs).contains(state.bestEpoch),
      let weights = Self.lattices(
        state.weightLattices, isQuantized: isQuantized, like: model.weightLattices,
        ends: Model.weightEnds(bits: options.weightBits)),
      let biases = Self.lattices(
        state.biasLattices, isQuantized: isQuantized, like: model.biasLattices, ends: Model.biasEnds),
      let activations = Self.lattices(
        [Array(state.activationLattices.dropLast())], isQuantized: isQuantized, like: [model.activationLattices.dropLast()],
        ends: Model.activationEnds(bits: options.activationBits), Model.activationEnds(bits: 8)),
      state.largestLogit.isFinite, state.largestLogit >= 0
    else { throw TrainingError("is damaged") }
    var at = end + 1
    for buffer in buffers {
      for index in 0..<count {
        let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
        guard Float(bitPattern: bits).isFinite else { throw TrainingError("is damaged: a number is none") }
        buffer.start[index] = Float(bitPattern: bits)
        at += 4
      }
    }
    (model.weightLattices, model.biasLattices) = (weights, biases)
    model.activationLattices.replaceSubrange(0..<activations[0].count, with: activations[0])
    model.largestLogit = state.largestLogit
    model.setFirstRoundings()
    (history, step, bestScore, bestEpoch) = (state.history, state.step, state.bestScore, state.bestEpoch)
    epochPosition = state.epochPosition
    epochResult = BatchResult(loss: state.epochLoss, count: state.epochCount)
    decayOfStart = (state.decayOfStart[0], state.decayOfStart[1])
    model.refresh()
  }

  /// Lattices as they can come about, with one of these ends; nil where these are others.
  private static func lattices(
    _ bits: [[[UInt32]]], isQuantized: Bool, like lattices: [[lockstep_lattice]], ends: ClosedRange<Float>...
  ) -> [[lockstep_lattice]]? {
    guard bits.count == lattices.count, zip(bits, lattices).allSatisfy({ $0.count == $1.count }) else { return nil }
    guard isQuantized else { return lattices }
    var result: [[lockstep_lattice]] = []
    for list in bits {
      var row: [lockstep_lattice] = []
      for part in list {
        let numbers = part.map(Float.init(bitPattern:))
        guard numbers.count == 5, numbers.allSatisfy(\.isFinite), (0x1p-60...0x1p60).contains(numbers[0]),
          numbers[1] <= numbers[2], ends.contains(numbers[1]...numbers[2]), (0...0x1p24).contains(numbers[3])
        else { return nil }
        row.append(
          lockstep_lattice(scale: numbers[0], low: numbers[1], high: numbers[2], parts: numbers[3], pivot: numbers[4]))
      }
      result.append(row)
    }
    return result
  }
}

extension ImageSet {
  /// Of pixels and labels.
  var digest: UInt64 {
    (pixels + labels).digest
  }
}

extension [UInt8] {
  /// FNV-1a: tells damage and other data, not forgery.
  var digest: UInt64 {
    reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}
