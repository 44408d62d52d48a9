import Network

/// The elements of a constant, row-major, as numbers.
struct ConstantArray {
  enum Elements {
    case integers([Int64])
    case reals([Float])

    var count: Int {
      switch self {
      case .integers(let integers): integers.count
      case .reals(let reals): reals.count
      }
    }
  }

  var shape: [Int]
  var elements: Elements

  init(shape: [Int], _ elements: Elements) {
    self.shape = shape
    self.elements = elements
  }

  /// A list of integers.
  init(vector: [Int]) { self.init(shape: [vector.count], .integers(vector.map(Int64.init))) }

  /// Zeros: of codes those, whatever they stand for.
  init(zeros shape: [Int], of type: ElementType) throws(EvaluationFault) {
    let count = try elementCount(shape)
    let isReal = type == .float32 || type == .float16
    self.init(
      shape: shape,
      isReal ? .reals(Array(repeating: 0, count: count)) : .integers(Array(repeating: 0, count: count)))
  }

  /// The elements of a constant tensor; nil where its type is not read or elements are missing.
  init?(_ tensor: Tensor) {
    if let integers = tensor.integers {
      self.init(shape: tensor.shape, .integers(integers))
    } else if let reals = tensor.floats ?? tensor.halves {
      self.init(shape: tensor.shape, .reals(reals))
    } else {
      return nil
    }
    guard shape.allSatisfy({ $0 >= 0 }), (try? elementCount(shape)) == elements.count else { return nil }
  }

  /// The bytes of a tensor of `type`, little-endian.
  func bytes(as type: ElementType) throws(EvaluationFault) -> [UInt8] {
    var bytes: [UInt8] = []
    func fault(_ element: Any) -> EvaluationFault {
      EvaluationFault("it makes \(element), which is not of its output's type, \(type)")
    }
    switch (elements, type) {
    case (.integers(let integers), .integer), (.integers(let integers), .boolean):
      let range = type.codes ?? 0...1
      for integer in integers {
        guard range.contains(integer) else { throw fault(integer) }
        bytes.append(littleEndian: integer, width: type.byteCount ?? 1)
      }
    case (.reals(let reals), .float32):
      bytes = [UInt8](littleEndian: reals)
    case (.reals(let reals), .float16):
      bytes = [UInt8](littleEndian: reals.map { Float16($0).bitPattern }, width: 2)
    default:
      throw EvaluationFault("it makes \(elements.count) numbers, and its output is \(type)")
    }
    return bytes
  }

  /// The elements as integers; a fault where they are reals.
  func integers() throws(EvaluationFault) -> [Int64] {
    guard case .integers(let integers) = elements else { throw EvaluationFault("an input of it is real, not integers") }
    return integers
  }

  /// The elements as sizes, or axes and places, which may be negative.
  func sizes(negative: Bool = false) throws(EvaluationFault) -> [Int] {
    let most = Int64(1) << 31
    var sizes: [Int] = []
    for integer in try integers() {
      guard (negative ? -most...most : 0...most).contains(integer) else {
        throw EvaluationFault("it is given \(integer) for a size, axis or place")
      }
      sizes.append(Int(integer))
    }
    return sizes
  }

  /// The one element, as a size or axis.
  func size() throws(EvaluationFault) -> Int {
    let sizes = try sizes(negative: true)
    guard sizes.count == 1 else { throw EvaluationFault("it is given \(sizes.count) numbers where one is expected") }
    return sizes[0]
  }

  /// The elements at these places; `fill` where a place is −1.
  func selecting(_ places: [Int], shape: [Int], fill: Int64 = 0) -> ConstantArray {
    switch elements {
    case .integers(let integers):
      ConstantArray(shape: shape, .integers(places.map { $0 < 0 ? fill : integers[$0] }))
    case .reals(let reals): ConstantArray(shape: shape, .reals(places.map { $0 < 0 ? Float(fill) : reals[$0] }))
    }
  }
}
