import ArgumentParser
import Importers
import IntegerProgram
import Network

/// The vectors that files hold for a network's inputs, as codes.
struct InputVectors: Sendable {
  let count: Int
  private let inputs: [InputArray]

  /// Reads a file for each network input, in order.
  init(paths: [String], program: IntegerProgram) throws {
    try expect(paths.count, "--input", program.inputs, in: program)
    inputs = try zip(program.inputs, paths).map { value, path in
      try InputArray(NumPyArray(path: path), for: program.values[value], path: path)
    }
    count = inputs.first?.count ?? 0
    for (input, path) in zip(inputs, paths) where input.count != count {
      throw FileError(path: path, reason: "holds \(input.count) vectors, \(paths[0]) \(count)")
    }
  }

  /// For each network input, the codes of one vector.
  func codes(_ vector: Int) -> [[Int32]] { inputs.map { $0.codes(vector) } }

  /// The codes of all vectors.
  var all: [[[Int32]]] { (0..<count).map { codes($0) } }
}

/// Throws where an option is not given once for each of `values`, the network's inputs or outputs.
func expect(_ found: Int, _ option: String, _ values: [Int], in program: IntegerProgram) throws {
  guard found != values.count else { return }
  let names = values.map { "\"\(program.values[$0].name.printable(60))\"" }.joined(separator: ", ")
  throw ValidationError(
    "\(option) is given \(counted(found, "time")); the network needs it \(counted(values.count, "time")): \(names)."
  )
}

/// The vectors that a file holds for one network input.
struct InputArray: Sendable {
  let count: Int
  private let array: NumPyArray
  private let value: Value

  /// The vectors in `array`, read from `path`, for the network input `value`. All of it is checked here.
  ///
  /// The array is [vectors, …the input's shape…], where a leading 1 of the input's shape (the batch) may be
  /// left out; without the vectors' axis it is one vector. Integers are codes. Floating-point numbers are
  /// real values, quantised by the input's scale.
  init(_ array: NumPyArray, for value: Value, path: String) throws(FileError) {
    guard let count = Self.vectors(in: array.shape, of: value.shape) else {
      let batchless = value.shape.first == 1 ? Array(value.shape.dropFirst()) : value.shape
      throw FileError(
        path: path,
        reason:
          "has the shape \(Self.text(array.shape)); the network's input \"\(value.name.printable())\" takes "
          + "\(Self.text(batchless)) a vector, so \(Self.text(batchless, vectors: true)) is expected")
    }
    guard count > 0 else { throw FileError(path: path, reason: "holds no vectors") }
    self.count = count
    self.array = array
    self.value = value
    if let fault = fault() {
      let (vector, element) = fault.element.quotientAndRemainder(dividingBy: value.count)
      throw FileError(path: path, reason: "vector \(vector), element \(element) is \(fault.reason)")
    }
  }

  /// The codes of one vector.
  func codes(_ vector: Int) -> [Int32] {
    let range = vector * value.count..<(vector + 1) * value.count
    if let codes = array.elements(range, as: Int8.self) { return codes.map { Int32($0) } }
    if let codes = array.integers(range) { return codes.map { Int32(truncatingIfNeeded: $0) } }
    return reals(range).map { code(of: $0) }
  }

  /// The code of a real value, as TensorFlow Lite's QUANTIZE gives it: rounded half away from zero, and
  /// saturated.
  private func code(of real: Float) -> Int32 {
    let code = (real / value.scale).rounded(.toNearestOrAwayFromZero) + Float(value.zeroPoint)
    let range = value.type.range
    return Int32(min(max(code, Float(range.lowerBound)), Float(range.upperBound)))
  }

  /// Double precision is narrowed first, so that a number gives one code whichever way it was saved.
  private func reals(_ range: Range<Int>) -> [Float] {
    if let reals = array.elements(range, as: Float.self) { return reals }
    return (array.elements(range, as: Double.self) ?? []).map { Float($0) }
  }

  /// The first element that is no code or real value.
  private func fault() -> (element: Int, reason: String)? {
    let range = value.type.range
    if array.element == .int8 && range.contains(-128) && range.contains(127) { return nil }
    for vector in 0..<count {
      let part = vector * value.count..<(vector + 1) * value.count
      if let codes = array.integers(part) {
        if let element = codes.firstIndex(where: { !range.contains($0) }) {
          return (
            part.lowerBound + element,
            "\(codes[element]), outside \(value.type), \(range.lowerBound) … \(range.upperBound)"
          )
        }
      } else if let element = reals(part).firstIndex(where: { $0.isNaN }) {
        return (part.lowerBound + element, "not a number")
      }
    }
    return nil
  }

  /// How many vectors of shape `vector` an array of shape `shape` holds; nil where it holds none such.
  static func vectors(in shape: [Int], of vector: [Int]) -> Int? {
    for form in vector.first == 1 ? [vector, Array(vector.dropFirst())] : [vector] {
      if shape == form { return 1 }
      if let first = shape.first, Array(shape.dropFirst()) == form { return first }
    }
    return nil
  }

  private static func text(_ shape: [Int], vectors: Bool = false) -> String {
    "[" + ((vectors ? ["vectors"] : []) + shape.map(String.init)).joined(separator: ", ") + "]"
  }
}
