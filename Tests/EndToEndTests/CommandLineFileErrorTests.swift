import Foundation
import Testing

/// Files that are no networks: exit status 65, a message that names them, and nothing on stdout or on disk.
@Suite struct CommandLineFileErrorTests {
  enum BadFile: String, CaseIterable, Sendable {
    case missing, empty, truncated, otherFormat, folder, unsupported

    /// What the message must say.
    var reason: String {
      switch self {
      case .missing: "there is no such file"
      case .empty: "empty"
      case .truncated: "damaged or cut short"
      case .otherFormat: "identifier"
      case .folder: "is a folder"
      case .unsupported: "CUSTOM ExampleOp"
      }
    }

    func make(in folder: TemporaryFolder) throws -> String {
      switch self {
      case .missing: return folder.path("missing.tflite")
      case .empty: return try folder.write([], "empty.tflite")
      case .truncated:
        return try folder.write(Data(contentsOf: Place.digits).dropLast(5000), "truncated.tflite")
      case .otherFormat: return try folder.write("{ \"this\": \"is JSON\" }".utf8, "other.tflite")
      case .folder:
        try FileManager.default.createDirectory(
          atPath: folder.path("folder"), withIntermediateDirectories: false)
        return folder.path("folder")
      case .unsupported:
        let corpus = try OperatorCorpus.unpacked.get()
        return try #require(corpus.unsupported.first { $0.stem == "custom_operator" }).path
      }
    }
  }

  @Test(
    "a bad model ends each command with status 65 and a message", arguments: BadFile.allCases,
    ["inspect", "simulate", "compile", "difftest"])
  func badModel(file: BadFile, command: String) throws {
    let folder = try TemporaryFolder()
    let model = try file.make(in: folder)
    let options: [String] =
      switch command {
      case "simulate": ["--input", folder.path("x.npy"), "--output", folder.path("output")]
      case "compile": ["--output", folder.path("output")]
      default: []
      }
    let run = try CommandRun([command, model] + options)
    #expect(run.status == 65)
    #expect(run.output == "")
    #expect(run.error.hasPrefix("error: \(model): "), "\(run.error)")
    #expect(run.error.contains(file.reason), "\(run.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("output")))
  }

  @Test(
    "wrong usage ends with status 64 and shows the usage",
    arguments: [
      ["inspect"], ["inspect", "--operators", "x.tflite"], ["simulate", "x.tflite"], ["nonsense"],
      ["simulate", "x.tflite", "--input", "x.npy", "--output", "y.npy", "--jobs", "0"],
      ["simulate", "x.tflite", "--input", "x.npy", "--output", "y.npy", "--layer-vectors", "0"],
      ["inspect", "x.tflite", "--rounding", "upward"],
    ])
  func wrongUsage(arguments: [String]) throws {
    let run = try CommandRun(arguments)
    #expect(run.status == 64)
    #expect(run.output == "")
    #expect(run.error.contains("Usage: lockstep") || run.error.contains("USAGE: lockstep"), "\(run.error)")
  }

  @Test("a network that is refused has all its faults listed")
  func allFaults() throws {
    let corpus = try OperatorCorpus.unpacked.get()
    let model = try #require(corpus.unsupported.first { $0.stem == "dynamic_shape" })
    let run = try CommandRun("inspect", model.path)
    #expect(run.error.contains("2 faults:"))
    #expect(run.error.contains("tensor 0 \"x\" has the shape [1, -1, 4]") && run.error.contains("tensor 1 "))
  }
}
