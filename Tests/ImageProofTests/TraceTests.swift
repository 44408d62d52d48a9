import DifferentialTesting
import IntegerProgram
import MachineCode
import Testing

@testable import ImageProof

/// The symbolic reading against the concrete one: behind every instruction each register's form, at a real input, is
/// what the register holds. A form that says something false would be found here even where no result shows it.
struct TraceTests {
  /// Forms at the values of some variables.
  private struct Values {
    let table: AtomTable
    var variables: [Atom: Int64]
    private var known: [Atom: Int64?] = [:]

    init(_ table: AtomTable, _ variables: [Atom: Int64]) {
      self.table = table
      self.variables = variables
    }

    /// Nil where the form depends on something else.
    mutating func word(_ form: LinearForm) -> Int32? {
      var sum = form.constant
      for term in form.terms {
        guard let value = value(term.atom) else { return nil }
        sum &+= term.coefficient &* Int32(truncatingIfNeeded: value)
      }
      return sum
    }

    private mutating func value(_ atom: Atom) -> Int64? {
      if let known = known[atom] { return known }
      let value: Int64?
      switch table.kind(atom) {
      case .variable: value = variables[atom]
      case .sum(let terms):
        var sum: Int64? = 0
        for term in terms {
          guard let total = sum, let part = self.value(term.atom) else {
            sum = nil
            break
          }
          sum = total + Int64(term.coefficient) * part
        }
        value = sum
      case .operation(let operation, let operands):
        var words: [Int32]? = []
        for operand in operands {
          var form = LinearForm(operand.constant)
          if let atom = operand.atom { form.add(atom, times: operand.coefficient) }
          guard let word = word(form) else {
            words = nil
            break
          }
          words?.append(word)
        }
        value = words.map { Int64(operation.word($0)) }
      }
      // Ranges hold, too.
      if let value {
        let span = table.span(atom)
        #expect(span.low <= value && value <= span.high, "\(table.kind(atom))")
      }
      known[atom] = value
      return value
    }
  }

  @Test(
    "behind every instruction each register is what its form says",
    .enabled(if: ProvedImage.missing("cortex-m4") == nil, "skipped: Arm's compiler or QEMU is not installed"))
  func registersAreWhatTheirFormsSay() throws {
    let image = try ProvedImage(target: "cortex-m4")
    let input = TestVectors.random(for: image.program, count: 1, seed: 9).vectors[0][0]
    let linked = try ELFImage(image.elf)
    let layout = image.layout
    var run = ImageRun(ImageProof(image.program, image: linked, layout: layout, decoder: ThumbDecoder(.armv7EM)))

    var regions = linked.segments.filter { !$0.isWritable }.map {
      MachineMemory.Region(start: $0.address, bytes: $0.bytes, isWritable: false)
    }
    regions.append(.init(start: layout.arena, bytes: Array(repeating: 0, count: layout.arenaBytes), isWritable: true))
    regions.append(
      .init(
        start: layout.stackTop - UInt32(layout.stackBytes), bytes: Array(repeating: 0, count: layout.stackBytes),
        isWritable: true))
    var emulator = Emulator(linked, instructionSet: .thumb(.armv7EM), memory: MachineMemory(regions))
    let from = try #require(layout.offsets[image.program.inputs[0]])
    try emulator.machine.memory.write(input.map { UInt8(truncatingIfNeeded: $0) }, layout.arena + UInt32(from))

    var variables: [Atom: Int64] = [:]
    for register in 0..<15 {
      switch run.machine.registers[register] {
      case .known(let number): emulator.machine[register] = number
      case .form(let form):
        let value = UInt32(0x1357_9BDF) &* UInt32(register + 1)
        if let atom = form.terms.first?.atom { variables[atom] = Int64(Int32(bitPattern: value)) }
        emulator.machine[register] = value
      case .fields: break
      }
    }
    emulator.machine.programCounter = try #require(linked.function(layout.runFunction)).address

    var compared = 0
    var faults = 0
    run.observe = { run in
      // Both sides of a branch were followed at once there.
      repeat {
        guard (try? emulator.step()) != nil else { return faults += 1 }
      } while emulator.machine.programCounter != run.machine.programCounter && emulator.instructions < 200_000
      // Codes that became variables.
      for (value, codes) in run.specification.codes.enumerated() {
        guard let offset = layout.offsets[value], let last = codes.last?.terms.first?.atom, variables[last] == nil else {
          continue
        }
        for (element, code) in codes.enumerated() {
          guard let atom = code.terms.first?.atom,
            let byte = try? emulator.machine.memory.load(layout.arena + UInt32(offset + element), bytes: 1)
          else { continue }
          variables[atom] = Int64(Int8(truncatingIfNeeded: byte))
        }
      }
      var values = Values(run.table, variables)
      for register in 0..<15 {
        guard let form = run.table.form(run.machine.registers[register]), let word = values.word(form) else { continue }
        compared += 1
        if UInt32(bitPattern: word) != emulator.machine[register] {
          faults += 1
          if faults < 5 {
            Issue.record("r\(register) before \(hexadecimal(run.machine.programCounter)): \(word), not \(emulator.machine[register])")
          }
        }
      }
    }
    let report = run.report { _ in }
    #expect(report.verdict == .proved, "\(report.findings)")
    #expect(faults == 0)
    #expect(compared > 10_000, "\(compared)")
  }
}
