import Foundation
import Importers
import IntegerProgram
import Network
import Simulation
import Testing

@testable import lockstep

/// Files that offer several functions by name, and loops that are written out (`Tests/Operators/written_loops.py`).
@Suite struct SignatureTests {
  private func model(_ name: String) throws -> URL {
    try OperatorCorpus.unpacked.get().folder.url.appending(path: "\(name).tflite")
  }

  private func outputs(_ signature: String?, _ codes: [Int32]) throws -> [Int32] {
    let program = try ModelFile(path: model("signatures_two").path, signature: signature).program(LoweringOptions())
    return try Simulator(program).run([codes])[0]
  }

  @Test("a signature names which of a file's functions is read")
  func named() throws {
    // Codes of zero point −5 and one scale: rectified they are held to −5 and above, doubled they are 2 (x + 5) − 5.
    let codes: [Int32] = [-100, -5, 7, 40]
    #expect(try outputs("rectified", codes) == [-5, -5, 7, 40])
    #expect(try outputs("twice", codes) == [-128, -5, 19, 85])
    #expect(try outputs(nil, codes) == outputs("twice", codes))
  }

  @Test("without a name the first subgraph is read, and a notice says which there are")
  func unnamed() throws {
    let path = try model("signatures_two").path
    let notices = try ModelFile(path: path).network.notices
    #expect(notices.contains { $0.contains("\"twice\", \"rectified\"") && $0.contains("that of \"twice\"") })
    let named = try ModelFile(path: path, signature: "rectified").network
    #expect(named.signatures.map(\.name) == ["twice", "rectified"])
    #expect(named.signatures.map(\.isRead) == [false, true])
    #expect(named.signatures.map(\.inputs) == [["value"], ["value"]])
  }

  @Test("export writes the signature that is named")
  func exported() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appending(path: "rectified.tflite").path
    try ExportCommand.parse([model("signatures_two").path, "--signature", "rectified", "--output", path]).run()
    let digests = try [("rectified", true), ("twice", false)].map { name, isEqual in
      let named = try ModelFile(path: model("signatures_two").path, signature: name).program(LoweringOptions())
      return (named.digest == (try ModelFile(path: path).program(LoweringOptions()).digest)) == isEqual
    }
    #expect(digests == [true, true])
  }

  @Test("a float file's signature is quantised, and one that it has not is refused")
  func quantised() throws {
    let path = try model("signatures_two").path
    let error = #expect(throws: FileError.self) { try FloatModelFile(path: path, signature: "thrice") }
    #expect(error?.reason.contains("there are \"twice\", \"rectified\"") == true)
    let onnx = try #require(OperatorCorpus.onnx.get().models.first).path
    let other = #expect(throws: FileError.self) { try FloatModelFile(path: onnx, signature: "twice") }
    #expect(other?.reason.contains("ONNX's have none") == true)
  }

  @Test("a signature that the file has not is refused with those that it has")
  func unknown() throws {
    let path = try model("signatures_two").path
    let error = #expect(throws: FileError.self) { try ModelFile(path: path, signature: "thrice") }
    #expect(error?.reason.contains("there are \"twice\", \"rectified\"") == true)
    let none = try model("while_five").path
    let missing = #expect(throws: FileError.self) { try ModelFile(path: none, signature: "thrice") }
    #expect(missing?.reason.contains("there are none") == true)
  }

  @Test(
    "signatures that do not hold together are refused where they are asked for",
    arguments: [
      ("no_subgraph", "subgraph 7, which does not exist"), ("no_input", "tensor 9, which is no input"),
      ("no_output", "tensor 9, which does not exist"), ("output_for_input", "tensor 1, which is no input"),
    ])
  func broken(name: String, reason: String) throws {
    let path = try model("signatures/\(name)").path
    #expect(throws: Never.self) { try ModelFile(path: path, signature: "twice") }
    let error = #expect(throws: FileError.self) { try ModelFile(path: path, signature: "rectified") }
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "no error")")
  }

  @Test("a loop is written out as often as its counter says")
  func rounds() throws {
    for (name, sums) in [("while_five", 5), ("while_none", 0), ("while_once", 1), ("while_down", 3), ("while_nested", 6)] {
      let network = try ModelFile(path: model(name).path).network
      // One more stands behind the loop.
      #expect(network.operations.map(\.typeName) == Array(repeating: "ADD", count: sums + 1), "\(name)")
    }
  }
}
