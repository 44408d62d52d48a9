import CTFLite
import Network

extension Operation.Kind {
  /// The operator code and version of an operation that moves codes, or reckons without options but these; nil where
  /// TensorFlow Lite has none.
  func movement(_ options: inout ctflite_options, outputs: Int) -> (Int32, Int32)? {
    switch self {
    case .slice: return (65, 2)
    case .split: return (49, 2)
    case .splitSizes: return (102, 2)
    case .pack(let axis):
      options.axis = Int32(clamping: axis)
      return (83, 2)
    case .unpack(let axis):
      options.axis = Int32(clamping: axis)
      return (88, 2)
    case .tile: return (69, 2)
    case .broadcastTo: return (130, 2)
    case .gather(let axis, let batchDimensions):
      options.axis = Int32(clamping: axis)
      options.batch_dimensions = Int32(clamping: batchDimensions)
      return (36, batchDimensions == 0 ? 2 : 5)
    case .gatherND: return (107, 2)
    case .reverse: return (105, 2)
    case .mirrorPad(let repeatsEdge):
      options.mirror_mode = repeatsEdge ? 1 : 0
      return (100, 2)
    case .depthToSpace(let block):
      options.block = Int32(clamping: block)
      return (5, 1)
    case .spaceToDepth(let block):
      options.block = Int32(clamping: block)
      return (26, 2)
    case .spaceToBatch: return (38, 2)
    case .batchToSpace: return (37, 2)
    case .resizeNearest(let rule):
      options.aligns_corners = rule.alignsCorners
      options.has_half_pixel_centers = rule.hasHalfPixelCenters
      return (97, 3)
    case .reduce(let reduction, let keepsDimensions):
      options.keep_dimensions = keepsDimensions
      switch reduction {
      case .sum: return (74, 2)
      case .maximum: return (82, 2)
      case .minimum: return (89, 2)
      }
    case .resizeBilinear(let alignsCorners, let centresHalfPixels):
      options.aligns_corners = alignsCorners
      options.has_half_pixel_centers = centresHalfPixels
      return (23, 3)
    case .squaredDifference: return (99, 2)
    case .compare(let comparison):
      let codes: [Comparison: Int32] = [
        .equal: 71, .notEqual: 72, .less: 58, .lessOrEqual: 63, .greater: 61, .greaterOrEqual: 62,
      ]
      return codes[comparison].map { ($0, 2) }
    case .logical(.and): return (86, 1)
    case .logical(.or): return (84, 1)
    case .logical(.not): return (87, 1)
    case .logSoftmax: return (50, 2)
    case .normalize: return (11, 2)
    case .select: return (123, 1)
    case .divide(.none): return (42, 1)
    case .parametricRelu: return (54, 1)
    case .maximum: return (55, 2)
    case .minimum: return (57, 2)
    default: return nil
    }
  }
}

extension RealFunction {
  /// The operator code and version of a function, its options set; nil where TensorFlow Lite has none.
  func builtin(_ options: inout ctflite_options) -> (Int32, Int32)? {
    switch self {
    case .absolute: return (101, 2)
    case .negated: return (59, 1)
    case .elu(let alpha): return alpha == 1 ? (111, 1) : nil
    case .exponential: return (47, 2)
    case .logarithm: return (73, 2)
    case .squareRoot: return (75, 1)
    case .reciprocalSquareRoot: return (76, 2)
    case .square: return (92, 1)
    case .sine: return (66, 1)
    case .cosine: return (108, 1)
    case .floor: return (8, 1)
    case .ceiling: return (104, 1)
    case .rounded: return (116, 1)
    case .gelu(let isApproximate):
      options.is_approximate = isApproximate
      return (150, 2)
    default: return nil
    }
  }
}
