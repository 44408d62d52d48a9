/// A part of an index map that counts evenly: for every index below `sizes`, the target `target + Σ index · targetStrides`
/// takes the source `source + Σ index · sourceStrides`.
struct IndexRun {
  var sizes: [Int]
  var target: Int
  var targetStrides: [Int]
  var source: Int
  var sourceStrides: [Int]

  /// This run, `count` times, the targets `leap` and the sources `step` apart.
  func repeated(_ count: Int, leap: Int, step: Int) -> IndexRun {
    IndexRun(
      sizes: [count] + sizes, target: target, targetStrides: [leap] + targetStrides, source: source,
      sourceStrides: [step] + sourceStrides)
  }
}

/// Where each element of an axis comes from, as few evenly counting runs: an enlarged axis is one of two dimensions, a
/// repeated one likewise, a mirrored one has one for each turn.
enum IndexMap {
  /// Inner dimensions longer than this are not looked for where a map does not count evenly as a whole.
  private static let longestBlock = 64

  /// The runs of a map; nil where they are more than `most`.
  static func runs(of map: [Int], atMost most: Int) -> [IndexRun]? {
    if let period = period(of: map) {
      let step = map[period] - map[0]
      return runs(of: Array(map[..<period]), atMost: most)?.map {
        $0.repeated(map.count / period, leap: period, step: step)
      }
    }
    var runs: [IndexRun] = []
    var start = 0
    while start < map.count {
      guard runs.count < most else { return nil }
      let run = firstRun(of: map[start...])
      runs.append(run)
      start += run.sizes.reduce(1, *)
    }
    return runs
  }

  /// The shortest part, of two elements and more, of which the whole is repetitions, each the same distance on.
  private static func period(of map: [Int]) -> Int? {
    guard map.count >= 4 else { return nil }
    return (2...map.count / 2).first { period in
      guard map.count % period == 0 else { return false }
      let step = map[period] - map[0]
      return map.indices.dropLast(period).allSatisfy { map[$0 + period] == map[$0] + step }
    }
  }

  /// As many of the first elements as count evenly in one dimension or, in whole blocks, in two.
  private static func firstRun(of map: ArraySlice<Int>) -> IndexRun {
    let (target, first) = (map.startIndex, map[map.startIndex])
    guard map.count > 1 else {
      return IndexRun(sizes: [1], target: target, targetStrides: [1], source: first, sourceStrides: [1])
    }
    let step = map[target + 1] - first
    let straight = map.indices.first { map[$0] != first + ($0 - target) * step }.map { $0 - target } ?? map.count
    var longest = IndexRun(sizes: [straight], target: target, targetStrides: [1], source: first, sourceStrides: [step])
    var length = straight
    for block in 1...min(straight, longestBlock) where 2 * block <= map.count {
      let leap = map[target + block] - first
      let end =
        map.indices.first { map[$0] != first + ($0 - target) / block * leap + ($0 - target) % block * step }
        .map { $0 - target } ?? map.count
      guard end / block * block > length else { continue }
      length = end / block * block
      longest = IndexRun(
        sizes: [end / block, block], target: target, targetStrides: [block, 1], source: first,
        sourceStrides: [leap, step])
    }
    return longest
  }
}

extension Move {
  /// The copies whose target is row-major of the maps' lengths and takes, along each axis, the source's elements that
  /// the map names.
  static func copies(of maps: [[IndexRun]], from shape: [Int]) -> [Copy] {
    let sourceStrides = rowMajorStrides(shape)
    let targetStrides = rowMajorStrides(
      maps.map { $0.reduce(0) { count, run in count + run.sizes.reduce(1, *) } })
    var copies = [Copy(operand: 0, sizes: [], sourceStart: 0, sourceStrides: [], targetStart: 0, targetStrides: [])]
    for (axis, runs) in maps.enumerated() {
      let (step, leap) = (sourceStrides[axis], targetStrides[axis])
      copies = copies.flatMap { copy in
        runs.map { run in
          Copy(
            operand: 0, sizes: copy.sizes + run.sizes, sourceStart: copy.sourceStart + run.source * step,
            sourceStrides: copy.sourceStrides + run.sourceStrides.map { $0 * step },
            targetStart: copy.targetStart + run.target * leap,
            targetStrides: copy.targetStrides + run.targetStrides.map { $0 * leap })
        }
      }
    }
    return copies.map { $0.merged() }
  }
}
