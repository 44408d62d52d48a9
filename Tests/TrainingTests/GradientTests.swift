import CTrainingKernels
import Foundation
import Testing

@testable import Training

/// Gradients against differences of the loss, along random directions in the parameters of each layer.
@Suite struct GradientTests {
  private static let architecture = """
    input 9 8 2
    conv 4 kernel 3 stride 2 padding same
    conv 4 kernel 3 padding same
    add 1
    average-pool 2 stride 1
    conv 5 kernel 2
    dense 12
    dense 4
    """

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var kind: PassKind
    var loss: Loss
    var testDescription: String { name }
  }
  static let cases = [
    Case(name: "points", kind: PassKind(hasPoints: true, hasIntervals: false), loss: Loss(clean: 1)),
    Case(name: "intervals", kind: PassKind(hasPoints: false, hasIntervals: true), loss: Loss(worst: 1)),
    Case(name: "both", kind: PassKind(hasPoints: true, hasIntervals: true), loss: Loss(clean: 0.3, worst: 0.7)),
    Case(
      name: "hinge and width", kind: PassKind(hasPoints: true, hasIntervals: true),
      loss: Loss(clean: 1, hinge: 2, margin: 0.5, width: 0.3)),
  ]

  private static let labels: [UInt8] = [0, 3, 1, 3, 2]

  private func loaded(_ model: Model, _ kind: PassKind) -> Pass {
    let pass = Pass(model, kind: kind, capacity: Self.labels.count)
    pass.begin(Self.labels.count)
    var random = RandomNumbers(seed: 7)
    for index in 0..<pass.rows * model.inputCount { pass.input.start[index] = random.uniform() }
    for index in 0..<pass.intervals * model.inputCount { pass.inputRadius.start[index] = 0.05 * random.uniform() }
    return pass
  }

  /// The loss with the width's share, which `applyLoss` leaves to the gradients.
  private func value(_ pass: Pass, _ loss: Loss) -> Double {
    pass.model.refresh()
    pass.forward()
    var sum = pass.applyLoss(loss, labels: Self.labels, share: 1).loss
    if loss.width != 0 { sum += Double(loss.width) * pass.widths() }
    return sum
  }

  @Test("gradients are those of the loss", arguments: cases) func gradientsAreThoseOfTheLoss(_ test: Case) throws {
    let model = try Model(try Architecture(parsing: Self.architecture), arithmetic: .fixedPoint, seed: 3)
    // Nothing lies on a kink.
    var noise = RandomNumbers(seed: 1)
    for plan in model.plans where plan.isAffine {
      for index in 0..<plan.columns { model.parameters.start[plan.biasOffset + index] = 0.1 * noise.normal() }
    }
    model.refresh()
    let pass = loaded(model, test.kind)
    pass.widthFactor = test.loss.width
    pass.wantsInputGradient = true
    pass.forward()
    pass.clearGradients()
    _ = pass.applyLoss(test.loss, labels: Self.labels, share: 1)
    pass.backward()
    for (index, plan) in model.plans.enumerated() where plan.isAffine {
      for (offset, inner, lattices) in [
        (plan.weightOffset, plan.inner, model.weightLattices[index]), (plan.biasOffset, 1, model.biasLattices[index]),
      ] {
        lockstep_weight_gradient(
          model.parameters.start + offset, model.quantized.start + offset, pass.magnitudeGradient.start + offset, inner,
          plan.columns, lattices, pass.parameterGradient.start + offset)
      }
    }
    let gradient = pass.parameterGradient.elements
    let inputGradient = Array(UnsafeBufferPointer(start: pass.inputGradient, count: pass.rows * model.inputCount))
    let original = model.parameters.elements
    var random = RandomNumbers(seed: 11)
    for plan in model.plans where plan.isAffine {
      for range in [
        plan.weightOffset..<plan.weightOffset + plan.weightCount, plan.biasOffset..<plan.biasOffset + plan.columns,
      ] {
        var close = 0
        for _ in 0..<8 {
          let direction = range.map { _ in random.normal() }
          let slope = zip(range, direction).reduce(0.0) { $0 + Double(gradient[$1.0]) * Double($1.1) }
          // Small enough to meet few kinks, large enough for single precision.
          let length: Float = 1e-4
          func moved(_ sign: Float) -> Double {
            for (index, part) in zip(range, direction) { model.parameters.start[index] = original[index] + sign * length * part }
            return value(pass, test.loss)
          }
          let difference = (moved(1) - moved(-1)) / Double(2 * length)
          for index in range { model.parameters.start[index] = original[index] }
          if Self.agree(difference, slope) { close += 1 }
        }
        #expect(close >= Self.fewest, "layer of \(plan.shape), \(range.count) parameters: \(close) of 8")
      }
    }
    // By the input's values, as attacks use them.
    let before = pass.input.elements
    var close = 0
    for _ in 0..<8 {
      let direction = before.map { _ in random.normal() }
      let slope = zip(inputGradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      func moved(_ sign: Float) -> Double {
        for index in before.indices { pass.input.start[index] = before[index] + sign * 1e-4 * direction[index] }
        return value(pass, test.loss)
      }
      let difference = (moved(1) - moved(-1)) / 2e-4
      for index in before.indices { pass.input.start[index] = before[index] }
      if Self.agree(difference, slope) { close += 1 }
    }
    #expect(close >= Self.fewest, "input: \(close) of 8")
  }

  private static func agree(_ difference: Double, _ slope: Double) -> Bool {
    abs(difference - slope) < 0.01 * abs(slope) + 0.01
  }
  /// Of eight directions: the kinks of ReLUs and intervals bend some.
  private static let fewest = 5

  @Test func fakeQuantisationPassesGradientsWithinItsEnds() {
    let lattice = lockstep_lattice(scale: 0.25, low: 0, high: 15)
    let x: [Float] = [-0.1, 0, 0.124, 0.125, 1, 3.75, 3.76, 9]
    var y = [Float](repeating: 0, count: x.count)
    lockstep_quantize(x, &y, x.count, lattice)
    #expect(y == [0, 0, 0, 0.25, 1, 3.75, 3.75, 3.75])
    var gradient = [Float](repeating: 1, count: x.count)
    lockstep_quantize_gradient(x, &gradient, x.count, lattice)
    #expect(gradient == [0, 1, 1, 1, 1, 1, 0, 0])
  }

  /// Each number that goes in is moved alone: what that does to the ends, straight through, is the gradient.
  @Test func fakeQuantisationOfIntervalsPassesGradientsWithinItsEnds() {
    let lattice = lockstep_lattice(scale: 0.25, low: 0, high: 15)
    let (center, radius): ([Float], [Float]) = ([1, 0.1, 3.7, -2, 5], [0.5, 0.3, 0.3, 0.5, 0.5])
    var (c, r) = ([Float](repeating: 0, count: 5), [Float](repeating: 0, count: 5))
    lockstep_quantize_interval(center, radius, &c, &r, 5, lattice)
    #expect(c == [1, 0.25, 3.625, 0, 3.75] && r == [0.5, 0.25, 0.125, 0, 0])
    // By the center alone, then by the radius alone: (high ± low) / 2 where the end is inside.
    var (g, h) = ([Float](repeating: 1, count: 5), [Float](repeating: 0, count: 5))
    lockstep_quantize_interval_gradient(center, radius, &g, &h, 5, lattice)
    #expect(g == [1, 0.5, 0.5, 0, 0] && h == [0, 0.5, -0.5, 0, 0])
    (g, h) = ([Float](repeating: 0, count: 5), [Float](repeating: 1, count: 5))
    lockstep_quantize_interval_gradient(center, radius, &g, &h, 5, lattice)
    #expect(g == [0, 0.5, -0.5, 0, 0] && h == [1, 0.5, 0.5, 0, 0])
  }

  @Test func weightsBeyondTheirEndsGetNoGradient() {
    let lattices = [lockstep_lattice(scale: 0.5, low: -3, high: 3), lockstep_lattice(scale: 1, low: -3, high: 3)]
    let weights: [Float] = [1.6, 2.6, -0.7, -3.2]
    var (codes, magnitude) = ([Float](repeating: 0, count: 4), [Float](repeating: 0, count: 4))
    lockstep_quantize_weights(weights, 2, 2, lattices, &codes, &magnitude)
    #expect(codes == [1.5, 3, -0.5, -3] && magnitude == [1.5, 3, 0.5, 3])
    var gradient: [Float] = [1, 1, 1, 1]
    lockstep_weight_gradient(weights, codes, [10, 10, 10, 10], 2, 2, lattices, &gradient)
    #expect(gradient == [0, 11, -9, 0])
  }

  @Test func meansAndTwoRoundingsAreTensorFlowLites() {
    // Means of four codes; below 128 (0 in int8) half-way is rounded down.
    var lattice = lockstep_lattice(scale: 0.5, low: 0, high: 255)
    (lattice.parts, lattice.pivot) = (4, 128)
    let codes: [Float] = [10.5, 10.75, 127.5, 128.5, 130.25]
    var y = [Float](repeating: 0, count: 5)
    lockstep_quantize(codes.map { 0.5 * $0 }, &y, 5, lattice)
    #expect(y.map { 2 * $0 } == [10, 11, 127, 129, 130])
    // To eighths, then to codes: 2.47 is 2.5, and that is 3; so is its negative.
    let signed = lockstep_lattice(scale: 0.1, low: -128, high: 127)
    var z = [Float](repeating: 0, count: 4)
    lockstep_quantize_columns([0.247, 0.247, -0.247, -0.242], &z, 2, 2, [0.125, 0], signed)
    #expect(z.map { ($0 * 10).rounded() } == [3, 2, -3, -2])
  }

  /// Of sums whose scale is four times that of what is added twice, every other lies half-way between two codes.
  @Test func halfWaySumsAreRoundedUp() throws {
    let count = 256
    /// The codes in front of the last layer, where all weights are those of identities.
    func codes(_ layers: String, _ largest: [Float]) throws -> [Float] {
      let model = try Model(
        Architecture(parsing: "input 1 1 \(count)\n\(layers)dense \(count)\n"), arithmetic: .int8, seed: 1)
      for plan in model.plans where plan.isAffine {
        for index in 0..<plan.weightCount {
          model.parameters.start[plan.weightOffset + index] = index % (count + 1) == 0 ? 1 : 0
        }
      }
      model.quantize(
        weightBits: 8, activationBits: 8, largestOutputs: largest, halvings: largest.map { _ in 0 })
      let pass = Pass(model, kind: PassKind(hasPoints: true, hasIntervals: false), capacity: 1)
      pass.begin(1)
      for pixel in 0..<count { pass.input.start[pixel] = Float(pixel) * model.inputScale }
      pass.forward()
      let scale = model.activationLattices[model.plans.count - 2].scale
      return (0..<count).map { (pass.logits[$0] / scale).rounded() }
    }
    for step in 0..<40 {
      let largest = 0.7 + 0.0173 * Float(step)
      let halves = try codes("dense \(count)\n", [largest, 1]).map { ($0 / 2 + 0.5).rounded(.down) }
      #expect(try codes("dense \(count)\nadd 1\n", [largest, 4 * largest, 1]) == halves, "\(largest)")
    }
  }

  @Test func adamWIsItsFormula() {
    // Loshchilov and Hutter, 2019, algorithm 2, in double precision.
    var (w, m, v) = ([Float(0.5), -2], [Float(0), 0], [Float(0), 0])
    var (x, first, second): ([Double], [Double], [Double]) = ([0.5, -2], [0, 0], [0, 0])
    for step in 1...20 {
      let g = [Float(step % 3) - 0.8, 0.01 * Float(step)]
      let (b1, b2) = (0.9, 0.999)
      lockstep_adamw_step(
        &w, g, &m, &v, 2,
        lockstep_adamw(
          rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: Float(1 / (1 - pow(b1, Double(step)))),
          correction2: Float(1 / (1 - pow(b2, Double(step)))), decay: 0.001))
      for i in 0..<2 {
        first[i] = b1 * first[i] + (1 - b1) * Double(g[i])
        second[i] = b2 * second[i] + (1 - b2) * Double(g[i]) * Double(g[i])
        let (mean, square) = (first[i] / (1 - pow(b1, Double(step))), second[i] / (1 - pow(b2, Double(step))))
        x[i] -= 0.01 * mean / (square.squareRoot() + 1e-8) + 0.001 * x[i]
      }
    }
    #expect(zip(w, x).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(w) \(x)")
    // What nothing moves any more comes to rest at 0, not among denormal numbers.
    for _ in 0..<100_000 {
      lockstep_adamw_step(
        &w, [0, 1e-25], &m, &v, 2,
        lockstep_adamw(rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 1, correction2: 1, decay: 0))
    }
    #expect(m == [0, 0] && v == [0, 0], "\(m) \(v)")
  }

  @Test func schedulesRiseAndFall() {
    var options = TrainingOptions()
    (options.method, options.trainingEpsilon, options.rise, options.rate) = (.intervals, 4, 0.5, 0.1)
    #expect([0, 0.25, 0.5, 1].map(options.radius) == [0, 2, 4, 4])
    #expect(abs(options.rate(0.03) - 0.1) < 1e-6 && options.rate(0.015) < 0.06 && options.rate(1) < 1e-6)
    #expect(abs(options.rate(0.515) - 0.05) < 1e-4)
    options.objective = .hinge
    #expect(options.loss(0) == Loss(clean: 1, margin: options.margin))
    #expect(options.loss(0.25).hinge == options.hingeFactor / 2 && options.loss(1).width == options.widthFactor)
    options.method = .standard
    #expect(options.radius(1) == 0 && options.loss(1) == Loss(clean: 1))
  }

  @Test("intervals hold every point in them, however far codes reach", arguments: [0, 1, 3])
  func intervalsAreSound(_ halvings: Int) throws {
    let model = try Model(try Architecture(parsing: Self.architecture), arithmetic: .fixedPoint, seed: 5)
    let first = loaded(model, PassKind(hasPoints: true, hasIntervals: true))
    first.forward()
    let largest = first.largestOutputs()
    func scales(_ halvings: Int) -> [Float] {
      model.quantize(
        weightBits: 5, activationBits: 4, largestOutputs: largest, halvings: largest.map { _ in halvings })
      return model.activationLattices.map(\.scale)
    }
    let (scales, halved) = (scales(0), scales(halvings))
    #expect(zip(halved, scales).allSatisfy(<=) && (halvings == 0 || zip(halved, scales).contains(where: <)))
    let pass = loaded(model, PassKind(hasPoints: true, hasIntervals: true))
    let size = model.inputCount
    var random = RandomNumbers(seed: 9)
    pass.forward()
    let certified = pass.applyLoss(Loss(worst: 1), labels: Self.labels, share: 1, counts: true).certified
    let widths = pass.widths()
    pass.rounding = 0.5
    pass.forward()
    #expect(pass.widths() > widths, "what may be rounded either way reaches further")
    for round in 0..<200 {
      pass.rounding = round % 2 == 0 ? 0 : 0.5
      for index in 0..<pass.points * size {
        let center = pass.input.start[pass.points * size + index]
        let sign: Float = random.next() & 1 == 0 ? 1 : -1
        pass.input.start[index] = center + sign * pass.inputRadius.start[index] * (random.next() & 3 == 0 ? random.uniform() : 1)
      }
      pass.forward()
      #expect(pass.holdsPoints())
      let found = pass.applyLoss(Loss(worst: 1), labels: Self.labels, share: 1, counts: true).certified
      #expect(round % 2 == 0 ? found == certified : found <= certified)
    }
  }
}
