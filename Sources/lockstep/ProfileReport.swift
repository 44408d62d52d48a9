import CodeGeneration
import IntegerProgram
import Network
import Profiling
import Reporting

/// A profile as commands show it: as a table, as JSON, and the arena as a picture.
struct ProfileReport {
  let profile: Profile

  init(_ profile: Profile) { self.profile = profile }

  // MARK: The table

  var text: String {
    var lines = [
      "\(profile.program.name.printable()) on \(profile.target.name), \(profile.build.name): one inference", "",
      table.text, "",
    ]
    lines += figures.map {
      $0.text.isEmpty ? "" : $0.name + String(repeating: " ", count: 12 - $0.name.count) + $0.text
    }
    return lines.joined(separator: "\n")
  }

  private var hasInstructions: Bool { profile.method == .plugin }
  private var hasCycles: Bool { profile.method == .clock || profile.timing != nil }

  /// The layers.
  var table: TextTable {
    var columns: [(title: String, alignment: TextTable.Alignment)] = [
      ("#", .right), ("operator", .left), ("output", .left), ("MACs", .right),
    ]
    if hasInstructions { columns += [("instructions", .right), ("a MAC", .right)] }
    if hasCycles { columns.append((profile.method == .clock ? "cycles" : "cycles, estimated", .right)) }
    if profile.method != .none { columns.append(("share", .right)) }
    columns += [("code", .right), ("live", .right), ("name", .left)]
    var table = TextTable(columns)
    func cells(_ count: Profile.Count?, macs: Int) -> [String] {
      var cells: [String] = []
      if hasInstructions {
        let ratio = count?.instructions.flatMap { macs == 0 ? nil : Double($0) / Double(macs) }
        cells += [count?.instructions?.grouped ?? "", ratio.map { Self.decimal($0, 2) } ?? ""]
      }
      if hasCycles { cells.append((count?.cycles ?? count?.estimatedCycles)?.grouped ?? "") }
      if profile.method != .none { cells.append(share(count)) }
      return cells
    }
    for layer in profile.layers {
      table.add(
        [
          "\(layer.step)", layer.source.type.printable(40),
          layer.output.shape.isEmpty ? "scalar" : layer.output.shape.map(String.init).joined(separator: "×"),
          layer.multiplyAccumulates == 0 ? "" : layer.multiplyAccumulates.grouped,
        ] + cells(layer.count, macs: layer.multiplyAccumulates) + [
          layer.codeBytes?.grouped ?? "", layer.liveBytes.grouped, layer.source.name.printable(40),
        ])
    }
    if profile.method != .none {
      table.add(["", "between", "", ""] + cells(profile.rest, macs: 0) + ["", "", ""])
      let macs = profile.program.multiplyAccumulates
      table.add(["", "total", "", macs.grouped] + cells(profile.total, macs: macs) + ["", "", ""])
    }
    return table
  }

  /// Of the counted figure where there is one.
  private func share(_ count: Profile.Count?) -> String {
    guard let part = count?.instructions ?? count?.cycles, let all = profile.total?.instructions ?? profile.total?.cycles,
      all > 0
    else { return "" }
    return Self.decimal(100 * Double(part) / Double(all), 1) + "%"
  }

