import CodeGeneration
import Foundation
import IntegerProgram
import Network
import Simulation
import Synchronization

/// The generated C built in several ways and run on the same vectors as the simulator; every byte of every step compared.
public struct DifferentialTest: Sendable {
  /// The first difference between the two sides on one build.
  public struct Mismatch: Sendable, CustomStringConvertible {
    public var build: String
    public var vector: Int
    /// Of a sequence that begins with the initial states and that vector, the call.
    public var call: Int?
    /// The step; nil where only the run without an observer differs.
    public var step: Int?
    public var layer: Int
    public var layerType, layerName: String
    public var element: Int
    public var expected, actual: Int32

    public var description: String {
      let place = step.map { "step \($0), layer \(layer) \(layerType) \"\(layerName.printable())\"" }
        ?? "output \"\(layerName.printable())\" of the run without an observer"
      if let call {
        return "\(build): call \(call) of a sequence from vector \(vector) on, \"\(layerName.printable())\", "
          + "element \(element): expected \(expected), got \(actual)"
      }
      return "\(build): vector \(vector), \(place), element \(element): expected \(expected), got \(actual)"
    }
  }

  public enum Outcome: Sendable {
    case equal
    case mismatch(Mismatch)
    /// The compiler refused the code, or the program did not end as it should.
    case failure(String)
    /// This machine cannot build so.
    case skipped(String)
    /// The program is larger than the device's memory.
    case doesNotFit(String)
  }

  public struct Report: Sendable {
    public var outcomes: [(build: String, outcome: Outcome)]
    public var vectors: Int
    public var bytesPerVector: Int
    /// The ELF file that ran on a device, of each build that has one; where inputs are part of an image, without them.
    public var images: [(build: String, bytes: [UInt8])] = []

    /// Whether something was compared, and nothing differed.
    public var isEqual: Bool { problems.isEmpty && comparedBytes > 0 }
    /// The builds that ran and agreed.
    public var agreed: Int { outcomes.count { if case .equal = $0.outcome { true } else { false } } }
    /// Why the device has no room for the network in some build; nil where it has.
    public var shortfall: String? {
      outcomes.lazy.compactMap { if case .doesNotFit(let reason) = $0.outcome { reason } else { nil } }.first
    }
    public var comparedBytes: Int { agreed * vectors * bytesPerVector }
    public var problems: [String] {
      outcomes.compactMap { build, outcome in
        switch outcome {
        case .equal, .skipped: nil
        case .mismatch(let mismatch): "\(mismatch)"
        case .failure(let reason): "\(build): \(reason)"
        case .doesNotFit(let reason): "\(build): does not fit: \(reason)"
        }
      }
    }
  }

  /// What the simulator runs.
  public let program: IntegerProgram
  /// What makes the C: of the same program, but for the tests of this test.
  let generator: CodeGenerator

  /// A test of the C that `generator` makes.
  public init(_ generator: CodeGenerator) { self.init(generator.program, generator) }

  /// A test of the C as it is generated for `target`, with weights of 4 bits stored so; without a target, portable C.
  public init(
    _ program: IntegerProgram, for target: Target? = nil, goal: KernelSelection.Goal = .speed,
    weights: WeightStorage = .automatic
  ) {
    if let target {
      self.init(CodeGenerator(program, for: target, goal: goal, weights: weights, commandLine: Self.commandLine))
    } else {
      self.init(program, generating: program, plan: MemoryPlan(program))
    }
  }

  init(
    _ program: IntegerProgram, generating generated: IntegerProgram, plan: MemoryPlan
  ) {
    self.init(
      program,
      CodeGenerator(
        generated, plan: plan,
        options: CodeOptions(
          names: CNames(modelName: program.name), commandLine: Self.commandLine, modelFile: program.name,
          modelDigest: "")))
  }

  private static let commandLine = "lockstep difftest"

  private init(_ program: IntegerProgram, _ generator: CodeGenerator) {
    self.program = program
    self.generator = generator
  }

  /// Why the network cannot be on the target's device, however small its code; nil where that is not known yet.
  public func shortfall(of target: Target) -> String? {
    guard target.device != nil else { return nil }
    return target.shortfall(tableBytes: generator.tableBytes, arenaBytes: generator.plan.arenaSize)
  }

  /// Trace bytes held in memory and on disk at a time.
  private static let chunkBytes = 64 << 20

