import Importers
import Network

/// The classes of samples, as files have them: a list of whole numbers, one a sample.
public enum Labels {
  /// The labels of the samples that `chosen` names, out of a file for `count` samples of the file `images`.
  public static func read(
    path: String, chosen: [Int], count: Int, images: String, classes: Int
  ) throws(FileError) -> [Int] {
    let array = try NumPyArray.read(path: path)
    guard let labels = array.integers, array.shape.dropFirst().allSatisfy({ $0 == 1 }), !array.shape.isEmpty else {
      throw FileError(
        path: path, reason: "is \(array.element) of shape \(array.shape); labels are a list of integers, one a sample")
    }
    guard labels.count == count else {
      throw FileError(
        path: path,
        reason: "has \(labels.count) labels, and \(images.printable()) \(count) samples: are they of one set?")
    }
    var found: [Int] = []
    for sample in chosen {
      guard let label = Int(exactly: labels[sample]), (0..<classes).contains(label) else {
        throw FileError(
          path: path, reason: "sample \(sample) has the label \(labels[sample]); the network has \(classes) classes")
      }
      found.append(label)
    }
    return found
  }
}
