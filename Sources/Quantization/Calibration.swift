import Network

/// What the tensors of a float network hold over a set of samples: the least and the largest element of each, and a part
/// of its elements, taken evenly, from which scales are chosen.
public struct Calibration: Sendable {
  struct Tensor: Sendable {
    var least: Float = .infinity
    var largest: Float = -.infinity
    /// Whether some stand for −∞, as masks and what windows are padded with.
    var reachesDown = false
    /// The least of what is largest in each row, where a softmax reads them.
    var leastPeak: Float = .infinity
    var elements: [Float] = []
  }

  private(set) var tensors: [Int: Tensor] = [:]
  private var seen = 0
  private let perSample: Int

  /// From here on numbers are those that the infinite constants of masks have become.
  public static let infinite: Float = 0x1p100
  /// The elements of one tensor that are kept in all.
  private static let kept = 1 << 15

  /// For so many samples to come.
  public init(samples: Int) { perSample = max(1, Self.kept / max(samples, 1)) }

  /// Runs one sample, a vector for each input, through the network; the outputs. Throws where a layer leaves the real
  /// numbers, with the sample's number, by default its place among those that were run.
  @discardableResult public mutating func add(
    _ vectors: [[Float]], sample: Int? = nil, to network: FloatNetwork
  ) throws -> [[Float]] {
    var fault: Int?
    let depths = network.softmaxRows
    let outputs = network.run(vectors) { tensor, elements in
      var found = tensors[tensor] ?? Tensor()
      for element in elements where abs(element) < Self.infinite {
        found.least = min(found.least, element)
        found.largest = max(found.largest, element)
      }
      if elements.contains(where: { $0 <= -Self.infinite }) { found.reachesDown = true }
      if fault == nil, !elements.allSatisfy({ $0.isFinite }) { fault = tensor }
      if let depth = depths[tensor] {
        for row in Swift.stride(from: 0, to: elements.count, by: depth) {
          // A row that is masked as a whole says nothing of the others.
          guard let peak = elements[row..<row + depth].max(), peak > -1000 else { continue }
          found.leastPeak = min(found.leastPeak, peak)
        }
      }
      let step = max(1, elements.count / perSample)
      for place in Swift.stride(from: seen % step, to: elements.count, by: step)
      where abs(elements[place]) < Self.infinite {
        found.elements.append(elements[place])
      }
      tensors[tensor] = found
    }
    if let fault {
      throw NetworkError(
        "sample \(sample ?? seen) makes what is no finite number in \"\(network.network.tensors[fault].name.printable())\"")
    }
    seen += 1
    return outputs
  }
}

/// How the range of an activation is found that codes have to cover.
public enum RangeRule: Sendable, Hashable {
  case minimumMaximum
  /// So many hundredths of the elements lie inside: (100 − p) / 2 of them are cut off at either end.
  case percentile(Double)

  func range(_ tensors: [Calibration.Tensor]) -> ClosedRange<Float> {
    let least = tensors.map(\.least).min() ?? 0
    let largest = tensors.map(\.largest).max() ?? 0
    guard least <= largest else { return 0...0 }
    switch self {
    case .minimumMaximum: return min(least, largest)...largest
    case .percentile(let percent):
      let sorted = tensors.flatMap(\.elements).sorted()
      guard !sorted.isEmpty else { return 0...0 }
      let cut = Int((Double(sorted.count) * (100 - percent) / 200).rounded(.down))
      let bounded = min(max(cut, 0), (sorted.count - 1) / 2)
      return sorted[bounded]...sorted[sorted.count - 1 - bounded]
    }
  }
}
