import CTrainingKernels
import Dispatch
import Foundation

/// Trains a model on a part of a set, and watches it on another.
/// Its parts work on several threads, each on a pass of its own; nothing else is shared that is written.
public final class Trainer: @unchecked Sendable {
  /// What an epoch came to.
  public struct Epoch: Sendable, Equatable, Codable {
    public var epoch: Int
    /// Whether values were quantised.
    public var isQuantized: Bool
    /// The mean over the epoch's batches.
    public var loss: Double
    /// Of the held-out pictures: those that get their class, and those that get it all over their neighbourhood, by
    /// intervals; nil where none is asked for.
    public var clean: Double
    public var certified: Double?
    public var seconds: Double
  }

  public let options: TrainingOptions
  public let model: Model
  public internal(set) var history: [Epoch] = []
  let training, heldOut: ImageSet
  private let passes: [Pass]
  private let first, second: FloatBuffer
  var step = 0
  /// How many pictures of the epoch under way are done, and what they came to.
  var epochPosition = 0
  var epochResult = BatchResult()
  /// The best parameters since values are quantised, and how good they are.
  private let best: FloatBuffer
  var bestScore = -1.0
  var bestEpoch = 0
  private let jobs: Int

  /// Batches are cut into so many parts, whatever the threads, so that sums come out the same.
  private static let parts = 4

  public init(
    _ architecture: Architecture, options: TrainingOptions, training: ImageSet, heldOut: ImageSet, jobs: Int
  ) throws {
    for set in [training, heldOut] {
      guard (set.height, set.width, set.channels) == (architecture.height, architecture.width, architecture.channels)
      else {
        throw TrainingError(
          "the pictures are \(set.height) × \(set.width) × \(set.channels); the network's input is "
            + "\(architecture.height) × \(architecture.width) × \(architecture.channels)")
      }
      if let label = set.labels.max(), Int(label) >= architecture.classes {
        throw TrainingError("there is a label \(label); the network has \(architecture.classes) classes, from 0")
      }
      guard set.count > 0 else { throw TrainingError("there are no pictures to train on, or none held out") }
    }
    _ = MatrixProduct.isSingleThreaded
    self.options = options
    self.training = training
    self.heldOut = heldOut
    self.jobs = max(1, jobs)
    model = try Model(architecture, arithmetic: options.arithmetic, seed: options.seed)
    model.inputScale = 1 / 256
    let kind = Self.kind(options)
    let capacity = (min(options.batch, training.count) + Self.parts - 1) / Self.parts
    let needed = Pass.bytes(model, kind: kind, capacity: capacity) * Double(Self.parts)
    guard needed < 0.8 * Double(ProcessInfo.processInfo.physicalMemory) else {
      throw TrainingError(
        "batches of \(options.batch) take \(Int(needed / 0x1p30)) GiB of memory, and there are "
          + "\(ProcessInfo.processInfo.physicalMemory >> 30): try a smaller --batch")
    }
    passes = (0..<Self.parts).map { [model] _ in Pass(model, kind: kind, capacity: capacity) }
    first = FloatBuffer(model.parameterCount)
    second = FloatBuffer(model.parameterCount)
    best = FloatBuffer(model.parameterCount)
  }

  private static func kind(_ options: TrainingOptions) -> PassKind {
    switch options.method {
    case .standard, .adversarial: PassKind(hasPoints: true, hasIntervals: false)
    case .intervals:
      PassKind(hasPoints: options.objective == .hinge || options.cleanShare > 0, hasIntervals: true)
    }
  }

  /// All numbers that training changes.
  var buffers: [FloatBuffer] { [model.parameters, first, second, best] }
  private(set) lazy var dataDigest = training.digest ^ heldOut.digest &* 31

