import CodeGeneration
import DifferentialTesting
import Foundation
import IntegerProgram
import Simulation

/// Builds a network with a program that measures it, and runs it on a target's device.
public struct Profiler: Sendable {
  let program: IntegerProgram
  let target: Target
  let build: BuildConfiguration
  let generator: CodeGenerator

  /// For the code of `generator` as `target`'s `build` compiles it; the target must have a device.
  public init(_ generator: CodeGenerator, for target: Target, build: BuildConfiguration) {
    program = generator.program
    self.generator = generator
    self.target = target
    self.build = build
  }

  /// The stack that the program's own start and `main` may take, and that is not painted.
  public static let callersBytes = 64

  /// Runs on one vector: the codes of each input.
  public func run(_ vector: [[Int32]]) throws -> Profile {
    guard let device = target.device, var deviceBuild = build.deviceBuild else {
      throw ProfileError.failure("the target \(target.name) has no device")
    }
    if let shortfall = target.shortfall(tableBytes: generator.tableBytes, arenaBytes: generator.plan.arenaSize) {
      throw ProfileError.doesNotFit(shortfall)
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    let names = generator.options.names
    let driver = ProfileDriver(
      program: program, names: names, paintedBytes: max(0, device.stackBytes - Self.callersBytes),
      hasClock: device.profile?.sources != nil)
    for file in generator.code() {
      try Data(file.text.utf8).write(to: folder.appendingPathComponent(file.name))
    }
    try Data(driver.source.utf8).write(to: folder.appendingPathComponent("profile.c"))
    deviceBuild.driver = "profile.c"
    deviceBuild.extraSources = device.profile?.sources ?? []

    // Compiled as always, but that the compiler tells of stacks beside it.
    var compiling = build
    compiling.configuration.generatedCodeFlags = (build.configuration.generatedCodeFlags ?? []) + ["-fstack-usage"]
    if let error = try compiling.compile(prefix: names.prefix, in: folder, for: "profile") {
      throw ProfileError.failure("\(build.name) does not compile the generated code:\n\(error)")
    }
    let objects = build.objects(prefix: names.prefix, of: "profile")
    let inputs = driver.inputs(vector)
    if device.transport == .serial { try deviceBuild.writeInputs(inputs, in: folder) }
    switch try deviceBuild.link(objects, in: folder, to: "profile") {
    case .linked: break
    case .doesNotFit(let words): throw ProfileError.doesNotFit("\(words); the device has \(device.memoryText)")
    case .failed(let error): throw ProfileError.failure("the program does not link:\n\(error)")
    }
    guard let linked = ObjectFile(folder.appendingPathComponent("profile")) else {
      throw ProfileError.failure("\(build.compiler) made no ELF file")
    }

    let plugin = try device.profile?.plugin.map {
      try BlockPlugin(
        source: $0, timing: device.timing, folder: folder, program: linked, run: "\(names.prefix)_run",
        steps: generator.runningSteps.map(generator.functionName(ofStep:)))
    }
    let output = folder.appendingPathComponent("measured")
    if let fault = try deviceBuild.run(
      "profile", objects: objects, inputs: inputs, in: folder, output: output, extra: plugin?.arguments ?? [])
    {
      throw ProfileError.failure(fault)
    }
    guard let measured = driver.measured(Array(try Data(contentsOf: output))) else {
      throw ProfileError.failure("the program did not write what it measured")
    }
    try expectSimulated(measured.outputs, vector)
    return profile(measured, driver, try plugin?.counts(), linked, folder, objects)
  }

  /// Figures of a run with wrong outputs would be figures of nothing.
  private func expectSimulated(_ outputs: [UInt8], _ vector: [[Int32]]) throws {
    let trace = Trace(of: program)
    var expected: [UInt8] = []
    for (codes, value) in zip(try Simulator(program).run(vector), program.outputs) {
      trace.append(codes, value, &expected)
    }
    if expected != outputs {
      throw ProfileError.failure("the outputs differ from the simulator's; lockstep difftest says where")
    }
  }

  private func profile(
    _ measured: ProfileDriver.Measured, _ driver: ProfileDriver, _ counts: [Profile.Count]?, _ linked: ObjectFile,
    _ folder: URL, _ objects: [String]
  ) -> Profile {
    let names = generator.options.names
    let texts = objects.compactMap { object -> String? in
      let usage = folder.appendingPathComponent(String(object.dropLast(2)) + ".su")
      return try? String(decoding: Data(contentsOf: usage), as: UTF8.self)
    }
    let bound = StackBound(
      of: "\(names.prefix)_run", in: linked, frames: StackFrame.parse(texts.joined(separator: "\n")))
    let running = generator.runningSteps
    let layers = program.steps.enumerated().map { index, step in
      let place = running.firstIndex(of: index)
      var count: Profile.Count?
      if let place { count = counts?[place] ?? measured.total.map { _ in Profile.Count(cycles: measured.steps[index]) } }
      // A function that several steps share counts where it is called first.
      let name = generator.functionName(ofStep: index)
      let functions = running.first { generator.functionName(ofStep: $0) == name } == index ? linked.functions(named: name) : []
      return Profile.Layer(
        step: index, source: step.source, output: program.values[step.output],
        multiplyAccumulates: step.multiplyAccumulates, count: count,
        codeBytes: functions.isEmpty ? nil : functions.reduce(0) { $0 + $1.bytes },
        liveBytes: generator.plan.liveBytes(atStep: index))
    }
    var rest = counts?.last
    var total = counts.map { Profile.Count(summing: $0) }
    if let cycles = measured.total {
      total = Profile.Count(cycles: cycles)
      rest = Profile.Count(cycles: cycles - layers.reduce(0) { $0 + ($1.count?.cycles ?? 0) })
    }
    let files = objects.compactMap { ObjectFile(folder.appendingPathComponent($0)) }
    let own = Set(files.flatMap(\.symbols).filter(\.isFunction).map(\.name))
    let library = linked.symbols.filter { $0.isFunction && bound.reached.contains($0.name) && !own.contains($0.name) }
    return Profile(
      program: program, plan: generator.plan, target: target, build: build,
      method: counts != nil ? .plugin : measured.total != nil ? .clock : .none, layers: layers, rest: rest, total: total,
      size: CompiledSize(build: build, objects: objects, in: folder),
      library: library.map { ($0.name, $0.bytes) }.sorted { $0.name < $1.name },
      arenaBytes: generator.plan.arenaSize, measuredStackBytes: measured.stackBytes,
      isStackExhausted: measured.stackBytes >= driver.paintedBytes, stackBound: bound.bytes,
      stackObstacle: bound.obstacle, deepestCalls: bound.path)
  }
}

extension Profile.Count {
  init(summing counts: [Profile.Count]) {
    let mix = counts.compactMap(\.mix).reduce(into: InstructionMix()) { $0.add($1) }
    self.init(
      instructions: counts.reduce(0) { $0 + ($1.instructions ?? 0) },
      estimatedCycles: counts.allSatisfy { $0.estimatedCycles == nil }
        ? nil : counts.reduce(0) { $0 + ($1.estimatedCycles ?? 0) }, mix: mix)
  }
}

extension ObjectFile {
  /// The functions of that name, and what the compiler split off them or made of them (`name.part.0`).
  func functions(named name: String) -> [Symbol] {
    symbols.filter { $0.isFunction && ($0.name == name || $0.name.hasPrefix(name + ".")) }
  }
}
