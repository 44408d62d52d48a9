/// How a tensor lies in memory: for each of its axes, the sizes and strides of the loops that walk along it, outermost
/// first. So transpositions and most reshapes cost nothing: images stay batch, height, width, channels in memory while
/// ONNX counts their axes in another order.
struct StridedView: Equatable {
  struct Loop: Equatable { var size, stride: Int }

  /// Loops of size 1 are left out.
  private(set) var axes: [[Loop]]

  init(rowMajor shape: [Int]) {
    self.init(shape: shape, inMemory: Array(shape.indices))
  }

  /// A tensor of `shape` whose axes lie in memory in the order `order`, outermost first.
  init(shape: [Int], inMemory order: [Int]) {
    axes = Array(repeating: [], count: shape.count)
    var stride = 1
    for axis in order.reversed() {
      if shape[axis] != 1 { axes[axis] = [Loop(size: shape[axis], stride: stride)] }
      stride *= shape[axis]
    }
  }

  var shape: [Int] { axes.map { $0.reduce(1) { $0 * $1.size } } }
  var count: Int { shape.reduce(1, *) }

  func transposed(_ permutation: [Int]) -> StridedView {
    var result = self
    result.axes = permutation.map { axes[$0] }
    return result
  }

  /// The same elements in the same order as another shape; nil where memory cannot be walked that way.
  func reshaped(to shape: [Int]) -> StridedView? {
    guard shape.reduce(1, *) == count else { return nil }
    var rest = Self.merged(axes.flatMap { $0 })[...]
    var result = self
    result.axes = []
    for size in shape {
      var axis: [Loop] = []
      var left = size
      while left > 1 {
        guard let loop = rest.popFirst() else { return nil }
        if left % loop.size == 0 {
          axis.append(loop)
          left /= loop.size
        } else if loop.size % left == 0 {
          let inner = loop.size / left
          axis.append(Loop(size: left, stride: loop.stride * inner))
          rest = [Loop(size: inner, stride: loop.stride)] + rest
          left = 1
        } else {
          return nil
        }
      }
      result.axes.append(axis)
    }
    return result
  }

  /// Whether memory holds the axes in the order `order`, outermost first, without gaps.
  func lies(inMemory order: [Int]) -> Bool {
    let loops = Self.merged(order.flatMap { axes[$0] })
    return loops.isEmpty || loops.count == 1 && loops[0].stride == 1
  }

  var isRowMajor: Bool { lies(inMemory: Array(axes.indices)) }

  /// Whether `axes` walk, in order, through blocks of `size` elements that lie one behind the other.
  func walksBlocks(of size: Int, axes range: Range<Int>) -> Bool {
    let loops = Self.merged(range.flatMap { axes[$0] })
    return loops.isEmpty || loops.count == 1 && loops[0].stride == size
  }

  /// The axis along which neighbours in memory lie, where it is walked by one loop.
  var innermostAxis: Int? { axes.firstIndex { $0.count == 1 && $0[0].stride == 1 } }

  /// What brings the axes into the order `order` in memory: the sizes of the loops as they lie in memory, and which
  /// of these each loop of the result is.
  func transposition(to order: [Int]) -> (sizes: [Int], permutation: [Int]) {
    let loops = axes.flatMap { $0 }.sorted { $0.stride > $1.stride }
    let targets = order.flatMap { axes[$0] }
    return (loops.map(\.size), targets.map { target in loops.firstIndex(of: target) ?? 0 })
  }

  /// How far the first step along an axis reaches in memory; 0 where it has one index alone.
  func reach(of axis: Int) -> Int { axes[axis].first?.stride ?? 0 }

  /// For each index along `axis`, how far it lies from the first, in elements.
  func offsets(along axis: Int) -> [Int] {
    axes[axis].reduce([0]) { starts, loop in
      starts.flatMap { start in (0..<loop.size).map { start + $0 * loop.stride } }
    }
  }

  /// Neighbouring loops as one where they walk memory as one.
  private static func merged(_ loops: [Loop]) -> [Loop] {
    loops.reduce(into: []) { result, loop in
      if let last = result.last, last.stride == loop.size * loop.stride {
        result[result.count - 1] = Loop(size: last.size * loop.size, stride: loop.stride)
      } else {
        result.append(loop)
      }
    }
  }
}
