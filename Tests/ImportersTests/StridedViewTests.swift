import Testing

@testable import Importers

/// A view is held to plain index arithmetic: what stands at each logical place.
@Suite struct StridedViewTests {
  /// The memory place of each element, in the logical order.
  private func places(_ view: StridedView) -> [Int] {
    view.axes.indices.reduce([0]) { starts, axis in
      starts.flatMap { start in view.offsets(along: axis).map { start + $0 } }
    }
  }

  @Test func imagesLieChannelsLast() {
    let view = StridedView(shape: [1, 2, 2, 3], inMemory: [0, 2, 3, 1])
    #expect(places(view) == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11])
    #expect(view.lies(inMemory: [0, 2, 3, 1]) && !view.isRowMajor && view.innermostAxis == 1)
  }

  @Test func aReshapeKeepsTheOrderOfElements() throws {
    let view = StridedView(shape: [1, 4, 2, 6], inMemory: [0, 2, 3, 1])
    for shape in [[48], [1, 48], [4, 12], [2, 2, 12], [1, 4, 2, 2, 3], [4, 1, 4, 3]] {
      let reshaped = try #require(view.reshaped(to: shape))
      #expect(reshaped.shape == shape && places(reshaped) == places(view))
    }
    // 8 of 4 × 2 loops would need two strides in 3 × 16.
    #expect(view.reshaped(to: [3, 16]) == nil)
    #expect(view.reshaped(to: [47]) == nil)
  }

  @Test func aTransposeAndItsInverseAreNothing() {
    let view = StridedView(rowMajor: [2, 3, 4, 5])
    let there = view.transposed([0, 2, 3, 1])
    #expect(there.shape == [2, 4, 5, 3])
    #expect(there.transposed([0, 3, 1, 2]) == view)
  }

  @Test(arguments: [[0, 1, 2, 3], [0, 2, 3, 1], [3, 0, 2, 1]])
  func aTranspositionBringsAxesIntoAnyOrder(order: [Int]) {
    let view = StridedView(shape: [2, 3, 1, 4], inMemory: [0, 2, 3, 1])
    let (sizes, permutation) = view.transposition(to: order)
    // Memory 0, 1, 2, … of shape `sizes`, transposed: the source of each element in the new order.
    let memory = StridedView(rowMajor: sizes).transposed(permutation)
    #expect(places(memory) == places(view.transposed(order)))
  }
}
