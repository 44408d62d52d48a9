import Testing

@testable import Evaluation

@Suite struct FiguresTests {
  @Test("a confusion matrix counts by label and class; ranks say how many labels are among the best")
  func confusion() {
    var matrix = ConfusionMatrix(classes: 3)
    for (label, predicted, rank) in [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 1, 2), (2, 2, 0), (2, 2, 0)] {
      matrix.add(label: label, predicted: predicted, rank: rank)
    }
    #expect(matrix.counts == [[1, 1, 0], [0, 1, 0], [0, 1, 2]])
    #expect(matrix.samples == 6 && matrix.correct == 4)
    #expect((1...3).map { matrix.correct(amongBest: $0) } == [4, 5, 6])
    #expect(matrix.recall(2) == 2.0 / 3 && matrix.precision(1) == 1.0 / 3 && matrix.support(0) == 2)
    #expect(ConfusionMatrix(classes: 2).recall(0) == nil && ConfusionMatrix(classes: 2).precision(1) == nil)
  }

  @Test("outputs differ by a mean, a largest and a ratio of powers, in the second's favour")
  func outputs() {
    var comparison = OutputComparison()
    comparison.add(sample: 4, first: [1, 2], second: [1, 2])
    #expect(comparison.mean == 0 && comparison.signalToNoise == nil)
    comparison.add(sample: 9, first: [1, 0], second: [0.5, 2])
    // |0.5|, |2| of 4 elements; Σ b² = 1 + 4 + 0.25 + 4, Σ (a − b)² = 4.25.
    #expect(comparison.mean == 0.625 && comparison.largest == 2 && comparison.worst == 9)
    #expect(abs((comparison.signalToNoise ?? 0) - 3.377_528) < 1e-5, "10 · log10 (9.25 / 4.25)")
  }
}
