import DifferentialTesting
import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration

/// Where values lie in the arena: no plan lets a step destroy what is still to be read.
@Suite struct MemoryPlanTests {
  /// An arena that is known to do for a deployed network.
  struct Bound: Sendable, CustomTestStringConvertible {
    let model: String
    let bytes: Int
    var testDescription: String { model }
  }
  /// What TensorFlow Lite Micro's kernels need when they are called directly, with lifetimes planned by hand.
  static let bounds = [
    Bound(model: "ad01_int8", bytes: 772),
    Bound(model: "kws_ref_model", bytes: 16_256),
    Bound(model: "pretrainedResnet_quant", bytes: 51_456),
    Bound(model: "vww_96_int8", bytes: 65_536),
    Bound(model: "person_detect", bytes: 56_320),
    Bound(model: "micro_speech_quantized", bytes: 5_972),
    Bound(model: "hello_world_int8", bytes: 64),
  ]

  private func check(_ plan: MemoryPlan, _ program: IntegerProgram, alignment: Int = 1, _ place: String) {
    if let fault = ArenaReplay.fault(of: plan, for: program) {
      Issue.record("\(place), alignment \(alignment): \(fault)")
    }
    for block in plan.blocks where block.offset % alignment != 0 {
      Issue.record("\(place): a block starts at \(block.offset), no multiple of \(alignment)")
    }
    #expect(plan.arenaSize % alignment == 0, "\(place)")
  }

