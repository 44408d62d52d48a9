import CodeGeneration
import IntegerProgram
import Network
import Testing

@testable import DifferentialTesting

/// Random rows of signal operators: they are lowered, and what a changed generator would make of them is seen.
@Suite struct RandomSignalTests {
  @Test func `random rows of signal operators are valid and lowered, and hold every kind of signal`() throws {
    var kinds: Set<String> = []
    var states = 0
    for seed in 1...80 as ClosedRange<UInt64> {
      let network = RandomNetwork.makeSignals(seed: seed)
      try network.validate()
      let program = try IntegerProgram(lowering: network)
      kinds.formUnion(network.operations.map(\.typeName))
      states += program.states.count
      #expect(program.digest == (try IntegerProgram(lowering: RandomNetwork.makeSignals(seed: seed))).digest)
    }
    #expect(kinds.isSuperset(of: Set(SignalKinds.names)), "\(kinds.sorted())")
    #expect(states > 5)
  }

  @Test(.enabled(if: CompilerScript.compiler != nil, "skipped: no C compiler is installed"))
  func `a changed constant of each kind of signal is seen in what the generated C makes`() throws {
    let wanted: Set = ["energy", "filter bank", "noise", "remainder", "gain", "logarithm"]
    var caught: Set<String> = []
    for seed in 1...120 as ClosedRange<UInt64> where caught != wanted {
      let program = try IntegerProgram(lowering: RandomNetwork.makeSignals(seed: seed))
      for (index, step) in program.steps.enumerated() {
        guard case .signal(let signal) = step.operation, let mutant = Mutation.biasOff.apply(to: program, from: index),
          case .signal(let changed) = mutant.program.steps[index].operation, changed != signal
        else { continue }
        let kind = SignalKinds.name(of: signal)
        guard !caught.contains(kind) else { continue }
        let report = try CompilerScript.with { build in
          try DifferentialTest(program, generating: mutant.program, plan: mutant.plan)
            .run(TestVectors.random(for: program, count: 12, seed: seed), builds: [build])
        }
        if !report.problems.isEmpty { caught.insert(kind) }
      }
    }
    #expect(caught == wanted)
  }
}

private enum SignalKinds {
  static let names = [
    "Window", "FftAutoScale", "Rfft", "Energy", "FilterBank", "FilterBankSquareRoot", "FilterBankSpectralSubtraction",
    "PCAN", "FilterBankLog", "Framer", "Stacker", "Delay", "OverlapAdd", "Irfft",
  ].map { "CUSTOM Signal" + $0 }

  static func name(of signal: Signal) -> String {
    switch signal {
    case .room: "room"
    case .shifted: "shifted"
    case .spectrum: "spectrum"
    case .samples: "samples"
    case .energy: "energy"
    case .filterBank: "filter bank"
    case .root: "root"
    case .noise: "noise"
    case .remainder: "remainder"
    case .gain: "gain"
    case .logarithm: "logarithm"
    }
  }
}
