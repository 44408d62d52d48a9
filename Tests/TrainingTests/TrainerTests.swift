import Foundation
import Testing

@testable import Training

/// Runs on pictures of stripes, whose direction is their class.
@Suite struct TrainerTests {
  static func stripes(_ count: Int, seed: UInt64) throws -> ImageSet {
    var random = RandomNumbers(seed: seed)
    var (pixels, labels): ([UInt8], [UInt8]) = ([], [])
    for _ in 0..<count {
      let (label, phase, width) = (random.integer(below: 2), random.integer(below: 4), 2)
      labels.append(UInt8(label))
      for y in 0..<8 {
        for x in 0..<8 {
          let isLight = (((label == 0 ? x : y) + phase) / width) % 2 == 0
          pixels.append(UInt8((isLight ? 180 : 40) + random.integer(below: 36)))
        }
      }
    }
    return try ImageSet(height: 8, width: 8, channels: 1, pixels: pixels, labels: labels)
  }

  static func trainer(
    _ change: (inout TrainingOptions) -> Void = { _ in }, jobs: Int = 1,
    layers: String = "conv 4 kernel 3 padding same\nconv 4 kernel 3 padding same\nadd 1\naverage-pool 2\n"
  ) throws -> Trainer {
    var options = TrainingOptions()
    (options.epochs, options.batch, options.method) = (6, 32, .intervals)
    (options.epsilon, options.trainingEpsilon) = (4, 5)
    options.augmentation.shift = 1
    change(&options)
    let architecture = try Architecture(parsing: "input 8 8 1\n\(layers)dense 2\n")
    return try Trainer(
      architecture, options: options, training: stripes(600, seed: 1), heldOut: stripes(100, seed: 2), jobs: jobs)
  }

