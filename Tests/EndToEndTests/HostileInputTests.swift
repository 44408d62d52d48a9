import Foundation
import Testing

#if !DEBUG
  /// Damaged files. Only in optimised builds: in others arithmetic is so slow that sound work passes for a
  /// hang.
  @Suite(.serialized) struct HostileInputTests {
    @Test(
      "10,000 kinds of damage to real networks end in success or a message: no crash, no hang, no runaway memory"
    )
    func damagedNetworks() throws {
      try check([Place.digits] + Place.sharedModels, seed: 1, count: 10_000)
    }

    @Test(
      "5,000 kinds of damage to models of single operators, which have options of every kind, end likewise")
    func damagedOperators() throws {
      try check(OperatorCorpus.unpacked.get().models, seed: 2, count: 5000)
    }

    @Test("5,000 kinds of damage to models of 16 bits, 4 bits and uint8, with states and of signals end likewise")
    func damagedWidthsAndStates() throws {
      let prefixes = ["sixteen_", "integers_", "recurrent_", "states_", "signal_", "uint8_"]
      let models = try OperatorCorpus.unpacked.get().models.filter { model in
        model.stem.contains("int4") || prefixes.contains { model.stem.hasPrefix($0) }
      }
      #expect(models.count > 800)
      try check(models, seed: 4, count: 5000)
    }

    @Test("5,000 kinds of damage to ONNX models end likewise")
    func damagedONNX() throws {
      try check(OperatorCorpus.onnx.get().models, seed: 3, count: 5000)
    }

    private func check(_ files: [URL], seed: Int, count: Int) throws {
      let run = try CommandRun(
        ["fuzz-import", "--seed", "\(seed)", "--count", "\(count)", "--"] + files.map(\.path))
      print(run.output, terminator: "")
      #expect(run.status == 0, "\(run.output)\(run.error)")
      #expect(run.output.contains(" 0 crashed, 0 timed out"))
    }
  }
#endif
