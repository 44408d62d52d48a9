import Importers
import Network
import Quantization
import Testing

@testable import Evaluation

@Suite struct FloatSamplesTests {
  /// A sum of two inputs, named as TensorFlow's converter names them.
  private func network() throws -> FloatNetwork {
    var network = Network(name: "two", tensors: [], operations: [], inputs: [0, 1], outputs: [2])
    for name in ["serving_default_a:0", "b", "sum"] {
      network.tensors.append(Tensor(name: name, shape: [1, 2], type: .float32))
    }
    network.operations = [.init(.add(.none), typeName: "ADD", inputs: [0, 1], outputs: [2])]
    return try FloatNetwork(network)
  }
  private let a = NumPyArray([1, 2, 3, 4] as [Float], shape: [2, 2])
  private let b = NumPyArray([0, 255, 51, 102] as [UInt8], shape: [2, 2])

  @Test("an archive has an array of each input's name, or of what it was called before conversion")
  func archive() throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let both = try folder.write(Archive.stored([("b", b), ("a", a)]), "x.npz")
    let samples = try FloatSamples(paths: [both], for: network())
    #expect(samples.count == 2 && samples.reals(0) == [[1, 2], [0, 1]])
    #expect(samples.inputs == [.reals, .pixels(low: 0, high: 1)])
    // Or a file each, in order.
    let files = [try folder.write(a.fileBytes, "a.npy"), try folder.write(b.fileBytes, "b.npy")]
    #expect(try FloatSamples(paths: files, for: network()).reals(1) == samples.reals(1))

    let missing = try folder.write(Archive.stored([("b", b), ("c", a)]), "y.npz")
    #expect { try FloatSamples(paths: [missing], for: network()) } throws: {
      "\($0)".contains("has no array \"serving_default_a:0\"; the network's inputs are \"serving_default_a:0\", \"b\", and the "
        + "file holds \"b\", \"c\"")
    }
    #expect { try FloatSamples(paths: [files[0]], for: network()) } throws: {
      "\($0)".contains("give a .npz with an array of each name, or a file for each input")
    }
    #expect(throws: UsageError.self) { try FloatSamples(paths: files + files, for: network()) }
    let short = try folder.write(NumPyArray([1, 2] as [Float], shape: [1, 2]).fileBytes, "s.npy")
    #expect { try FloatSamples(paths: [files[0], short], for: network()) } throws: { "\($0)".contains("holds 1 samples") }
  }
}
