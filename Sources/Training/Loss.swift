import CTrainingKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What training makes small.
public struct Loss: Sendable, Equatable {
  /// The share of the cross-entropy of the inputs themselves.
  public var clean: Float
  /// That of the cross-entropy of worst-case logits (Gowal et al., 2018): against each other class, the most that it can
  /// lead by anywhere in the interval.
  public var worst: Float
  /// The factor of the hinge max(0, margin − lead) of the least lead in the interval, summed over the other classes and
  /// divided by the number of classes (Lechner et al., 2023; there only of pictures that get their class).
  public var hinge: Float
  public var margin: Float
  /// The factor of the mean width of the intervals behind each layer (the same).
  public var width: Float

  public init(clean: Float = 0, worst: Float = 0, hinge: Float = 0, margin: Float = 0.2, width: Float = 0) {
    self.clean = clean
    self.worst = worst
    self.hinge = hinge
    self.margin = margin
    self.width = width
  }
}

/// What a batch came to.
struct BatchResult {
  var loss = 0.0
  var count = 0
  /// Inputs that get their class, and those that get it anywhere in their interval.
  var correct = 0, certified = 0

  mutating func add(_ other: BatchResult) {
    loss += other.loss
    count += other.count
    correct += other.correct
    certified += other.certified
  }
}

/// Who wins where the codes of logits are equal: the lowest index. What differs by less than a code may be equal, and so
/// may what leaves the codes' range, which fits the logits that were seen.
private struct TieRule {
  /// The codes of logits; nil while nothing is quantised.
  let codes: lockstep_lattice?

  init(_ model: Model) {
    codes = model.isQuantized ? model.outputLattice : nil
  }

  /// Whether the integer program gives `label` all over the interval: `lead` is the most that each class can lead by, `z`
  /// the logits in the middle, `ends` how far each may move. Single precision is given 1e-4 codes.
  func isCertified(_ label: Int, _ lead: Floats, _ z: Floats, _ ends: Floats?, _ classes: Int) -> Bool {
    let code = codes?.scale ?? 0
    for other in 0..<classes where other != label {
      // What is no number is not certified.
      guard other > label ? lead[other] <= -1e-4 * code : lead[other] < -1.0001 * code else { return false }
      guard other < label, let codes, let ends else { continue }
      // Rounded twice, half a code and half of that again are the most that is added.
      guard z[other] + ends[other] < (codes.high - 1) * code, z[label] - ends[label] > (codes.low + 1) * code else {
        return false
      }
    }
    return true
  }
}

