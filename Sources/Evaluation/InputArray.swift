import Importers
import IntegerProgram
import Network
import Reporting

/// The vectors that a file holds for one network input, whatever its format; the one way in which inputs are read.
public struct InputArray: Sendable {
  public let count: Int
  /// How many vectors the whole file has, read or not.
  public let items: Int
  /// The file's shape of a vector, for pictures of it.
  public let vectorShape: [Int]
  /// What the file's numbers were taken for, where something else could have been meant.
  public let note: String?
  /// Whether the file's numbers may be pixels, so that options about bytes say something.
  public let holdsBytes: Bool
  /// What the file holds, as messages have it.
  public let contents: String
  private let array: NumPyArray
  private let value: Value

  /// Reads `path` (see `ArrayFile`), of an IDX file no more than `items` vectors where that is given. What its numbers
  /// are: floating-point numbers are real values, bytes are pixels or codes by `meaning`, other integers are codes; numbers
  /// of a CSV file are real values, whole or not, where `meaning` says so.
  public init(
    path: String, for value: Value, meaning: InputMeaning = InputMeaning(), items: Int? = nil
  ) throws(FileError) {
    let file = try ArrayFile.read(path: path, items: items)
    let type = value.type
    var numbers = file.codes(for: type, bytes: meaning.bytes ?? .pixels)
    var note: String?
    if meaning.bytes == nil, file.isAmbiguous(for: type) {
      note =
        "bytes are taken for pixels: 0 … 255 stand for the codes −128 … 127 (--bytes codes takes them for codes)"
    }
    if file.format == .csv, let integers = numbers.integers {
      if meaning.isReal {
        numbers = NumPyArray(integers.map { Double($0) }, shape: numbers.shape)
      } else if meaning.bytes == .pixels, type == .int8 {
        // Numbers outside are found with the others below.
        numbers = NumPyArray(integers.map { $0 - 128 }, shape: numbers.shape)
      } else if meaning.bytes == nil {
        note =
          "whole numbers are taken for codes (write 1.0 for real values"
          + (type == .int8 ? "; --bytes pixels takes 0 … 255 for pixels)" : ")")
      }
    }
    try self.init(file, numbers, for: value, meaning, path: path, note: note)
  }

  /// Reads `path` for an input of a network of real numbers, called `name`: floating-point numbers are real values, bytes
  /// are pixels, which stand for what `meaning` says.
  public init(
    path: String, forReals name: String, shape: [Int], meaning: InputMeaning = InputMeaning(), items: Int? = nil
  ) throws(FileError) {
    let file = try ArrayFile.read(path: path, items: items)
    let numbers = try file.reals(meaning, path: path)
    var note: String?
    if meaning.pixels == nil, file.array.element == .uint8 || meaning.bytes == .pixels && !file.array.element.isFloat {
      note = "bytes are taken for pixels, which stand for \(PixelRange.usual.text) (--pixels low:high for others)"
    }
    // Of reals nothing but the shape is looked at.
    let value = Value(name: name, tensor: nil, shape: shape, type: .int8, scale: 1, zeroPoint: 0)
    try self.init(file, numbers, for: value, meaning, path: path, note: note)
  }

  /// `numbers` are what those of `file` mean.
  private init(
    _ file: ArrayFile, _ numbers: NumPyArray, for value: Value, _ meaning: InputMeaning, path: String, note: String?
  ) throws(FileError) {
    let rounding = file.isRounded ? "16 bits a channel are rounded to 8" : nil
    let notes = [rounding, note].compactMap { $0 }
    let fitted = file.format == .pictures ? try Self.fitted(numbers, to: value, path: path) : numbers
    try self.init(
      fitted, for: value, path: path, items: file.items, note: notes.isEmpty ? nil : notes.joined(separator: "; "),
      holdsBytes: file.mayBePixels && !(file.format == .csv && meaning.isReal),
      contents: file.format == .csv
        ? meaning.isReal || file.array.element.isFloat ? "real values" : "whole numbers" : "\(file.array.element)")
  }

