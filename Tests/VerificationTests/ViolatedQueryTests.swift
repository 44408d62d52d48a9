import Certificates
import Foundation
import IntegerProgram
import Properties
import Simulation
import Testing
import Verification

/// Queries about fixed-point networks with counterexamples: a wrong bound would hide behind a good attack, so the proof
/// stages run without it.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct ViolatedQueryTests {
  static let networks: [(path: String, images: String)] = [
    ("../shared/data/models/mnist_mlp_6bit.onnx", "mnist"),
    ("../shared/data/models/fashion_mnist_mlp_6bit.onnx", "fashion-mnist"),
    ("Tests/Networks/mnist_784-100-10_4bit.onnx", "mnist"),
    ("Tests/Networks/mnist_784-64-32-10_6bit.onnx", "mnist"),
    ("Tests/Networks/mnist_784-64-32-10_4bit.onnx", "mnist"),
  ]

  @Test(arguments: networks)
  func noneIsProvedWithTheAttackSwitchedOff(path: String, images: String) throws {
    let program = try Place.program(Place.package.appending(path: path).standardizedFileURL)
    let (samples, labels) = try Place.images(images, count: 24)
    let verifier = try Verifier(program)
    let interpreter = ReferenceInterpreter(program)
    let results = inParallel(samples.count) { index -> (isViolated: Bool, faults: [String]) in
      var faults: [String] = []
      var isViolated = false
      // The narrowest box with a counterexample is the hardest to prove away by mistake; wider ones are looser.
      for radius in [2, 4, 6, 10] as [Int32] where !isViolated {
        guard
          let property = try? Property.robustness(
            of: program, around: samples[index], radii: samples[index].map { _ in radius }, label: labels[index],
            statement: "")
        else { return (false, ["no property"]) }
        let found = verifier.verify(property, options: VerdictTests.options(Set(Stage.allCases), timeout: 0.5)).verdict
        guard case .violated(let example) = found else { continue }
        isViolated = true
        let outputs = Instance.outputs(interpreter, example.inputs)
        if !property.contains(example.inputs) || property.violation(inputs: example.inputs, outputs: outputs) == nil {
          faults.append("sample \(index), radius \(radius): no counterexample")
        }
        for subset in VerdictTests.subsets.suffix(2) {
          let result = verifier.verify(property, options: VerdictTests.options(subset.stages, timeout: 0.5))
          if case .proved = result.verdict {
            faults.append("sample \(index), radius \(radius): proved by \(subset.name)")
          }
        }
        // No narrowing on the way to a proof may lose it.
        if let bounded = try? BoundedProgram(program) {
          let trace = Trace(program, example.inputs)
          for goal in bounded.goals(of: property) where trace.meets(goal) {
            var ranges = bounded.ranges(over: property.box)
            bounded.settle(&ranges, for: goal)
            if ranges.isEmpty || trace.stray(from: ranges) != nil {
              faults.append("sample \(index), radius \(radius): settling cuts the counterexample off")
            }
          }
        }
      }
      return (isViolated, faults)
    }
    let violated = results.count { $0.isViolated }
    print("\(URL(filePath: path).lastPathComponent): \(violated) violated queries")
    #expect(results.flatMap(\.faults).isEmpty, "\(results.flatMap(\.faults).prefix(5))")
    #expect(violated >= 3)
  }
}