extension Pass {
  /// The loss of the batch after `forward`, and its gradients by the logits and the last layer's incoming radii, for
  /// `backward`. Each row counts `share`, the batch's size inverted. Where `counts`, the result says how many inputs get
  /// their class too.
  ///
  /// The last layer and the comparison of classes are one: how far class j can lead class y in an interval (c, r) of
  /// features is c·(W_j − W_y) + b_j − b_y + r·|W_j − W_y|.
  func applyLoss(_ loss: Loss, labels: [UInt8], share: Float, counts: Bool = false) -> BatchResult {
    var result = BatchResult()
    result.count = labels.count
    let classes = self.classes
    // Without points the intervals' centers are asked.
    if counts { result.correct = zip(givenClasses(), labels).count { $0 == Int($1) } }
    if points > 0 {
      for row in 0..<points {
        let (z, g) = (logits + row * classes, logitGradient + row * classes)
        let label = Int(labels[row])
        let cost = crossEntropy(z, label, into: g, factor: loss.clean * share)
        result.loss += Double(loss.clean * cost)
      }
    }
    guard intervals > 0 else { return result }
    lastRadiiGradient.update(repeating: 0, count: intervals * features)
    let plan = model.plans[model.plans.count - 1]
    let weights = model.quantized.start + plan.weightOffset
    let groups = Dictionary(grouping: 0..<intervals) { Int(labels[$0]) }
    let tie = counts ? TieRule(model) : nil
    // In the classes' order, since sums depend on it.
    for (label, rows) in groups.sorted(by: { $0.key < $1.key }) {
      let difference = FloatBuffer(features * classes)
      let magnitude = FloatBuffer(features * classes)
      for feature in 0..<features {
        let of = weights[feature * classes + label]
        for other in 0..<classes {
          difference.start[feature * classes + other] = weights[feature * classes + other] - of
        }
      }
      lockstep_absolute(difference.start, magnitude.start, features * classes)
      let radii = FloatBuffer(rows.count * features)
      for (place, row) in rows.enumerated() {
        (radii.start + place * features).update(from: lastRadii + row * features, count: features)
      }
      let spread = FloatBuffer(rows.count * classes)
      MatrixProduct.plain(
        radii.start, magnitude.start, into: spread.start, rows: rows.count, inner: features, columns: classes)
      let spreadGradient = FloatBuffer(rows.count * classes)
      // How far each logit itself may move, where that counts.
      let ends = tie?.codes != nil ? FloatBuffer(rows.count * classes) : nil
      if let ends {
        MatrixProduct.plain(
          radii.start, model.magnitude.start + plan.weightOffset, into: ends.start, rows: rows.count, inner: features,
          columns: classes)
      }
      for (place, row) in rows.enumerated() {
        let (z, g) = (logits + (points + row) * classes, logitGradient + (points + row) * classes)
        let lead = spread.start + place * classes
        for other in 0..<classes { lead[other] = other == label ? 0 : z[other] - z[label] + lead[other] }
        if let tie, tie.isCertified(label, lead, z, ends.map { $0.start + place * classes }, classes) {
          result.certified += 1
        }
        let cost = crossEntropy(lead, label, into: g, factor: loss.worst * share)
        result.loss += Double(loss.worst * cost)
        if loss.hinge != 0 {
          var sum: Float = 0
          let factor = loss.hinge * share / Float(classes)
          for other in 0..<classes where other != label && loss.margin + lead[other] > 0 {
            sum += loss.margin + lead[other]
            g[other] += factor
            g[label] -= factor
          }
          result.loss += Double(loss.hinge * sum / Float(classes))
        }
        let h = spreadGradient.start + place * classes
        for other in 0..<classes { h[other] = other == label ? 0 : g[other] }
      }
      // Back through the products: to the radii, and to the differences' signs.
      MatrixProduct.transposedRight(
        spreadGradient.start, magnitude.start, into: radii.start, rows: rows.count, inner: features, columns: classes)
      for (place, row) in rows.enumerated() {
        (lastRadiiGradient + row * features).update(from: radii.start + place * features, count: features)
        (radii.start + place * features).update(from: lastRadii + row * features, count: features)
      }
      MatrixProduct.transposedLeft(
        radii.start, spreadGradient.start, into: magnitude.start, rows: rows.count, inner: features, columns: classes)
      let target = parameterGradient.start + plan.weightOffset
      for feature in 0..<features {
        for other in 0..<classes where other != label {
          let at = feature * classes + other
          let d = difference.start[at]
          let g = d > 0 ? magnitude.start[at] : d < 0 ? -magnitude.start[at] : 0
          target[at] += g
          target[feature * classes + label] -= g
        }
      }
    }
    return result
  }

  /// The class that the network gives each point, or where there are none, each interval's center: by the codes of its
  /// logits, once there are codes.
  func givenClasses() -> [Int] {
    let (count, classes) = (points > 0 ? points : intervals, self.classes)
    let codes = FloatBuffer(count * classes)
    codes.start.update(from: logits, count: count * classes)
    if model.isQuantized {
      let lattice = model.outputLattice
      if let units = model.firstRoundings.last {
        lockstep_quantize_columns(codes.start, codes.start, count, classes, units, lattice)
      } else {
        // QONNX's ROUND: half-way to the even code.
        for index in 0..<count * classes {
          let code = (codes.start[index] / lattice.scale).rounded(.toNearestOrEven)
          codes.start[index] = min(max(code, lattice.low), lattice.high)
        }
      }
    }
    return (0..<count).map { best(codes.start + $0 * classes) }
  }

  /// The class of a row of logits: the largest, the lowest index among equals.
  private func best(_ z: Floats) -> Int {
    var best = 0
    for other in 1..<classes where z[other] > z[best] { best = other }
    return best
  }

  /// log Σ exp z − z[label], and `factor` times its gradient.
  private func crossEntropy(_ z: Floats, _ label: Int, into g: Floats, factor: Float) -> Float {
    var most = z[0]
    for other in 1..<classes { most = max(most, z[other]) }
    var sum: Float = 0
    for other in 0..<classes {
      g[other] = expf(z[other] - most)
      sum += g[other]
    }
    for other in 0..<classes {
      let share = g[other] / sum
      // Gradients that no parameter feels would go back as denormal numbers, which are slow.
      g[other] = factor * ((share < 1e-9 ? 0 : share) - (other == label ? 1 : 0))
    }
    return logf(sum) + most - z[label]
  }
}