  /// How many epochs are done; a fraction in the middle of one.
  public var epochsDone: Double { Double(history.count) + Double(epochPosition) / Double(training.count) }
  /// Epochs in real numbers.
  public var floatEpochs: Int { Int((options.floatShare * Float(options.epochs)).rounded()) }
  var steps: Int { (training.count + options.batch - 1) / options.batch * options.epochs }
  public var isDone: Bool {
    history.count >= options.epochs
      || options.patience > 0 && model.isQuantized && history.count - bestEpoch > options.patience
  }

  /// Trains until it is done. `report` is told of each epoch, `progress` behind each batch of the epoch and the share of
  /// it that is done. Where one returns false it ends early; another call, or a run from a checkpoint, goes on there.
  /// `beforeRounding` is called when the epochs in real numbers are over, and nothing is quantised yet; `rounded` is told
  /// what rounding alone comes to.
  public func run(
    _ report: (Epoch) throws -> Bool, progress: (Int, Float) -> Bool = { _, _ in true },
    beforeRounding: () throws -> Void = {}, rounded: (Accuracy) -> Void = { _ in }
  ) throws {
    while true {
      if !model.isQuantized, history.count == floatEpochs, epochPosition == 0 {
        try beforeRounding()
        quantize()
        if !history.isEmpty {
          // Rounding alone may be the best there is.
          let found = try evaluateHeldOut()
          keep(found, epoch: history.count - 1)
          rounded(found)
        }
      }
      if isDone { break }
      let epoch = history.count
      let start = ContinuousClock.now
      guard trainEpoch(epoch, progress: progress) else { return }
      let result = epochResult
      (epochPosition, epochResult) = (0, BatchResult())
      guard result.loss.isFinite, model.parameters.elements.allSatisfy(\.isFinite) else {
        throw TrainingError("training has diverged in epoch \(epoch + 1): try a smaller rate than \(options.rate)")
      }
      if model.isQuantized { fitLogits() }
      let found = try evaluateHeldOut()
      if model.isQuantized { keep(found, epoch: epoch) }
      let entry = Epoch(
        epoch: epoch, isQuantized: model.isQuantized, loss: result.loss / Double(max(1, result.count)),
        clean: found.clean, certified: found.certified, seconds: start.secondsAgo)
      history.append(entry)
      if try !report(entry) { return }
    }
    model.parameters.copy(best)
    model.refresh()
    fitLogits()
  }

  private func evaluateHeldOut() throws -> Accuracy {
    try evaluate(heldOut, epsilon: options.method == .standard ? nil : options.epsilon)
  }

  /// How good parameters are. What is not trained for intervals is hardly certified by them. A complete search proves more
  /// than intervals do: some of what lies between.
  func score(_ found: Accuracy) -> Double {
    let certified = options.method == .intervals ? found.certified ?? 0 : found.clean
    return 0.75 * certified + 0.25 * found.clean
  }

  private func keep(_ found: Accuracy, epoch: Int) {
    let score = score(found)
    guard score > bestScore else { return }
    (bestScore, bestEpoch) = (score, epoch)
    best.copy(model.parameters)
  }

  /// Chooses the scales, by a part of the training pictures: what reaches each layer's largest output, or a half of that,
  /// a quarter and so on.
  private func quantize() {
    let largest = largestOutputs()
    var halvings = model.plans.map { _ in 0 }
    // What is hardly trained yet does not say how far its outputs will reach.
    if 2 * floatEpochs >= options.epochs { halvings = self.halvings(of: largest) }
    setScales(largest, halvings)
  }

  /// Each layer's, of a part of the training pictures.
  func largestOutputs() -> [Float] {
    forEachSample { pass, _ in pass.largestOutputs() }
      .reduce(model.plans.map { _ in 0 }) { zip($0, $1).map { max($0, $1) } }
  }

  func setScales(_ largest: [Float], _ halvings: [Int]) {
    model.quantize(
      weightBits: options.weightBits, activationBits: options.activationBits, largestOutputs: largest, halvings: halvings)
  }

