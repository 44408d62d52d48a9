import CTrainingKernels
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
    let model = try Model(try Architecture(parsing: Self.architecture), seed: 3)
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

  @Test("intervals hold every point in them") func intervalsAreSound() throws {
    let model = try Model(try Architecture(parsing: Self.architecture), seed: 5)
    var options = TrainingOptions()
    (options.weightBits, options.activationBits) = (5, 4)
    let first = loaded(model, PassKind(hasPoints: true, hasIntervals: true))
    first.forward()
    model.quantize(options, largestOutputs: first.largestOutputs())
    let pass = loaded(model, PassKind(hasPoints: true, hasIntervals: true))
    let size = model.inputCount
    var random = RandomNumbers(seed: 9)
    pass.forward()
    let certified = pass.applyLoss(Loss(worst: 1), labels: Self.labels, share: 1).certified
    for _ in 0..<200 {
      for index in 0..<pass.points * size {
        let center = pass.input.start[pass.points * size + index]
        let sign: Float = random.next() & 1 == 0 ? 1 : -1
        pass.input.start[index] = center + sign * pass.inputRadius.start[index] * (random.next() & 3 == 0 ? random.uniform() : 1)
      }
      pass.forward()
      #expect(pass.holdsPoints())
      #expect(pass.applyLoss(Loss(worst: 1), labels: Self.labels, share: 1).certified == certified)
    }
  }
}