  /// Compares on all builds; `progress` is told how many are done. Builds run on `jobs` threads.
  public func run(
    _ vectors: TestVectors, builds: [BuildConfiguration], jobs: Int = 1,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> Report {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    let names = generator.options.names
    for file in generator.code() {
      try Data(file.text.utf8).write(to: folder.appendingPathComponent(file.name))
    }
    try Data(Driver.source(for: program, names: names).utf8).write(to: folder.appendingPathComponent("driver.c"))
    try Data(DeviceDriver.source(for: program, names: names).utf8)
      .write(to: folder.appendingPathComponent(DeviceBuild.testDriver))

    var outcomes = try compile(builds, prefix: names.prefix, in: folder, jobs: jobs, progress: progress)

    let trace = Trace(of: program)
    let simulator = Simulator(program)
    var chunk = max(1, min(vectors.vectors.count, Self.chunkBytes / max(1, trace.byteCount)))
    if builds.contains(where: { $0.device?.transport == .serial }) {
      let inputBytes = program.inputs.reduce(0) { $0 + program.values[$1].count * program.values[$1].bytesPerCode }
      chunk = max(1, min(chunk, DeviceBuild.imageInputBytes / max(1, 2 * inputBytes)))
    }
    for start in stride(from: 0, to: vectors.vectors.count, by: chunk) {
      let part = vectors.vectors[start..<min(start + chunk, vectors.vectors.count)]
      var expected: [UInt8] = []
      for vector in part { expected += try trace.expected(simulator, vector) }
      expected += try DriverCalls.expected(simulator, part, trace: trace)
      try Data(Driver.inputs(part, of: program, trace: trace)).write(to: folder.appendingPathComponent("host-inputs"))
      for (index, build) in builds.enumerated() {
        guard case .equal = outcomes[index] else { continue }
        let outputFile = folder.appendingPathComponent("trace")
        if let fault = try execute(build, "build-\(index)", prefix: names.prefix, part, trace, in: folder) {
          outcomes[index] = .failure(fault)
          continue
        }
        let actual = try Data(contentsOf: outputFile, options: .mappedIfSafe)
        if let mismatch = compare(trace, expected, actual, vectors: part, build: build.name) {
          outcomes[index] = .mismatch(mismatch)
        } else if actual.count != expected.count {
          outcomes[index] = .failure("the program wrote \(actual.count) bytes, not \(expected.count)")
        }
      }
    }
    let images = try builds.indices.filter { builds[$0].device != nil }.compactMap { index in
      if case .equal = outcomes[index] {
        (builds[index].name, [UInt8](try Data(contentsOf: folder.appendingPathComponent("build-\(index)"))))
      } else {
        nil
      }
    }
    return Report(
      outcomes: zip(builds, outcomes).map { ($0.name, $1) }, vectors: vectors.vectors.count,
      bytesPerVector: trace.byteCount, images: images)
  }

  /// Runs a built program on vectors, whose inputs lie in the folder as a program of this machine takes them; the trace
  /// goes to the file `trace` there. Returns why it failed, where it did.
  private func execute(
    _ build: BuildConfiguration, _ name: String, prefix: String, _ vectors: ArraySlice<[[Int32]]>, _ trace: Trace,
    in folder: URL
  ) throws -> String? {
    let output = folder.appendingPathComponent("trace")
    if let device = build.deviceBuild {
      return try device.run(
        name, objects: build.objects(prefix: prefix, of: name),
        inputs: DeviceDriver.inputs(vectors, of: program, trace: trace), in: folder, output: output)
    }
    let result = try Command.run(
      "./" + name, [], in: folder, input: folder.appendingPathComponent("host-inputs"), output: output)
    return result.status == 0 ? nil : "the program ended with status \(result.status)\n\(result.error)"
  }

  /// Builds everything, `jobs` at a time; what can be run is `.equal` until it is seen to differ.
  private func compile(
    _ builds: [BuildConfiguration], prefix: String, in folder: URL, jobs: Int, progress: @Sendable (Int) -> Void
  ) throws -> [Outcome] {
    let outcomes = Mutex([Outcome](repeating: .equal, count: builds.count))
    let fault = Mutex<(any Error)?>(nil)
    let done = Mutex(0)
    concurrently(builds.count, jobs: jobs) { index in
      do {
        var outcome = Outcome.equal
        if let obstacle = try builds[index].obstacle(in: folder, probe: "probe-\(index)") {
          outcome = .skipped(obstacle)
        } else {
          outcome = try builds[index].build(prefix: prefix, in: folder, to: "build-\(index)")
        }
        outcomes.withLock { $0[index] = outcome }
      } catch {
        fault.withLock { $0 = error }
      }
      progress(
        done.withLock { done in
          done += 1
          return done
        })
    }
    if let error = fault.withLock({ $0 }) { throw error }
    return outcomes.withLock { $0 }
  }

  private func compare(
    _ trace: Trace, _ expected: [UInt8], _ actual: Data, vectors: ArraySlice<[[Int32]]>, build: String
  ) -> Mismatch? {
    actual.withUnsafeBytes { (raw: UnsafeRawBufferPointer) -> Mismatch? in
      let actual = raw.bindMemory(to: UInt8.self)
      return expected.withUnsafeBufferPointer { expected -> Mismatch? in
        let count = min(expected.count, actual.count)
        guard let difference = (0..<count).first(where: { expected[$0] != actual[$0] }) else { return nil }
        // Behind the vectors' traces comes what `DriverCalls` makes: outputs alone, which end a vector's trace.
        let isCall = difference >= vectors.count * trace.byteCount
        let start = isCall ? vectors.count * trace.byteCount : 0
        let size = isCall ? trace.outputBytes : trace.byteCount
        let (number, rest) = (difference - start).quotientAndRemainder(dividingBy: size)
        let base = start + number * size
        guard base + size <= actual.count else { return nil }
        let missing = [UInt8](repeating: 0, count: trace.byteCount - size)
        let offset = missing.count + rest
        func code(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
          (missing + bytes[base..<base + size]).withUnsafeBufferPointer { trace.code(atByte: offset, in: $0) }
        }
        let place = trace.place(ofByte: offset)
        let source = place.step.map { program.steps[$0].source }
        return Mismatch(
          build: build, vector: vectors.startIndex + (isCall ? 0 : number), call: isCall ? number : nil, step: place.step,
          layer: source?.index ?? 0, layerType: source?.type ?? "",
          layerName: source?.name ?? program.values[place.value].name, element: place.element, expected: code(expected),
          actual: code(actual))
      }
    }
  }
}
