/// How two networks' outputs differ over samples, in real values.
public struct OutputComparison: Sendable, Equatable {
  /// Real outputs were compared, so many of them.
  public private(set) var elements = 0
  public private(set) var samples = 0
  /// Of |a − b|.
  public private(set) var sum = 0.0
  public private(set) var largest = 0.0
  /// The sample with the largest difference.
  public private(set) var worst: Int?
  /// Of a² of the reference b, and of (a − b)².
  private var signal = 0.0
  private var noise = 0.0
  /// Samples to which the two give different classes, in order.
  public private(set) var changes: [Change] = []

  /// A sample to which the two networks give different classes.
  public struct Change: Sendable, Equatable {
    public var sample: Int
    public var label: Int?
    public var first, second: Int

    /// `first` and `second` are the classes; `label` is nil where none is known.
    public init(sample: Int, label: Int?, first: Int, second: Int) {
      self.sample = sample
      self.label = label
      self.first = first
      self.second = second
    }
  }

  /// Of no samples yet.
  public init() {}

  /// `second` is the reference. There must be as many of one as of the other.
  public mutating func add(sample: Int, first: [Float], second: [Float]) {
    precondition(first.count == second.count, "outputs of one shape")
    samples += 1
    for (a, b) in zip(first, second) {
      let difference = Double(a) - Double(b)
      elements += 1
      sum += abs(difference)
      signal += Double(b) * Double(b)
      noise += difference * difference
      if abs(difference) > largest || worst == nil {
        largest = max(largest, abs(difference))
        worst = sample
      }
    }
  }
  /// Notes a sample whose class differs; its outputs are added apart.
  public mutating func add(_ change: Change) { changes.append(change) }

  public var mean: Double { sum / Double(max(1, elements)) }
  /// 10 · log10 (Σ b² / Σ (a − b)²); nil where nothing differs.
  public var signalToNoise: Double? { noise == 0 ? nil : decibels(signal / noise) }
}