  private static func decimal(_ number: Double, _ digits: Int) -> String {
    let scale = digits == 1 ? 10 : 100
    let scaled = Int((number * Double(scale)).rounded())
    let fraction = String(scaled.magnitude % UInt(scale))
    return (scaled < 0 ? "−" : "") + "\(scaled.magnitude / UInt(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// What is no layer's, and how all of it was had.
  private var figures: [(name: String, text: String)] {
    var code = "\(counted(profile.size.codeBytes, "byte"))"
    if !profile.library.isEmpty {
      let bytes = profile.library.reduce(0) { $0 + $1.bytes }
      code += ", and \(bytes.grouped) of libraries: \(profile.library.map(\.name).joined(separator: ", "))"
    }
    var figures = [
      ("code", code), ("constants", counted(profile.size.constantBytes, "byte")),
      ("arena", counted(profile.arenaBytes, "byte")), ("stack", stack), ("", ""),
    ]
    switch profile.method {
    case .plugin:
      figures.append(("counted", "instructions: each one executed, by a plugin of QEMU"))
      if let timing = profile.timing {
        figures.append(("estimated", "cycles: by the kinds of the executed instructions, without wait states and stalls;"))
        figures.append(("", timing.source))
      } else {
        figures.append(("estimated", "nothing: there is no table of instruction timings for this core, so no cycles"))
      }
    case .clock: figures.append(("counted", "cycles: by the device's clock"))
    case .none:
      figures.append(("counted", "nothing: the target's target.json names neither a plugin nor a clock (device.profile)"))
    }
    figures.append(("program", profile.program.digest))
    return figures
  }

  private var stack: String {
    let measured =
      profile.isStackExhausted
      ? "\(profile.measuredStackBytes.grouped) bytes measured, all that was painted: it may have been more"
      : "\(counted(profile.measuredStackBytes, "byte")) measured"
    guard let bound = profile.stackBound else {
      return "\(measured); measured only, not bounded: \(profile.stackObstacle ?? "")"
    }
    return "\(measured), at most \(bound.grouped): \(profile.deepestCalls.joined(separator: " → "))"
  }

  // MARK: JSON

  /// The help of `profile` documents the fields.
  var json: JSON {
    .object([
      ("format", .string("lockstep-profile-1")),
      ("name", .string(profile.program.name)),
      ("program", .string(profile.program.digest)),
      ("target", .string(profile.target.name)),
      ("configuration", .string(profile.build.name)),
      ("method", method),
      ("layers", .array(profile.layers.map(json))),
      ("between", .object(json(profile.rest))),
      ("total", .object(json(profile.total))),
      ("timing", profile.timing.map { .string($0.source) } ?? .null),
      (
        "code",
        .object([
          ("bytes", .integer(profile.size.codeBytes)), ("constants", .integer(profile.size.constantBytes)),
          (
            "library",
            .array(profile.library.map { .object([("name", .string($0.name)), ("bytes", .integer($0.bytes))]) })
          ),
        ])
      ),
      (
        "arena",
        .object([
          ("bytes", .integer(profile.arenaBytes)),
          (
            "blocks",
            .array(
              picture.blocks.map {
                .object([
                  ("label", .string($0.label)), ("offset", .integer($0.offset)), ("size", .integer($0.size)),
                  ("firstStep", .integer($0.firstStep)), ("lastStep", .integer($0.lastStep)),
                  ("isScratch", .truth($0.isScratch)),
                ])
              })
          ),
        ])
      ),
      (
        "stack",
        .object([
          ("measured", .integer(profile.measuredStackBytes)), ("isExhausted", .truth(profile.isStackExhausted)),
          ("bound", optional(profile.stackBound)), ("obstacle", profile.stackObstacle.map { .string($0) } ?? .null),
          ("path", .array(profile.deepestCalls.map { .string($0) })),
        ])
      ),
    ])
  }

  private var method: JSON {
    switch profile.method {
    case .plugin: .string("qemu-plugin")
    case .clock: .string("clock")
    case .none: .null
    }
  }

  private func json(_ layer: Profile.Layer) -> JSON {
    .object(
      [
        ("step", .integer(layer.step)), ("index", .integer(layer.source.index)),
        ("operator", .string(layer.source.type)), ("name", .string(layer.source.name)),
        ("shape", .integers(layer.output.shape)), ("multiplyAccumulates", .integer(layer.multiplyAccumulates)),
        ("codeBytes", optional(layer.codeBytes)), ("liveBytes", .integer(layer.liveBytes)),
      ] + json(layer.count))
  }

  private func json(_ count: Profile.Count?) -> [(key: String, value: JSON)] {
    let kinds = profile.timing == nil ? nil : count?.mix?.counts.filter { $0.value > 0 }
    return [
      ("instructions", optional(count?.instructions)), ("cycles", optional(count?.cycles)),
      ("estimatedCycles", optional(count?.estimatedCycles)),
      (
        "kinds",
        kinds.map { kinds in
          .object(Target.Timing.Kind.allCases.compactMap { kind in kinds[kind].map { (kind.rawValue, .integer($0)) } })
        } ?? .null
      ),
    ]
  }

  private func optional(_ number: Int?) -> JSON { number.map { .integer($0) } ?? .null }

  // MARK: The arena

  var picture: ArenaPicture { ArenaPicture(profile.program, profile.plan) }
}

extension ArenaPicture {
  /// What `plan` has in the arena over the steps of `program`.
  init(_ program: IntegerProgram, _ plan: MemoryPlan) {
    self.init(
      title: "\(program.name.printable()): arena of \(plan.arenaSize) bytes over the steps",
      arenaBytes: plan.arenaSize, steps: program.steps.map { $0.source.type.printable(40) },
      blocks: plan.blocks.map { block in
        Block(
          label: block.scratchOfStep.map { "scratch of step \($0)" }
            ?? block.values.map { Self.label(program.values[$0].name) }.joined(separator: " = "),
          offset: block.offset, size: block.size, firstStep: block.firstStep, lastStep: block.lastStep,
          isScratch: block.scratchOfStep != nil)
      })
  }

  /// TensorFlow Lite joins the names of what it fused; the first says enough.
  private static func label(_ name: String) -> String {
    String(name.prefix { $0 != ";" }).printable(60)
  }
}