  /// The vectors in `array`, read from `path`, for the network input `value`. All of it is checked here.
  ///
  /// The array is [vectors, …the input's shape…], where a leading 1 of the input's shape (the batch) and other axes of 1
  /// may be left out, and flat vectors fit as well; without the vectors' axis it is one vector. Integers are codes.
  /// Floating-point numbers are real values, quantised by the input's scale.
  public init(
    _ array: NumPyArray, for value: Value, path: String, items: Int? = nil, note: String? = nil, holdsBytes: Bool = false,
    contents: String? = nil
  ) throws(FileError) {
    let shaped = Self.shaped(array, like: value.shape)
    guard let count = Self.vectors(in: shaped.shape, of: value.shape) else {
      let batchless = value.shape.first == 1 ? Array(value.shape.dropFirst()) : value.shape
      throw FileError(
        path: path,
        reason:
          "has the shape \(Self.text(array.shape)); the network's input \"\(value.name.printable())\" takes "
          + "\(Self.text(batchless)) a vector, so \(Self.text(batchless, vectors: true)) is expected")
    }
    guard count > 0 else { throw FileError(path: path, reason: "holds no vectors") }
    self.count = count
    // Where the first axis is that of the vectors, more of them may be in the file than were read.
    self.items = items.flatMap { array.shape.first == count ? $0 : nil } ?? count
    vectorShape = Array(array.shape.dropFirst())
    self.array = shaped
    self.value = value
    self.note = note
    self.holdsBytes = holdsBytes
    self.contents = contents ?? "\(array.element)"
    if let fault = fault() {
      let (vector, element) = fault.element.quotientAndRemainder(dividingBy: value.count)
      throw FileError(path: path, reason: "vector \(vector), element \(element) is \(fault.reason)")
    }
  }

  /// The codes of one vector.
  public func codes(_ vector: Int) -> [Int32] {
    let range = vector * value.count..<(vector + 1) * value.count
    if let codes = array.elements(range, as: Int8.self) { return codes.map { Int32($0) } }
    if let codes = array.integers(range) { return codes.map { Int32(truncatingIfNeeded: $0) } }
    return reals(range).map { code(of: $0) }
  }

  /// The real values of one vector: as the file has them, or what its codes stand for.
  public func reals(_ vector: Int) -> [Float] {
    let range = vector * value.count..<(vector + 1) * value.count
    if array.element.isFloat { return reals(range) }
    return codes(vector).map { value.scale * Float($0 - value.zeroPoint) }
  }

  /// The code of a real value, as TensorFlow Lite's QUANTIZE gives it: rounded half away from zero, and
  /// saturated.
  private func code(of real: Float) -> Int32 {
    let code = (real / value.scale).rounded(.toNearestOrAwayFromZero) + Float(value.zeroPoint)
    let range = value.range
    return Int32(min(max(code, Float(range.lowerBound)), Float(range.upperBound)))
  }

  /// Double precision is narrowed first, so that a number gives one code whichever way it was saved.
  private func reals(_ range: Range<Int>) -> [Float] {
    if let reals = array.elements(range, as: Float.self) { return reals }
    return (array.elements(range, as: Double.self) ?? []).map { Float($0) }
  }

