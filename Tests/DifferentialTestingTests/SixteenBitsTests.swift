import Arithmetic
import DifferentialTesting
import IntegerProgram
import Network
import Simulation
import Testing

/// Random networks of 16 × 8.
@Suite struct SixteenBitsTests {
  @Test("the networks are the same each time, mostly lowered, and some accumulate in 64 bits")
  func variety() throws {
    var (lowered, long, narrow, functions) = (0, 0, 0, 0)
    var kinds: Set<String> = []
    var reasons: [String: Int] = [:]
    for seed in 0..<200 as Range<UInt64> {
      let network = RandomNetwork.makeWithSixteenBits(seed: seed)
      try network.validate()
      do {
        let program = try IntegerProgram(lowering: network)
        #expect(try IntegerProgram(lowering: RandomNetwork.makeWithSixteenBits(seed: seed)).digest == program.digest)
        lowered += 1
        for step in program.steps {
          kinds.insert(step.source.type)
          switch step.operation {
          case .affine(let affine) where affine.isLong: long += 1
          case .product(let product) where product.isLong: long += 1
          case .lookup(let lookup):
            #expect(lookup.formula != nil || lookup.table.count <= 256, "no large table: \(step.source.type)")
            functions += 1
          default: break
          }
        }
        narrow += program.callOutputs.count { program.values[$0].type == .int8 }
        if seed % 10 == 0 {
          let inputs = program.inputs.map { value in
            let range = program.values[value].range
            return (0..<program.values[value].count).map { Int32(range.lowerBound + Int64($0 * 7919) % Int64(range.count)) }
          }
          #expect(try Simulator(program).run(inputs) == ReferenceInterpreter(program).run(inputs))
        }
      } catch let error as NetworkError {
        let reason = error.issues[0].reason.split { $0.isNumber || $0 == "." || $0 == "-" }.joined(separator: "#")
        reasons[reason, default: 0] += 1
      }
    }
    #expect(lowered >= 170, "\(reasons)")
    #expect(long > 10 && narrow > 5 && functions > 10, "\(long), \(narrow), \(functions)")
    #expect(kinds.isSuperset(of: ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "SOFTMAX", "LEAKY_RELU"]))
  }
}
