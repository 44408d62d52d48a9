import ArgumentParser
import IntegerProgram
import Simulation

/// `lockstep bench`: what Tests/bench.sh sets beside other runtimes.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Time the simulator on one thread; a line of JSON a model.", shouldDisplay: false)

  @Argument(help: ArgumentHelp("The networks.", valueName: "model"))
  var paths: [String]

  @OptionGroup var function: SignatureArgument

  func run() throws {
    for path in paths {
      let program = try ModelFile(path: path, signature: function.signature).program(LoweringOptions())
      let nanoseconds = Simulator(program).nanosecondsPerInference()
      print(
        "{\"model\": \"\(program.name)\", \"nanoseconds\": \(nanoseconds), "
          + "\"multiplyAccumulates\": \(program.multiplyAccumulates)}")
    }
  }
}