  /// How often each layer's largest output is halved where the loss is less so: the few outputs beyond saturate, and all
  /// others have finer codes.
  ///
  /// Intervals are as wide there as a proof has to take them, which knows of rounding no more than its half a code. At few
  /// bits that is so much that such a loss is least where everything saturates; so whatever is chosen, pictures have to get
  /// their classes about as often as without.
  private func halvings(of largest: [Float]) -> [Int] {
    var halvings = model.plans.map { _ in 0 }
    func result(rounding: Float = 0) -> BatchResult {
      for pass in passes { pass.rounding = rounding }
      defer { for pass in passes { pass.rounding = 0 } }
      setScales(largest, halvings)
      return forEachSample { [options] pass, labels in
        pass.applyLoss(options.loss(1), labels: labels, share: 1, counts: true)
      }.reduce(into: BatchResult()) { $0.add($1) }
    }
    let hasIntervals = options.method == .intervals
    func accuracy() -> Double { score(Accuracy(result(), hasIntervals: hasIntervals)) }
    let enough = accuracy() - Self.worthOfFinerCodes
    var least = result(rounding: 0.5).loss
    for layer in model.plans.indices.dropLast() where model.plans[layer].hasOwnScale {
      while halvings[layer] < 6 {
        halvings[layer] += 1
        let found = result(rounding: 0.5).loss
        guard found < least, accuracy() >= enough else {
          halvings[layer] -= 1
          break
        }
        least = found
      }
    }
    return halvings
  }

  /// What share of pictures may be lost for finer codes, before training goes on with them.
  static let worthOfFinerCodes = 0.02

  /// Fits the codes of logits to those that there are by now; what they differ by little stays.
  private func fitLogits() {
    let largest = forEachSample { pass, _ in pass.largestLogit() }.reduce(0, max)
    let present = model.largestLogit
    guard largest.isFinite, largest > Model.room * present || largest < present / Model.room else { return }
    model.largestLogit = largest
    model.setFirstRoundings()
  }

  /// What `body` finds as the pictures that scales are chosen by go through the model, a part at a time.
  private func forEachSample<Found>(_ body: @escaping @Sendable (Pass, [UInt8]) -> Found) -> [Found] {
    forEachPart(of: training, count: min(training.count, 4096), passes, radius: options.trainingEpsilon) {
      [training] in body($0, Array(training.labels[$1]))
    }
  }

  // MARK: An epoch

  /// Goes through the rest of an epoch; false where `progress` ends it early.
  private func trainEpoch(_ epoch: Int, progress: (Int, Float) -> Bool) -> Bool {
    var random = RandomNumbers(seed: options.seed &+ 0x9E37 &* UInt64(epoch + 1))
    var order = Array(0..<training.count)
    order.shuffle(using: &random)
    while epochPosition < order.count {
      let indices = Array(order[epochPosition..<min(epochPosition + options.batch, order.count)])
      epochResult.add(trainBatch(indices, epoch))
      epochPosition += indices.count
      if !progress(epoch, Float(epochPosition) / Float(order.count)) { return false }
    }
    return true
  }

  private func trainBatch(_ indices: [Int], _ epoch: Int) -> BatchResult {
    let done = Float(step) / Float(steps)
    let (loss, radius) = (options.loss(done), options.radius(done))
    let share = 1 / Float(indices.count)
    let length = (indices.count + Self.parts - 1) / Self.parts
    let results = onThreads(Self.parts) { [self] part in
      let pass = passes[part]
      pass.clearGradients()
      let mine = Array(indices.dropFirst(part * length).prefix(length))
      guard !mine.isEmpty else { return BatchResult() }
      var random = RandomNumbers(seed: options.seed &+ UInt64(epoch) &* 0x1_0000_0001 &+ UInt64(mine[0]) &* 0x51D7)
      fill(pass, training, mine, options.augmentation, &random, radius: radius)
      let labels = mine.map { training.labels[$0] }
      if options.method == .adversarial { attack(pass, labels, &random, radius: radius) }
      pass.widthFactor = loss.width * share
      pass.forward()
      let result = pass.applyLoss(loss, labels: labels, share: share)
      pass.backward()
      return result
    }
    update(done)
    step += 1
    return results.reduce(into: BatchResult()) { $0.add($1) }
  }

