import ArgumentParser
import Importers
import IntegerProgram
import Properties
import Reporting
import Simulation

/// Images, or other vectors, with their classes: what a batch of robustness questions is about.
struct SampleSet: Sendable {
  /// Which of the file's samples are asked about.
  let samples: [Int]
  /// The class that each of `samples` should have.
  let labels: [Int]
  /// The class that the network gives it.
  let classes: [Int]
  /// How to show a sample; nil where it is no picture.
  let picture: PictureShape?
  private let array: InputArray

  /// Reads `images` (NumPy or IDX, either gzipped or not) and `labels`, if there are any: without, the network's own
  /// class is the label. All of the file's samples are taken where `samples` is nil.
  init(images: String, labels: String?, samples: [Int]?, simulator: Simulator) throws {
    let program = simulator.program
    guard program.inputs.count == 1, program.outputs.count == 1 else {
      throw ValidationError(
        "--images needs a network with one input and one output; this one has \(program.inputs.count) and "
          + "\(program.outputs.count). Ask by --property.")
    }
    let value = program.values[program.inputs[0]]
    let items = samples.flatMap(\.last).map { $0 + 1 }
    let images = (path: images, array: try NumPyArray.read(path: images, items: items))
    array = try InputArray(Self.codes(images.array, for: value, path: images.path), for: value, path: images.path)
    let count = array.count
    if let stray = samples?.first(where: { $0 >= count }) {
      throw ValidationError("--samples names sample \(stray); \(images.path) has \(counted(count, "sample")).")
    }
    self.samples = samples ?? Array(0..<count)
    picture = PictureShape(sample: images.array.shape.dropFirst().map { $0 }, input: value.shape)

    classes = try Self.classes(self.samples, array, simulator)
    if let labels {
      self.labels = try Self.labels(path: labels, self.samples, classes: program.values[program.outputs[0]].count)
    } else {
      self.labels = classes
    }
  }

  /// The codes of sample number `sample` of the file.
  func codes(_ sample: Int) -> [Int32] { array.codes(sample) }

  /// The array with samples of the input's shape, and with codes where it has 8-bit pixels: 0 … 255 stand for the
  /// input's codes from its lowest on, so that 0 is −128 for int8.
  private static func codes(_ array: NumPyArray, for value: Value, path: String) throws(FileError) -> NumPyArray {
    var shape = array.shape
    // Flat vectors and those with other axes of one fit as well; more dimensions in another order would not.
    let perSample = shape.dropFirst().reduce(1, *)
    let known = InputArray.vectors(in: shape, of: value.shape) != nil
    if !known, shape.count > 1, perSample == value.count {
      let (found, wanted) = (shape.dropFirst().filter { $0 > 1 }, value.shape.filter { $0 > 1 })
      if found.count <= 1 || wanted.count <= 1 || Array(found) == wanted { shape = [shape[0]] + value.shape }
    }
    let isPixels = array.element == .uint8 && value.type == .int8
    guard shape != array.shape || isPixels else { return array }
    let bytes = array.withBytes { Array($0) }
    return NumPyArray(
      element: isPixels ? .int8 : array.element, shape: shape, littleEndian: isPixels ? bytes.map { $0 ^ 0x80 } : bytes)
  }

  private static func classes(_ samples: [Int], _ array: InputArray, _ simulator: Simulator) throws -> [Int] {
    try samples.map { Property.predictedClass(try simulator.run([array.codes($0)])[0]) }
  }

  private static func labels(path: String, _ samples: [Int], classes: Int) throws -> [Int] {
    let array = try NumPyArray.read(path: path, items: samples.last.map { $0 + 1 })
    guard let labels = array.integers, array.shape.dropFirst().allSatisfy({ $0 == 1 }), !array.shape.isEmpty else {
      throw FileError(
        path: path, reason: "is \(array.element) of shape \(array.shape); labels are a list of integers, one a sample")
    }
    return try samples.map { sample in
      guard sample < labels.count else {
        throw FileError(path: path, reason: "has \(counted(labels.count, "label")); sample \(sample) has none")
      }
      guard let label = Int(exactly: labels[sample]), (0..<classes).contains(label) else {
        throw FileError(
          path: path, reason: "sample \(sample) has the label \(labels[sample]); the network has \(classes) classes")
      }
      return label
    }
  }
}

extension PictureShape {
  /// From the shape of a sample in its file, or of the network's input; nil where neither is a picture's.
  init?(sample: [Int], input: [Int]) {
    for shape in [sample, input] {
      var sizes = shape
      while sizes.count > 2 && sizes[0] == 1 { sizes.removeFirst() }
      switch sizes.count {
      case 2 where sizes[0] > 1 && sizes[1] > 1:
        self.init(height: sizes[0], width: sizes[1], channels: 1)
        return
      case 3 where sizes[2] == 1 || sizes[2] == 3:
        self.init(height: sizes[0], width: sizes[1], channels: sizes[2])
        return
      default: break
      }
    }
    return nil
  }
}
