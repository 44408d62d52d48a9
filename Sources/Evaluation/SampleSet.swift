import Importers
import IntegerProgram
import Network
import Properties
import Reporting
import Simulation

/// Images, or other vectors, with their classes: what a batch of robustness questions is about.
public struct SampleSet: Sendable {
  /// Which of the file's samples are asked about.
  public let samples: [Int]
  /// The class that each of `samples` should have.
  public let labels: [Int]
  /// The class that the network gives it.
  public let classes: [Int]
  /// Whether its label is right by `rule`.
  public let isRight: [Bool]
  /// What makes a label right.
  public let rule: ClassRule
  /// How to show a sample; nil where it is no picture.
  public let picture: PictureShape?
  /// The file of samples.
  public let file: (path: String, array: InputArray)
  private var array: InputArray { file.array }

  /// Reads `images` and `labels`, if there are any: without, the network's own class is the label. All of the file's
  /// samples are taken where `samples` is nil.
  public init(
    images: String, labels: String?, samples: [Int]?, meaning: InputMeaning = InputMeaning(), rule: ClassRule = .largest,
    simulator: Simulator
  ) throws {
    let program = simulator.program
    guard program.callInputs.count == 1, program.callOutputs.count == 1 else {
      throw UsageError(
        "--images needs a network with one input and one output; this one has \(program.callInputs.count) and "
          + "\(program.callOutputs.count). Ask by --property.")
    }
    let value = program.values[program.inputs[0]]
    let items = samples.flatMap(\.last).map { $0 + 1 }
    let array = try InputArray(path: images, for: value, meaning: meaning, items: items)
    file = (images, array)
    self.rule = rule
    let count = array.count
    self.samples = try Self.chosen(samples, of: count, in: images)
    picture = PictureShape(sample: array.vectorShape, input: value.shape)

    // A network with states is asked what it says of each sample in its first call.
    let outputs = try self.samples.map { try simulator.firstCall([array.codes($0)])[0] }
    classes = outputs.map(rule.predicted)
    if let labels {
      self.labels = try Labels.read(
        path: labels, chosen: self.samples, count: array.items, images: images,
        classes: rule.classes(outputs: program.values[program.outputs[0]].count))
    } else {
      self.labels = classes
    }
    isRight = zip(self.labels, outputs).map { rule.accepts($0, $1) }
  }

  /// The samples that are meant: those named, or all `count` of the file, or its first `most`.
  public static func chosen(
    _ named: [Int]?, of count: Int, in path: String, most: Int = .max
  ) throws(UsageError) -> [Int] {
    if let stray = named?.first(where: { $0 >= count }) {
      throw UsageError("--samples names sample \(stray); \(path.printable()) has \(counted(count, "sample")).")
    }
    return named ?? Array(0..<min(count, most))
  }

  /// The codes of sample number `sample` of the file.
  public func codes(_ sample: Int) -> [Int32] { array.codes(sample) }
}

extension PictureShape {
  /// From the shape of a sample in its file, or of the network's input; nil where neither is a picture's.
  public init?(sample: [Int], input: [Int]) {
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
