import Testing

@testable import IntegerProgram

/// Index maps as few evenly counting runs.
@Suite struct IndexMapTests {
  /// What the runs say of each target, by their definition.
  private func map(_ runs: [IndexRun], count: Int) -> [Int?] {
    var map = [Int?](repeating: nil, count: count)
    for run in runs {
      var places = [(target: run.target, source: run.source)]
      for (axis, size) in run.sizes.enumerated() {
        places = places.flatMap { place in
          (0..<size).map { (place.target + $0 * run.targetStrides[axis], place.source + $0 * run.sourceStrides[axis]) }
        }
      }
      for place in places {
        #expect(map[place.target] == nil, "each target is made once")
        map[place.target] = place.source
      }
    }
    return map
  }

  @Test(
    "usual maps have few runs",
    arguments: [
      ("straight", Array(0..<40), 1), ("reversed", Array((0..<40).reversed()), 1), ("one", [7], 1),
      ("doubled", (0..<40).map { $0 / 2 }, 1), ("tiled", (0..<40).map { $0 % 8 }, 1),
      ("tiled and doubled", (0..<80).map { $0 / 2 % 8 }, 1), ("one repeated", Array(repeating: 3, count: 9), 1),
      ("mirrored", Array((1...3).reversed()) + Array(0..<10) + Array((5...8).reversed()), 3),
      ("3 from 2", (0..<30).map { $0 * 2 / 3 }, 2), ("every third", (0..<9).map { 3 * $0 + 1 }, 1),
    ] as [(String, [Int], Int)])
  func usual(name: String, indices: [Int], most: Int) throws {
    let runs = try #require(IndexMap.runs(of: indices, atMost: 100))
    #expect(map(runs, count: indices.count) == indices)
    #expect(runs.count <= most, "\(name): \(runs.count) runs")
  }

  @Test("the runs of any map say the map")
  func random() throws {
    var state: UInt64 = 42
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<400 {
      let (length, size) = (1 + draw(40), 1 + draw(20))
      var indices: [Int] = []
      while indices.count < length {
        let (start, step) = (draw(size), draw(3) - 1)
        for place in 0..<1 + draw(6) { indices.append(max(0, min(size - 1, start + place * step))) }
      }
      if draw(3) == 0 { indices += indices }
      let runs = try #require(IndexMap.runs(of: indices, atMost: 1000))
      #expect(map(runs, count: indices.count) == indices)
    }
  }

  @Test("a map with more runs than allowed is refused")
  func tooMany() {
    let indices = (0..<1000).map { $0 * $0 % 997 }
    #expect(IndexMap.runs(of: indices, atMost: 20) == nil)
  }
}
