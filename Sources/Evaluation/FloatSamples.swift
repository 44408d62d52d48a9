import Importers
import IntegerProgram
import Network
import Quantization
import Reporting

/// Samples of a float network's inputs: a file for each input, or one `.npz` with an array of each input's name.
public struct FloatSamples: Sendable {
  public let count: Int
  /// What the codes of each input will be.
  public let inputs: [InputCodes]
  /// Where each input's samples are, and what they hold.
  public let files: [(path: String, array: InputArray)]
  /// Whether an input takes whole numbers for the real ones that they are.
  private let isOfNumbers: [Bool]

  /// The first `items` samples of the files, or all.
  public init(
    paths: [String], for network: FloatNetwork, meaning: InputMeaning = InputMeaning(), items: Int? = nil
  ) throws {
    let tensors = network.inputTensors
    let places = paths.count == 1 && tensors.count > 1 ? try Self.members(of: paths[0], for: tensors) : paths
    guard places.count == tensors.count else {
      throw UsageError(
        "\(counted(places.count, "file")) of samples for \(counted(tensors.count, "input")), "
          + "\(Self.list(tensors.map(\.name))): give a file for each, or one .npz with an array of each name.")
    }
    files = try zip(tensors.indices, places).map { position, path in
      (path, try InputArray(path: path, forInput: position, of: network, meaning: meaning, items: items))
    }
    count = files.first?.array.count ?? 0
    for (path, array) in files where array.count != count {
      throw FileError(path: path, reason: "holds \(array.count) samples, \(places[0].printable()) \(count)")
    }
    let range = meaning.pixels ?? .usual
    inputs = files.enumerated().map { position, file in
      if network.rows(ofInput: position) != nil { return .integers }
      return file.array.holdsBytes ? .pixels(low: range.low, high: range.high) : .reals
    }
    isOfNumbers = tensors.indices.map { tensors[$0].type != .float32 && network.rows(ofInput: $0) == nil }
  }

  /// The real values of one sample, for each input.
  public func reals(_ sample: Int) -> [[Float]] { files.map { $0.array.reals(sample) } }

  /// The real values of one sample from which ranges are found: throws where one is as good as infinite, and would stand
  /// for what a mask hides.
  public func calibrating(_ sample: Int) throws(FileError) -> [[Float]] {
    let vectors = reals(sample)
    for (vector, file) in zip(vectors, files) {
      guard let element = vector.firstIndex(where: { abs($0) >= Calibration.infinite }) else { continue }
      throw FileError(
        path: file.path,
        reason: "sample \(sample), element \(element) is \(vector[element]), and no number to choose scales by, which end "
          + "below \(Calibration.infinite): leave the sample out (--samples), or mend it")
    }
    return vectors
  }

  /// The same samples as the codes of `program`, a network that this one was turned into.
  public func codes(for program: IntegerProgram, items: Int? = nil) throws(FileError) -> [InputArray] {
    var arrays: [InputArray] = []
    for (position, (value, file)) in zip(program.inputs, files).enumerated() {
      if isOfNumbers[position] {
        arrays.append(try file.array.quantized(for: program.values[value], path: file.path))
        continue
      }
      if case .integers = inputs[position] {
        arrays.append(file.array)
        continue
      }
      let meaning = InputMeaning(bytes: file.array.holdsBytes ? .pixels : nil)
      arrays.append(try InputArray(path: file.path, for: program.values[value], meaning: meaning, items: items))
    }
    return arrays
  }

  // MARK: Archives

  /// The arrays of an archive that are called as the inputs are.
  private static func members(of path: String, for tensors: [Tensor]) throws -> [String] {
    let wanted = list(tensors.map(\.name))
    guard let members = try ArrayPath(path).members() else {
      throw FileError(
        path: path,
        reason: "is one array, and the network has the inputs \(wanted): give a .npz with an array of each name, or a file "
          + "for each input, in this order")
    }
    let found = tensors.map { tensor in names(of: tensor).first(where: members.contains) }
    let missing = zip(tensors, found).filter { $1 == nil }.map(\.0.name)
    guard missing.isEmpty else {
      throw FileError(
        path: path,
        reason: "has no array \(list(missing)); the network's inputs are \(wanted), and the file holds \(list(members))")
    }
    return found.map { "\(path):\($0 ?? "")" }
  }

  /// The name of an input, and what it is called before TensorFlow's converter adds to it.
  private static func names(of tensor: Tensor) -> [String] {
    var short = tensor.name[...]
    if short.hasPrefix("serving_default_") { short = short.dropFirst(16) }
    if short.hasSuffix(":0") { short = short.dropLast(2) }
    return [tensor.name, String(short)]
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(20).map { "\"\($0.printable(60))\"" }.joined(separator: ", ")
  }
}

extension InputArray {
  /// Reads `path` for an input of a float network: real values, pixels, or for an input of whole numbers such.
  public init(
    path: String, forInput position: Int, of network: FloatNetwork, meaning: InputMeaning, items: Int? = nil
  ) throws(FileError) {
    let tensor = network.inputTensors[position]
    guard tensor.type != .float32 else {
      try self.init(path: path, forReals: tensor.name, shape: tensor.shape, meaning: meaning, items: items)
      return
    }
    guard let rows = network.rows(ofInput: position) else {
      let file = try ArrayFile.read(path: path, items: items)
      let numbers = file.array.integers.map { NumPyArray($0.map { Float($0) }, shape: file.array.shape) } ?? file.array
      let value = Value(name: tensor.name, tensor: nil, shape: tensor.shape, type: .int8, scale: 1, zeroPoint: 0)
      try self.init(numbers, for: value, path: path, items: file.items, contents: "\(file.array.element)")
      return
    }
    let indices = Value(
      name: tensor.name, tensor: nil, shape: tensor.shape, type: .narrowest(for: 0...Int64(max(rows, 2) - 1)),
      range: 0...Int64(rows - 1), scale: 1, zeroPoint: 0)
    let file = try ArrayFile.read(path: path, items: items)
    guard file.array.element.isFloat else {
      try self.init(path: path, for: indices, meaning: InputMeaning(bytes: .codes), items: items)
      return
    }
    // Whole numbers may be written as real ones.
    let reals =
      file.array.elements(0..<file.array.count, as: Double.self)
      ?? file.array.elements(0..<file.array.count, as: Float.self)?.map { Double($0) } ?? []
    let numbers = reals.map { Int64(exactly: $0) }
    if let place = numbers.firstIndex(of: nil) {
      throw FileError(
        path: path, reason: "number \(place) is \(reals[place]), and \"\(tensor.name.printable())\" takes indices, whole numbers")
    }
    try self.init(
      NumPyArray(numbers.compactMap { $0 }, shape: file.array.shape), for: indices, path: path, items: file.items,
      contents: "\(file.array.element)")
  }

  /// The same real values as codes of `value`.
  func quantized(for value: Value, path: String) throws(FileError) -> InputArray {
    let numbers = NumPyArray((0..<count).flatMap { reals($0) }, shape: [count] + value.shape)
    return try InputArray(numbers, for: value, path: path, items: items)
  }
}
