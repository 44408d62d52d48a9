extension Operation.Kind {
  /// Whether the operation puts codes of any width elsewhere and computes nothing.
  public var isMovement: Bool {
    switch self {
    case .reshape, .squeeze, .expandDimensions, .transpose: true
    default: false
    }
  }
}
