import Foundation
import Testing

/// Names of generated files: two networks' C may meet in one project.
@Suite struct CompiledNamesTests {
  @Test("networks whose C would have a file of one name are told of, by the files that both have, and no others")
  func filesOfOneName() throws {
    let folder = try TemporaryFolder()
    let model = try OperatorCorpus.unpacked.get().folder.path("converted_fully_connected_act_none.tflite")
    /// The files of C under a prefix, and what is told of them. With kernels of its own a target's package has two variants.
    func files(_ prefix: String) throws -> (names: Set<String>, warning: String) {
      let path = folder.path(prefix)
      let run = try CommandRun([
        "compile", model, "--target", "cortex-m4", "--prefix", prefix, "--output", path,
      ])
      #expect(run.status == 0, "\(run.error)")
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      return (Set(names.filter { $0.hasPrefix(prefix) && ($0.hasSuffix(".c") || $0.hasSuffix(".h")) }), run.error)
    }
    let net = try files("net").names
    for name in ["net.h", "net_io.h", "net_weights.c", "net_portable_weights.h", "net_selftest.c"] {
      #expect(net.contains(name), "\(net)")
    }
    var told = 0
    for more in ["_io", "_weights", "_selftest", "_portable", "_portable_weights", "_plan", "_run", "_2", "weights"] {
      let (names, warning) = try files("net" + more)
      let shared = names.intersection(net)
      // Of a name that two others may have, too, one is told.
      #expect(warning.contains("with the prefix net") == !shared.isEmpty, "\(more), \(shared): \(warning)")
      guard !shared.isEmpty else { continue }
      told += 1
      #expect(shared.contains { warning.contains("warning: \($0) is") } && warning.contains("--prefix"), "\(warning)")
    }
    #expect(told == 5)
  }
}
