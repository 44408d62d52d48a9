import Foundation
import Testing

#if !DEBUG
  /// Damaged files. Only in optimised builds: in others arithmetic is so slow that sound work passes for a hang.
  @Suite struct HostileInputTests {
    @Test("12,000 damaged networks end in success or a message: no crash, no hang, no runaway memory")
    func damagedNetworks() throws {
      // Large models are mostly weights, where damage does not show; the corpus has every operator's options.
      let files = [Place.digits] + Place.sharedModels + (try OperatorCorpus.unpacked.get().models)
      let run = try CommandRun(["fuzz-import", "--seed", "1", "--count", "12000", "--"] + files.map(\.path))
      print(run.output, terminator: "")
      #expect(run.status == 0, "\(run.output)\(run.error)")
      #expect(run.output.contains("0 crashed, 0 timed out"))
    }

    @Test("damage to the real networks alone ends likewise")
    func damagedRealNetworks() throws {
      let files = [Place.digits] + Place.sharedModels
      let run = try CommandRun(["fuzz-import", "--seed", "2", "--count", "6000", "--"] + files.map(\.path))
      print(run.output, terminator: "")
      #expect(run.status == 0, "\(run.output)\(run.error)")
    }
  }
#endif