  @Test("each way of training learns stripes", arguments: TrainingOptions.Method.allCases, TrainingOptions.Arithmetic.allCases)
  func itLearns(_ method: TrainingOptions.Method, _ arithmetic: TrainingOptions.Arithmetic) throws {
    let trainer = try Self.trainer { ($0.method, $0.arithmetic) = (method, arithmetic) }
    try trainer.run({ _ in true })
    let found = try trainer.evaluate(try Self.stripes(200, seed: 3), epsilon: 4)
    #expect(found.clean > 0.97)
    if method == .intervals { #expect(try #require(found.certified) > 0.9) }
    #expect(trainer.model.isQuantized && trainer.history.count == 6)
  }

  @Test("codes of logits grow with the logits", arguments: TrainingOptions.Arithmetic.allCases)
  func logitsFit(_ arithmetic: TrainingOptions.Arithmetic) throws {
    // Scales are chosen before anything is learned.
    let trainer = try Self.trainer { ($0.method, $0.arithmetic, $0.floatShare, $0.rate) = (.standard, arithmetic, 0, 0.01) }
    let start = trainer.model.largestLogit
    try trainer.run({ _ in true })
    #expect(trainer.model.largestLogit != start)
    let set = try Self.stripes(200, seed: 3)
    let right = zip(trainer.classes(of: set), set.labels).count { $0 == Int($1) }
    #expect(right > 190)
    #expect(try trainer.evaluate(set, epsilon: nil).clean == Double(right) / 200)
  }

  @Test func theHingeLearnsToo() throws {
    let trainer = try Self.trainer { $0.objective = .hinge }
    try trainer.run({ _ in true })
    #expect(try #require(try trainer.evaluate(try Self.stripes(200, seed: 3), epsilon: 4).certified) > 0.8)
  }

  @Test("a seed says all, whatever the threads") func runsAreRepeatable() throws {
    let runs = try [(1, UInt64(1)), (2, 1), (1, 2)].map { jobs, seed in
      let trainer = try Self.trainer({ ($0.epochs, $0.seed) = (2, seed) }, jobs: jobs)
      try trainer.run({ _ in true })
      return trainer.model.parameters.elements
    }
    #expect(runs[0] == runs[1] && runs[0] != runs[2])
  }

  @Test("an interrupted run goes on as if nothing had been", arguments: 1...5) func aCheckpointIsAll(_ epochs: Int) throws {
    let whole = try Self.trainer()
    try whole.run({ _ in true })
    let first = try Self.trainer()
    // Within an epoch, and behind one.
    try first.run(
      { $0.epoch + 1 < epochs || epochs % 2 == 0 },
      progress: { epoch, share in epochs % 2 == 1 || epoch < epochs || share < 0.4 })
    let bytes = try first.checkpoint()
    let second = try Self.trainer()
    try second.restore(bytes)
    #expect(try second.checkpoint() == bytes)
    try second.run({ _ in true })
    #expect(second.model.parameters.elements == whole.model.parameters.elements)
    #expect(second.history.map(\.loss) == whole.history.map(\.loss))
  }

  @Test("epochs in real numbers serve other bits, and what rounding comes to is told once") func roundingIsToldOnce() throws {
    let first = try Self.trainer { $0.floatShare = 0.5 }
    var (bytes, told): ([UInt8], [Trainer.Accuracy]) = ([], [])
    try first.run({ _ in true }, beforeRounding: { bytes = try first.checkpoint() }, rounded: { told.append($0) })
    #expect(told.count == 1 && first.history.count == 6)
    #expect(try #require(told.first).clean > 0.8)
    let second = try Self.trainer { ($0.activationBits, $0.weightBits, $0.floatShare, $0.patience) = (4, 4, 1, 2) }
    try second.restore(bytes)
    told = []
    try second.run({ _ in true }, rounded: { told.append($0) })
    #expect(told.count == 1 && second.model.isQuantized && second.history.count == 6)
    #expect(second.history.prefix(3).map(\.loss) == first.history.prefix(3).map(\.loss))
  }

  // The worst-case loss alone would have everything saturate here, and half of the pictures lost.
  @Test("finer codes cost few pictures at few bits", arguments: [3, 4]) func finerCodesKeepAccuracy(_ bits: Int) throws {
    let trainer = try Self.trainer(
      { ($0.epochs, $0.rate, $0.floatShare, $0.trainingEpsilon) = (15, 5e-3, 1, 4)
        ($0.activationBits, $0.weightBits) = (bits, bits) },
      layers: String(repeating: "conv 6 kernel 3 padding same\n", count: 3))
    var largest: [Float] = []
    try trainer.run({ _ in true }, beforeRounding: { largest = trainer.largestOutputs() })
    func scoreAndScales() throws -> (Double, [Float]) {
      (trainer.score(try trainer.evaluate(trainer.training, epsilon: 4)), trainer.model.activationLattices.map(\.scale))
    }
    let (score, scales) = try scoreAndScales()
    trainer.setScales(largest, largest.map { _ in 0 })
    let (coarseScore, coarseScales) = try scoreAndScales()
    #expect(zip(scales, coarseScales).contains(where: <), "some codes are finer")
    #expect(coarseScore > 0.9 && score >= coarseScore - Trainer.worthOfFinerCodes)
  }

  @Test func aCheckpointOfSomethingElseIsRefused() throws {
    let trainer = try Self.trainer()
    try trainer.run({ _ in false })
    let bytes = try trainer.checkpoint()
    #expect(throws: TrainingError.self) { try Self.trainer({ $0.epochs = 7 }).restore(bytes) }
    #expect(throws: TrainingError.self) { try Self.trainer().restore(Array(bytes.dropLast())) }
    #expect(throws: TrainingError.self) { try Self.trainer().restore([]) }
    // Real numbers where there should be codes.
    let real = try Self.trainer { $0.floatShare = 1 }
    try real.run({ $0.epoch < 3 })
    func forge(_ bytes: [UInt8], _ text: String, _ other: String) throws -> [UInt8] {
      let (text, other) = (Array(text.utf8), Array(other.utf8))
      var forged = Array(bytes.dropLast(8))
      let at = try #require(forged.indices.first { forged[$0...].starts(with: text) })
      forged.replaceSubrange(at..<at + text.count, with: other)
      let digest = forged.digest
      return forged + (0..<8).map { UInt8(truncatingIfNeeded: digest >> UInt64(8 * $0)) }
    }
    var forged = try forge(try real.checkpoint(), "\"floatShare\":1,", "\"floatShare\":0.5,")
    #expect { try Self.trainer({ $0.floatShare = 0.5 }).restore(forged) } throws: { "\($0)".contains("damaged") }
    // Weights beyond their bits.
    let whole = try Self.trainer()
    try whole.run({ _ in true })
    forged = try forge(try whole.checkpoint(), "\(Float(127).bitPattern)", "\(Float(1000).bitPattern)")
    #expect { try Self.trainer().restore(forged) } throws: { "\($0)".contains("damaged") }
    #expect(throws: TrainingError.self) { try Self.trainer().restore(Array("lockstep checkpoint 1\n{}\n".utf8)) }
  }

  @Test("a description names the line at fault", arguments: [
    ("", "line 1: there is no input"), ("dense 3", "line 1: the first line"), ("input 8 8 1\n", "the last layer"),
    ("input 8 8 1\ncnov 3\ndense 2", "line 2: \"cnov\""), ("input 8 8\ndense 2", "line 1: the channels is missing"),
    ("input 8 8 1\nconv 3\ndense 2", "line 2: conv needs"), ("input 8 8 1\nconv 0 kernel 3\ndense 2", "line 2: the filters"),
    ("input 8 8 1\nconv 3 kernel 9\n# stem\ndense 2", "line 2: a kernel of 9 does not fit"), ("input 8 8 1\nadd 1\ndense 2", "line 2: add 1"),
    ("input 8 8 1\nconv 3 kernel 3 padding full\ndense 2", "padding is same or valid"),
    ("input 8 8 1\ndense 3\nconv 3 kernel 1\ndense 2", "needs a picture"),
    ("input 8 8 1\nconv 3 kernel 3\nconv 4 kernel 3\nadd 1\ndense 2", "shapes differ"),
    ("input 8 8 1\ndense 2 3", "one word too many"), ("input 8 8 1\nconv 3 kernel 3 kernel 5\ndense 2", "\"kernel\" is one word"),
    ("input 8 8 1\n" + String(repeating: "dense 1\n", count: 1001), "line 1002: there are over"),
    ("input 64 64 1\n" + String(repeating: "dense 4096\n", count: 5), "line 5: with this layer there are over"), ("input 60000 60000 9\ndense 2", "line 1: an input"),
  ])
  func aDescriptionNamesItsFault(_ text: String, _ words: String) {
    #expect { try Architecture(parsing: text) } throws: { "\($0)".contains(words) }
  }

  @Test func aDescriptionComesBack() throws {
    let text = "input 8 8 3\nconv 4 kernel 3 stride 2 padding same\nconv 4 kernel 1 stride 1\nadd 1\naverage-pool 2 stride 1\ndense 7\n"
    let architecture = try Architecture(parsing: "# a comment\n" + text + "  # the end\n")
    #expect(architecture.text == text)
    // Options come in any order.
    let other = text.replacingOccurrences(of: "kernel 3 stride 2 padding same", with: "padding same stride 2 kernel 3")
    #expect(try other != text && Architecture(parsing: other) == architecture)
  }
}
