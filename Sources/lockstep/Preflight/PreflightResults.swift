import Foundation
import Reporting

/// What the gate found: `results.json` of an evidence folder. The summaries for people are made from this.
struct PreflightResults: Codable, Equatable {
  static let format = "lockstep-preflight-1"

  /// A file and what is in it: SHA-256, in hexadecimal.
  struct File: Codable, Equatable {
    var path, sha256: String
  }

  struct Device: Codable, Equatable {
    var target, description: String
    var flashBytes, ramBytes, stackBytes: Int
    /// What the target gives to the image: linker script, start-up and runner.
    var files: [File]
  }

  struct Compiler: Codable, Equatable {
    var command: String
    /// The first line of what it says of its version.
    var version: String
    var configuration: String
    var flags: [String]
  }

  /// What the network takes of the device.
  struct Memory: Codable, Equatable {
    var codeBytes, constantBytes, arenaBytes: Int
    /// Constants that start-up copies into RAM.
    var constantBytesInRAM: Int
    /// As painting shows it, and as the deepest path of calls bounds it.
    var measuredStackBytes, stackBound: Int?
  }

  /// What one inference takes; nil what the target cannot count.
  struct Inference: Codable, Equatable {
    var instructions, cycles, estimatedCycles: Int?
    /// Where the estimate's figures are from.
    var timing: String?
  }

  struct Table: Codable, Equatable {
    /// The titles, then a row for each layer.
    var rows: [[String]]
    /// Whether a column is of text.
    var isText: [Bool]
  }

  struct Check: Codable, Equatable {
    enum Outcome: String, Codable {
      case held, failed
      /// Neither shown nor refuted.
      case open
      /// There was nothing to look at.
      case empty = "none"
      /// Not looked at, since another check failed.
      case notRun = "not run"
    }

    var name: String
    var outcome: Outcome
    /// The figures, or the reason.
    var text: String
    /// What else is to be said, a line each.
    var details: [String] = []
    var seconds = 0.0
  }

  var format = Self.format
  /// Lockstep's.
  var version: String
  var network: String
  var model: File
  /// SHA-256 of the integer program, which stands in the C and in the image.
  var program: String
  var device: Device
  var compiler: Compiler
  /// The options of `preflight`, with paths in this folder.
  var arguments: [String]
  /// The image that ran; nil where none was made.
  var image: File?
  var memory: Memory?
  var inference: Inference?
  var layers: Table?
  var checks: [Check] = []

  /// Whether the network may be flashed.
  enum Verdict: String, Codable {
    case cleared, refused, open
  }

  /// Everything must hold.
  var verdict: Verdict {
    if checks.contains(where: { $0.outcome == .failed || $0.outcome == .notRun }) { return .refused }
    return checks.contains { $0.outcome == .open } ? .open : .cleared
  }

  // MARK: As a file

  private enum FileKeys: String, CodingKey { case verdict }

  var seconds: Double { checks.reduce(0) { $0 + $1.seconds } }

  /// The file's bytes: the verdict for those who read no more, then everything.
  func fileBytes() throws -> [UInt8] {
    struct File: Encodable {
      let results: PreflightResults
      func encode(to encoder: any Encoder) throws {
        try results.encode(to: encoder)
        var keys = encoder.container(keyedBy: FileKeys.self)
        try keys.encode(results.verdict, forKey: .verdict)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(File(results: self))) + [UInt8(ascii: "\n")]
  }

  /// Nil where the bytes are no results, or of another format.
  init?(fileBytes: [UInt8]) {
    guard let results = try? JSONDecoder().decode(Self.self, from: Data(fileBytes)), results.format == Self.format,
      results.isWellFormed
    else { return nil }
    self = results
  }

  /// Whether figures and tables are such as can be shown: the file may be anyone's.
  private var isWellFormed: Bool {
    let sizes =
      [device.flashBytes, device.ramBytes, device.stackBytes]
      + (memory.map {
        [$0.codeBytes, $0.constantBytes, $0.arenaBytes, $0.constantBytesInRAM, $0.measuredStackBytes ?? 0, $0.stackBound ?? 0]
      } ?? []) + [inference?.instructions ?? 0, inference?.cycles ?? 0, inference?.estimatedCycles ?? 0]
    let isTable = layers.map { table in
      !table.isText.isEmpty && !table.rows.isEmpty && table.rows.allSatisfy { $0.count == table.isText.count }
    }
    return sizes.allSatisfy { (0...1 << 50).contains($0) } && isTable != false
      && version.utf8.count < 40 && version.utf8.allSatisfy { (0x2D...0x7A).contains($0) }
      && checks.allSatisfy { (0...1e9).contains($0.seconds) }
  }

  init(
    version: String, network: String, model: File, program: String, device: Device, compiler: Compiler,
    arguments: [String]
  ) {
    self.version = version
    self.network = network
    self.model = model
    self.program = program
    self.device = device
    self.compiler = compiler
    self.arguments = arguments
  }

  /// The results without what no two runs have in common.
  var timeless: Self {
    var results = self
    for index in results.checks.indices { results.checks[index].seconds = 0 }
    return results
  }
}