  /// The first element that is no code or real value.
  private func fault() -> (element: Int, reason: String)? {
    let range = value.range
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
      } else {
        let reals = reals(part)
        if let element = reals.firstIndex(where: { !$0.isFinite }) {
          return (part.lowerBound + element, reals[element].isNaN ? "not a number" : "infinite, or past single precision")
        }
      }
    }
    return nil
  }

  // MARK: Shapes

  /// How many vectors of shape `vector` an array of shape `shape` holds; nil where it holds none such.
  public static func vectors(in shape: [Int], of vector: [Int]) -> Int? {
    for form in vector.first == 1 ? [vector, Array(vector.dropFirst())] : [vector] {
      if shape == form { return 1 }
      if let first = shape.first, Array(shape.dropFirst()) == form { return first }
    }
    return nil
  }

  /// The array with vectors of shape `vector`, where it has flat ones, or such that differ in axes of 1. More dimensions in
  /// another order would not fit.
  private static func shaped(_ array: NumPyArray, like vector: [Int]) -> NumPyArray {
    let shape = array.shape
    guard vectors(in: shape, of: vector) == nil, shape.count > 1,
      shape.dropFirst().reduce(1, *) == vector.reduce(1, *)
    else { return array }
    let (found, wanted) = (shape.dropFirst().filter { $0 > 1 }, vector.filter { $0 > 1 })
    guard found.count <= 1 || wanted.count <= 1 || Array(found) == wanted else { return array }
    return NumPyArray(
      element: array.element, shape: [shape[0]] + vector, littleEndian: array.withBytes { Array($0) })
  }

  private static func text(_ shape: [Int], vectors: Bool = false) -> String {
    "[" + ((vectors ? ["vectors"] : []) + shape.map(String.init)).joined(separator: ", ") + "]"
  }

  // MARK: Pictures

  /// Pictures [n, height, width, channels] as the input takes them: transparency left out where it has no channel, grey for
  /// each of three colours, and channels in front of rows and columns where they stand there.
  private static func fitted(_ pictures: NumPyArray, to value: Value, path: String) throws(FileError) -> NumPyArray {
    let (count, height, width) = (pictures.shape[0], pictures.shape[1], pictures.shape[2])
    let found = pictures.shape[3]
    let wanted = value.shape.first == 1 && value.shape.count > 3 ? Array(value.shape.dropFirst()) : value.shape
    // Flat inputs take pixels in rows.
    let isFirst = wanted.count == 3 && (wanted[1], wanted[2]) == (height, width) && (wanted[0], wanted[1]) != (height, width)
    let long = wanted.filter { $0 > 1 }
    let channels: Int
    switch wanted.count {
    case 3 where isFirst: channels = wanted[0]
    case 3 where (wanted[0], wanted[1]) == (height, width): channels = wanted[2]
    case _ where value.count % (height * width) == 0 && (long.count <= 1 || long == [height, width]):
      channels = value.count / (height * width)
    default: channels = 0
    }
    /// The channels of the file that each of the input's is taken from.
    let sources: [Int]
    switch (found, channels) {
    case (1, 1), (2, 1): sources = [0]
    case (1, 3), (2, 3): sources = [0, 0, 0]
    case (3, 3), (4, 3): sources = [0, 1, 2]
    case (4, 4), (2, 2): sources = Array(0..<found)
    default:
      let colours = channels == 1 && found > 2 ? ": turn it grey first, by the weights of colours that it was trained with" : ""
      throw FileError(
        path: path,
        reason:
          "is a picture of \(height) × \(width) pixels with \(counted(found, "channel")); the network's input "
          + "\"\(value.name.printable())\" takes \(Self.text(wanted))\(colours)")
    }
    let size = height * width
    // What pixels stand for has been found: numbers of any width are moved.
    let step = pictures.element.byteCount
    var bytes = [UInt8](repeating: 0, count: count * size * channels * step)
    pictures.withBytes { source in
      for picture in 0..<count {
        for pixel in 0..<size {
          for (channel, from) in sources.enumerated() {
            let place = picture * size * channels + (isFirst ? channel * size + pixel : pixel * channels + channel)
            let start = (picture * size + pixel) * found + from
            for byte in 0..<step { bytes[place * step + byte] = source[start * step + byte] }
          }
        }
      }
    }
    return NumPyArray(element: pictures.element, shape: [count] + wanted, littleEndian: bytes)
  }
}