  @Test func everyReadFindsItsOwnValueInRandomNetworks() {
    var (tested, shared) = (0, 0)
    for seed in 1...2_200 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed) else { continue }
      let plan = MemoryPlan(program)
      check(plan, program, "seed \(seed)")
      tested += 1
      if plan.arenaSize < plan.largestLiveSet { shared += 1 }
    }
    #expect(tested >= 2_000)
    // Else nothing difficult has been tested.
    #expect(shared > tested / 4, "\(shared) of \(tested) plans let a step write over its input")
  }

  @Test("states keep the arena's start for themselves, and are made there where nothing has to be copied")
  func states() {
    var (tested, made) = (0, 0)
    for seed in 1...4_000 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed, keepingState: true), !program.states.isEmpty else { continue }
      let plan = MemoryPlan(program)
      check(plan, program, "seed \(seed)")
      tested += 1
      let homes = Set(program.states.compactMap { plan.blockOfValue[$0.read] })
      #expect(homes.count == program.states.count, "seed \(seed)")
      for (index, block) in plan.blocks.enumerated() {
        if homes.contains(index) {
          #expect(block.firstStep == -1 && block.lastStep == program.steps.count && block.offset + block.size <= plan.stateSize)
        } else {
          #expect(block.offset >= plan.stateSize, "seed \(seed): a block is lent the states' memory")
        }
      }
      made += program.states.count { plan.blockOfValue[$0.read] == plan.blockOfValue[$0.written] }
    }
    #expect(tested >= 150 && made >= 30, "\(tested) programs with states, \(made) states made where they live")
  }

  @Test func everyReadFindsItsOwnValueInLargerNetworks() {
    for seed in 1...40 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed, limits: .medium) else { continue }
      check(MemoryPlan(program), program, "medium seed \(seed)")
    }
  }

  @Test func everyReadFindsItsOwnValueInNetworksOfSixteenBits() {
    var shared = 0
    for seed in 1...120 as ClosedRange<UInt64> {
      guard let program = RandomProgram.makeWithSixteenBits(seed: seed) else { continue }
      let plan = MemoryPlan(program)
      check(plan, program, "16 bits, seed \(seed)")
      if plan.arenaSize < plan.largestLiveSet { shared += 1 }
    }
    #expect(shared > 5, "\(shared) arenas are smaller than what is alive at once")
  }

  /// Past two thousand blocks the planner tries less.
  @Test func everyReadFindsItsOwnValueInAVeryLongNetwork() throws {
    let limits = RandomNetworkLimits(
      operations: 2_400...2_400, elements: 60, weightBytes: 2_000_000, multiplyAccumulates: 2_000)
    let program = try #require(RandomProgram.make(seed: 1, limits: limits))
    let plan = MemoryPlan(program)
    #expect(plan.blocks.count > 2_000)
    check(plan, program, "very long")
    check(MemoryPlan(program, alignment: 4), program, alignment: 4, "very long")
  }

  @Test(arguments: [2, 4, 16, 64]) func alignedPlansAreAlignedAndSafe(_ alignment: Int) {
    for seed in 3_000...3_150 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed) else { continue }
      check(MemoryPlan(program, alignment: alignment), program, alignment: alignment, "seed \(seed)")
    }
  }

  @Test func everyReadFindsItsOwnValueInTheBundledNetwork() throws {
    let program = try Place.program(Place.digits)
    let plan = MemoryPlan(program)
    check(plan, program, "digits")
    #expect(plan.arenaSize <= 3_160)
  }

  @Test(.enabled(if: Place.hasSharedModels, Place.sharedModelsAreAbsent), arguments: bounds)
  func deployedNetworksFitTheirArenaAndReadTheirOwnValues(_ bound: Bound) throws {
    let program = try Place.program(Place.sharedModels.appending(path: "\(bound.model).tflite"))
    let plan = MemoryPlan(program)
    check(plan, program, bound.model)
    #expect(plan.arenaSize <= bound.bytes)
  }

  @Test func theSameProgramGetsTheSamePlan() throws {
    for program in RandomProgram.first(60, from: 4_000) + [try Place.program(Place.digits)] {
      let plans = (0..<2).map { _ in MemoryPlan(program) }
      let texts = plans.map { plan in "\(plan.blocks) \(plan.arenaSize) \(plan.blockOfValue) \(plan.scratchOfStep)" }
      #expect(texts[0] == texts[1])
    }
  }

  /// How far an output may reach into a dying input, counted from the accesses themselves: after a write, nothing at or
  /// below its place is read again.
  @Test func noStepIsAllowedToOverlapItsInputFurtherThanItsAccessesBear() {
    struct Accesses: AccessVisitor {
      let input, output: Int
      /// Bytes of their codes.
      let widths: [Int]
      var order: [(isWrite: Bool, element: Int)] = []
      mutating func read(_ value: Int, _ element: Int) { if value == input { order.append((false, element)) } }
      mutating func write(_ value: Int, _ element: Int) { if value == output { order.append((true, element)) } }
      mutating func readScratch(_ element: Int) {}
      mutating func writeScratch(_ element: Int) {}

      var leastDistance: Int {
        var (lowest, distance) = (Int.max, Int.min)
        for access in order.reversed() {
          if !access.isWrite {
            lowest = min(lowest, access.element * widths[0])
          } else if lowest != Int.max {
            distance = max(distance, (access.element + 1) * widths[1] - lowest)
          }
        }
        return distance
      }
    }
    var (tested, tight, wide) = (0, 0, 0)
    var programs: [(seed: UInt64, program: IntegerProgram?)] = []
    for seed in 5_000...5_400 as ClosedRange<UInt64> {
      programs.append((seed, RandomProgram.make(seed: seed)))
      if seed % 4 == 0 { programs.append((seed, RandomProgram.makeWithSixteenBits(seed: seed))) }
    }
    for (seed, program) in programs {
      guard let program else { continue }
      for (index, step) in program.steps.enumerated() where Set(step.inputs).count == step.inputs.count {
        for (position, input) in step.inputs.enumerated() where program.values[input].constant == nil {
          guard let distance = StepOverlap.distance(of: step, input: position, in: program) else { continue }
          let output = program.values[step.output]
          let widths = [program.values[input].bytesPerCode, output.bytesPerCode]
          var accesses = Accesses(input: input, output: step.output, widths: widths)
          KernelAccesses(program: program).visit(step: index, &accesses)
          let least = accesses.leastDistance
          #expect(distance >= least, "seed \(seed), step \(index), input \(position)")
          tested += 1
          if widths[1] == 2 { wide += 1 }
          if least == Int.min || distance - least <= (output.shape.last ?? 1) * widths[1] { tight += 1 }
        }
      }
    }
    #expect(tested > 500 && wide > 20, "\(tested), \(wide)")
    #expect(tight > tested * 9 / 10, "\(tight) of \(tested) distances are within a pixel of what is possible")
  }

  @Test func theReplayFindsAValueThatLiesOverALiveOne() {
    var planted = 0
    for program in RandomProgram.first(200, from: 6_000) {
      let plan = MemoryPlan(program)
      for (index, output) in plan.blocks.enumerated() where output.lastStep == program.steps.count {
        for (other, block) in plan.blocks.enumerated()
        where other != index && block.firstStep > output.firstStep && block.size > 0 {
          var broken = plan
          broken.blocks[other].offset = output.offset + output.size - 1
          broken.arenaSize = max(plan.arenaSize, output.offset + output.size - 1 + block.size)
          #expect(ArenaReplay.fault(of: broken, for: program) != nil)
          planted += 1
        }
      }
    }
    #expect(planted > 20)
  }

  @Test func theReplayFindsAnOutputOneByteTooFarIntoItsInput() {
    var planted = 0
    for program in RandomProgram.first(200, from: 7_000) {
      let plan = MemoryPlan(program)
      for (index, step) in program.steps.enumerated() {
        guard case .lookup = step.operation, let from = plan.blockOfValue[step.inputs[0]],
          let to = plan.blockOfValue[step.output], plan.blocks[from].offset == plan.blocks[to].offset,
          plan.blocks[to].firstStep == index, plan.blocks[to].size > 1
        else { continue }
        var broken = plan
        broken.blocks[to].offset += 1
        broken.arenaSize += 1
        #expect(ArenaReplay.fault(of: broken, for: program)?.step == index)
        planted += 1
      }
    }
    #expect(planted > 20)
  }

  @Test func thePlansTextAndJSONTellThePlan() throws {
    struct File: Decodable {
      struct Block: Decodable {
        var offset, size, firstStep, lastStep: Int
        var values: [String]
      }
      struct Step: Decodable {
        var step, offset: Int
        var type, name: String
        var shape: [Int]
        var codes: [Int]
      }
      var arena, alignment, tables, multiplyAccumulates: Int
      var programDigest: String
      var blocks: [Block]
      var steps: [Step]
    }
    for program in RandomProgram.first(20, from: 8_000) + [try Place.program(Place.digits)] {
      let project = try GeneratedProject(program)
      let plan = project.generator.plan
      let file = try JSONDecoder().decode(File.self, from: Data(project.text("\(project.prefix)_plan.json").utf8))
      #expect(file.arena == plan.arenaSize && file.alignment == 4)
      #expect(file.multiplyAccumulates == program.multiplyAccumulates)
      #expect(file.tables == project.generator.tableBytes)
      #expect(file.programDigest == program.digest)
      #expect(file.blocks.map(\.offset) == plan.blocks.map(\.offset))
      #expect(file.blocks.map(\.size) == plan.blocks.map(\.size))
      #expect(file.blocks.map(\.firstStep) == plan.blocks.map(\.firstStep))
      #expect(file.blocks.map(\.lastStep) == plan.blocks.map(\.lastStep))
      #expect(file.blocks.map(\.values) == plan.blocks.map { $0.values.map { program.values[$0].name } })
      #expect(file.steps.map(\.offset) == program.steps.map { plan.offset(ofValue: $0.output) })
      #expect(file.steps.map(\.name) == program.steps.map(\.source.name))
      #expect(file.steps.map(\.type) == program.steps.map(\.source.type))
      #expect(file.steps.map(\.shape) == program.steps.map { program.values[$0.output].shape })

      let lines = try project.text("\(project.prefix)_plan.txt").split(separator: "\n").map { line in
        line.split(separator: " ", omittingEmptySubsequences: true)
      }
      #expect(lines.first?.suffix(2) == ["\(plan.arenaSize)", "bytes"])
      for block in plan.blocks {
        let ends = [block.offset, block.offset + block.size, block.size].map { Substring("\($0)") }
        #expect(lines.contains { $0.prefix(3) == ends[...] }, "no line for \(block)")
      }
    }
  }
}
