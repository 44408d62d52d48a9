/// How samples of each class were classified.
public struct ConfusionMatrix: Sendable, Equatable {
  /// For each label, how many samples were given each class.
  public private(set) var counts: [[Int]]
  /// How many samples had so many classes before their label.
  public private(set) var ranks: [Int]

  /// Of nothing yet; labels and classes given are 0 ..< `classes`.
  public init(classes: Int) {
    counts = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    ranks = Array(repeating: 0, count: classes)
  }

  /// `rank` is the number of classes that come before the label.
  public mutating func add(label: Int, predicted: Int, rank: Int) {
    counts[label][predicted] += 1
    ranks[rank] += 1
  }

  public var classes: Int { counts.count }
  public var samples: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }
  public var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  /// Samples whose label is among the `count` best classes.
  public func correct(amongBest count: Int) -> Int { ranks.prefix(count).reduce(0, +) }

  /// Samples that have a label, and those that were given a class.
  public func support(_ label: Int) -> Int { counts[label].reduce(0, +) }
  /// How many samples were given the class, whatever their label.
  public func predicted(_ label: Int) -> Int { counts.reduce(0) { $0 + $1[label] } }
  /// The share of a class's samples that were given it; nil where it has none.
  public func recall(_ label: Int) -> Double? { Self.share(counts[label][label], of: support(label)) }
  /// The share of the samples given a class that are of it; nil where none was.
  public func precision(_ label: Int) -> Double? { Self.share(counts[label][label], of: predicted(label)) }

  private static func share(_ count: Int, of all: Int) -> Double? { all == 0 ? nil : Double(count) / Double(all) }
}