  /// What `body` makes of each of 0 ..< count, in their order, on the threads there are.
  private func onThreads<Result>(_ count: Int, _ body: @escaping @Sendable (Int) -> Result) -> [Result] {
    if jobs == 1 { return (0..<count).map(body) }
    let jobs = min(self.jobs, count)
    nonisolated(unsafe) var results = [Result?](repeating: nil, count: count)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let results = results
      DispatchQueue.concurrentPerform(iterations: jobs) { job in
        for index in stride(from: job, to: count, by: jobs) { results[index] = body(index) }
      }
    }
    return results.compactMap { $0 }
  }

  /// Sends the first `count` pictures of a set through the model, a part at a time, each pass on a thread: what `body` finds
  /// of the parts, in their order.
  private func forEachPart<Found>(
    of set: ImageSet, count: Int, _ passes: [Pass], radius: Float,
    _ body: @escaping @Sendable (Pass, Range<Int>) -> Found
  ) -> [Found] {
    let capacity = passes[0].capacity
    let parts = stride(from: 0, to: count, by: capacity).map { $0..<min($0 + capacity, count) }
    let found = onThreads(passes.count) { [self] thread in
      var random = RandomNumbers(seed: 0)
      return stride(from: thread, to: parts.count, by: passes.count).map { index in
        fill(passes[thread], set, Array(parts[index]), Augmentation(), &random, radius: radius)
        passes[thread].forward()
        return body(passes[thread], parts[index])
      }
    }
    return parts.indices.map { found[$0 % passes.count][$0 / passes.count] }
  }

  /// Writes pictures into a pass, as points and as intervals within `radius` pixel levels.
  private func fill(
    _ pass: Pass, _ set: ImageSet, _ indices: [Int], _ augmentation: Augmentation, _ random: inout RandomNumbers,
    radius: Float
  ) {
    pass.begin(indices.count)
    let (size, scale) = (set.size, model.inputScale)
    let plain = FloatBuffer(size)
    for (row, index) in indices.enumerated() {
      augmentation.write(set, index, &random, to: plain.start)
      if pass.points > 0 {
        let to = pass.input.start + row * size
        for pixel in 0..<size { to[pixel] = plain.start[pixel] * scale }
      }
      if pass.intervals > 0 {
        let (center, spread) = (
          pass.input.start + (pass.points + row) * size, pass.inputRadius.start + row * size
        )
        for pixel in 0..<size {
          let low = max(0, plain.start[pixel] - radius)
          let high = min(255, plain.start[pixel] + radius)
          center[pixel] = (0.5 * (high + low)) * scale
          spread[pixel] = (0.5 * (high - low)) * scale
        }
      }
    }
  }

  /// Moves the points within `radius` pixel levels so that the loss grows: signed gradients, from a random start.
  private func attack(_ pass: Pass, _ labels: [UInt8], _ random: inout RandomNumbers, radius: Float) {
    guard radius > 0 else { return }
    let count = pass.points * model.inputCount
    let original = FloatBuffer(count)
    original.start.update(from: pass.input.start, count: count)
    let (scale, x) = (model.inputScale, pass.input.start)
    let (reach, stride) = (radius * scale, 2.5 * radius * scale / Float(max(1, options.attackSteps)))
    func limited(_ value: Float, _ index: Int) -> Float {
      min(max(value, original.start[index] - reach, 0), original.start[index] + reach, 255 * scale)
    }
    for index in 0..<count { x[index] = limited(x[index] + reach * (2 * random.uniform() - 1), index) }
    pass.wantsInputGradient = true
    for _ in 0..<options.attackSteps {
      pass.forward()
      _ = pass.applyLoss(Loss(clean: 1), labels: labels, share: 1)
      pass.backward()
      for index in 0..<count {
        let gradient = pass.inputGradient[index]
        if gradient != 0 { x[index] = limited(x[index] + (gradient > 0 ? stride : -stride), index) }
      }
    }
    // Devices take whole pixels.
    for index in 0..<count { x[index] = limited((x[index] / scale + 0.5).rounded(.down) * scale, index) }
    pass.wantsInputGradient = false
    pass.clearGradients()
  }

  /// A step of the optimiser on the sum of all parts' gradients.
  private func update(_ done: Float) {
    let (gradient, magnitude) = (passes[0].parameterGradient.start, passes[0].magnitudeGradient.start)
    for pass in passes.dropFirst() {
      lockstep_add(pass.parameterGradient.start, 1, gradient, model.parameterCount)
      lockstep_add(pass.magnitudeGradient.start, 1, magnitude, model.parameterCount)
    }
    let rate = options.rate(done)
    let (beta1, beta2): (Float, Float) = (0.9, 0.999)
    decayOfStart.0 *= Double(beta1)
    decayOfStart.1 *= Double(beta2)
    var adamw = lockstep_adamw(
      rate: rate, beta1: beta1, beta2: beta2, epsilon: 1e-8, correction1: Float(1 / (1 - decayOfStart.0)),
      correction2: Float(1 / (1 - decayOfStart.1)), decay: 0)
    for (index, plan) in model.plans.enumerated() where plan.isAffine {
      for (offset, inner, lattices, decays) in [
        (plan.weightOffset, plan.inner, model.weightLattices[index], true),
        (plan.biasOffset, 1, model.biasLattices[index], false),
      ] {
        lockstep_weight_gradient(
          model.parameters.start + offset, model.quantized.start + offset, magnitude + offset, inner, plan.columns,
          lattices, gradient + offset)
        adamw.decay = decays ? rate * options.decay : 0
        lockstep_adamw_step(
          model.parameters.start + offset, gradient + offset, first.start + offset, second.start + offset,
          inner * plan.columns, adamw)
      }
    }
    model.refresh()
  }
  /// β₁ and β₂ to the power of the steps done.
  var decayOfStart = (1.0, 1.0)

  // MARK: Evaluation

  public struct Accuracy: Sendable, Equatable {
    public var clean: Double
    public var certified: Double?

    init(_ result: BatchResult, hasIntervals: Bool) {
      let count = Double(result.count)
      clean = Double(result.correct) / count
      certified = hasIntervals ? Double(result.certified) / count : nil
    }
  }

  /// The share of pictures that get their class; and where `epsilon` is given, of those that get it within as many pixel
  /// levels, by intervals.
  public func evaluate(_ set: ImageSet, epsilon: Float?) throws -> Accuracy {
    let results = forEachPart(of: set, PassKind(hasPoints: true, hasIntervals: epsilon != nil), radius: epsilon ?? 0) {
      $0.applyLoss(Loss(clean: 1), labels: Array(set.labels[$1]), share: 1, counts: true)
    }
    return Accuracy(results.reduce(into: BatchResult()) { $0.add($1) }, hasIntervals: epsilon != nil)
  }

  /// The class that a forward pass gives each picture, its logits as codes of the network's output.
  public func classes(of set: ImageSet) -> [Int] {
    forEachPart(of: set, PassKind(hasPoints: true, hasIntervals: false), radius: 0) { pass, _ in pass.givenClasses() }
      .flatMap { $0 }
  }

  /// The same with passes of another kind, made for it.
  private func forEachPart<Found>(
    of set: ImageSet, _ kind: PassKind, radius: Float, _ body: @escaping @Sendable (Pass, Range<Int>) -> Found
  ) -> [Found] {
    let capacity = 64
    let passes = (0..<min(jobs, (set.count + capacity - 1) / capacity)).map { _ in
      Pass(model, kind: kind, capacity: capacity)
    }
    return forEachPart(of: set, count: set.count, passes, radius: radius, body)
  }
}

extension ContinuousClock.Instant {
  var secondsAgo: Double {
    let parts = (ContinuousClock.now - self).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }
}
