import Arithmetic
import Foundation
import Network
import Testing

@testable import DifferentialTesting
@testable import IntegerProgram

/// The digest ties code, simulation and proof to one arithmetic: it changes with everything that decides what a program
/// computes, and with nothing else.
@Suite struct CanonicalDigestTests {
  /// A change of one field, by the field's path as `Mirror` tells it.
  struct Change<Subject> {
    let path: String
    let apply: (inout Subject) -> Bool

    /// `apply` may leave the subject alone.
    init(_ path: String, _ apply: @escaping (inout Subject) -> Bool) {
      self.path = path
      self.apply = apply
    }
    init<T: BinaryInteger>(_ path: String, _ field: WritableKeyPath<Subject, T>) {
      self.init(path) { $0[keyPath: field] += 1; return true }
    }
    init(_ path: String, low field: WritableKeyPath<Subject, ClosedRange<Int64>>) {
      self.init(path) {
        $0[keyPath: field] = $0[keyPath: field].lowerBound - 1...$0[keyPath: field].upperBound
        return true
      }
    }
    init(_ path: String, high field: WritableKeyPath<Subject, ClosedRange<Int64>>) {
      self.init(path) {
        $0[keyPath: field] = $0[keyPath: field].lowerBound...$0[keyPath: field].upperBound + 1
        return true
      }
    }
    /// The first element, the last, one more, one fewer.
    static func list<T: BinaryInteger>(_ path: String, _ field: WritableKeyPath<Subject, [T]>) -> [Change] {
      [
        Change(path) { if $0[keyPath: field].isEmpty { return false } else { $0[keyPath: field][0] += 1; return true } },
        Change(path) { subject in
          guard let last = subject[keyPath: field].indices.last, last > 0 else { return false }
          subject[keyPath: field][last] += 1
          return true
        },
        Change(path) { $0[keyPath: field].append(0); return true },
        Change(path) { $0[keyPath: field].popLast() != nil },
      ]
    }
    static func requantization(_ path: String, _ field: WritableKeyPath<Subject, Requantization>) -> [Change] {
      func multiplier(_ path: String, last: Bool, _ change: @escaping (Multiplier) -> Multiplier) -> Change {
        Change(path) { subject in
          guard var list = Optional(subject[keyPath: field].multipliers), !list.isEmpty, !last || list.count > 1 else {
            return false
          }
          let index = last ? list.count - 1 : 0
          list[index] = change(list[index])
          subject[keyPath: field].multipliers = list
          return true
        }
      }
      let (mantissa, exponent) = ("\(path).multipliers.mantissa", "\(path).multipliers.exponent")
      return [false, true].flatMap { last in
        [
          multiplier(mantissa, last: last) { Multiplier(mantissa: $0.mantissa - 1, exponent: $0.exponent) },
          multiplier(exponent, last: last) { Multiplier(mantissa: $0.mantissa, exponent: $0.exponent + 1) },
        ]
      } + [
        Change("\(path).multipliers.mantissa") { subject in
          let last = subject[keyPath: field].multipliers.last
          subject[keyPath: field].multipliers.append(last ?? .powerOfTwo(0))
          return true
        },
        Change("\(path).rounding") { subject in
          let rounding = subject[keyPath: field].rounding
          subject[keyPath: field].rounding = rounding == .double ? .halfEven : .double
          return true
        },
        Change("\(path).zeroPoint", field.appending(path: \.zeroPoint)),
        Change("\(path).clamp", low: field.appending(path: \.clamp)),
        Change("\(path).clamp", high: field.appending(path: \.clamp)),
      ]
    }
    static func geometry(_ path: String, _ field: WritableKeyPath<Subject, WindowGeometry>) -> [Change] {
      let fields: [(String, WritableKeyPath<WindowGeometry, Int>)] = [
        ("batch", \.batch), ("inputHeight", \.inputHeight), ("inputWidth", \.inputWidth),
        ("inputChannels", \.inputChannels), ("outputHeight", \.outputHeight), ("outputWidth", \.outputWidth),
        ("outputChannels", \.outputChannels), ("kernelHeight", \.kernelHeight), ("kernelWidth", \.kernelWidth),
        ("strideHeight", \.strideHeight), ("strideWidth", \.strideWidth), ("dilationHeight", \.dilationHeight),
        ("dilationWidth", \.dilationWidth), ("paddingTop", \.paddingTop), ("paddingLeft", \.paddingLeft),
      ]
      return fields.map { Change("\(path).\($0)", field.appending(path: $1)) }
    }
  }

  // MARK: All fields

  static var affine: [Change<Affine>] {
    Change.geometry("geometry", \.geometry) + Change.list("weights", \.weights) + Change.list("bias", \.bias)
    + Change.requantization("requantization", \.requantization)
    + [Change("groups", \.groups), Change("paddingCode", \.paddingCode)]
  }

  static var lookup: [Change<Lookup>] {
    [Change("lowest", \.lowest)] + Change.list("table", \.table)
  }

  static func operand(_ path: String, _ field: WritableKeyPath<Combine, Combine.Operand>) -> [Change<Combine>] {
    [
      Change("\(path).zeroPoint", field.appending(path: \.zeroPoint)),
      Change("\(path).multiplier.mantissa") {
        let old = $0[keyPath: field].multiplier
        $0[keyPath: field].multiplier = Multiplier(mantissa: old.mantissa - 1, exponent: old.exponent)
        return true
      },
      Change("\(path).multiplier.exponent") {
        let old = $0[keyPath: field].multiplier
        $0[keyPath: field].multiplier = Multiplier(mantissa: old.mantissa, exponent: old.exponent + 1)
        return true
      },
    ] + Change.list("\(path).strides", field.appending(path: \.strides))
  }
  static var combine: [Change<Combine>] {
    operand("left", \.left) + operand("right", \.right) + Change.list("shape", \.shape)
    + Change.requantization("requantization", \.requantization)
    + [
      Change("leftShift", \.leftShift),
      Change("kind") { $0.kind = $0.kind == .sum ? .difference : .sum; return true },
      Change("kind") { if $0.kind == .product { return false } else { $0.kind = .product; return true } },
    ]
  }

  static func matrix(
    _ path: String, _ field: WritableKeyPath<MatrixProduct, MatrixProduct.Operand>
  ) -> [Change<MatrixProduct>] {
    [
      Change("\(path).zeroPoint", field.appending(path: \.zeroPoint)),
      Change("\(path).lineStride", field.appending(path: \.lineStride)),
      Change("\(path).depthStride", field.appending(path: \.depthStride)),
    ] + Change.list("\(path).batchStrides", field.appending(path: \.batchStrides))
  }
  static var product: [Change<MatrixProduct>] {
    matrix("left", \.left) + matrix("right", \.right) + Change.list("batch", \.batch)
    + Change.requantization("requantization", \.requantization)
    + [Change("rows", \.rows), Change("columns", \.columns), Change("depth", \.depth), Change("bias", \.bias)]
  }

  static var pool: [Change<Pool>] {
    Change.geometry("geometry", \.geometry)
    + [
      Change("clamp", low: \.clamp), Change("clamp", high: \.clamp),
      Change("paddingCode") { pool in
        pool.paddingCode = pool.paddingCode.map { $0 + 1 } ?? 0
        return true
      },
      Change("kind") { if $0.kind == .maximum { return false } else { $0.kind = .maximum; return true } },
      Change("kind") { if $0.kind == .average { return false } else { $0.kind = .average; return true } },
    ]
    + sum.map { change in
      Change(change.path) { pool in
        guard case .sum(let bias, let requantization, let range) = pool.kind else { return false }
        var sum = Sum(bias: bias, requantization: requantization)
        guard change.apply(&sum) else { return false }
        pool.kind = .sum(bias: sum.bias, sum.requantization, accumulator: range)
        return true
      }
    }
  }
  /// What a pool's sum carries.
  struct Sum {
    var bias: Int32
    var requantization: Requantization
  }
  static var sum: [Change<Sum>] {
    [Change("kind.sum.bias", \.bias)] + Change.requantization("kind.sum.requantization", \.requantization)
  }

  static var softmax: [Change<Softmax>] {
    func scale(_ path: String, _ change: @escaping (SoftmaxScale) -> SoftmaxScale) -> Change<Softmax> {
      Change("kind.\(path)") { softmax in
        switch softmax.kind {
        case .shares(let old): softmax.kind = .shares(change(old))
        case .logarithms(let old): softmax.kind = .logarithms(change(old))
        case .interpolated(let old): softmax.kind = .interpolated(change(old))
        case .tabulated: return false
        }
        return true
      }
    }
    return [
      Change("rows", \.rows), Change("depth", \.depth),
      Change("kind") { softmax in
        switch softmax.kind {
        case .shares(let scale): softmax.kind = .logarithms(scale)
        case .logarithms(let scale), .interpolated(let scale): softmax.kind = .shares(scale)
        case .tabulated: return false
        }
        return true
      },
      scale("mantissa") {
        SoftmaxScale(mantissa: $0.mantissa - 1, leftShift: $0.leftShift, leastDifference: $0.leastDifference)
      },
      scale("leftShift") {
        SoftmaxScale(mantissa: $0.mantissa, leftShift: $0.leftShift + 1, leastDifference: $0.leastDifference)
      },
      scale("leastDifference") {
        SoftmaxScale(mantissa: $0.mantissa, leftShift: $0.leftShift, leastDifference: $0.leastDifference - 1)
      },
    ]
  }

  static var normalization: [Change<Normalization>] {
    [
      Change("rows", \.rows), Change("depth", \.depth), Change("zeroPoint", \.zeroPoint),
      Change("kind") { normalization in
        guard case .length(let rounding) = normalization.kind else { return false }
        normalization.kind = .length(rounding == .double ? .single : .double)
        return true
      },
    ]
  }

  static var table: [Change<ExponentialTable>] {
    [
      Change("mantissa", \.mantissa), Change("exponent", \.exponent), Change("zeroPoint", \.zeroPoint),
      Change("codes", low: \.codes), Change("codes", high: \.codes),
    ] + Change.list("entries", \.entries)
  }

  static var scores: [Change<StandardScores>] {
    [
      Change("isCentred") { $0.isCentred.toggle(); return true }, Change("epsilon", \.epsilon),
      Change("fractionBits", \.fractionBits), Change("largestSpread", \.largestSpread),
      Change("scoreBits", \.scoreBits), Change("largestScore", \.largestScore), Change("run", \.run),
      Change("codeShift", \.codeShift), Change("zeroPoint", \.zeroPoint), Change("codes", low: \.codes),
      Change("codes", high: \.codes),
    ] + Change.list("gains", \.gains) + Change.list("offsets", \.offsets)
  }

  static var copy: [Change<Move.Copy>] {
    [
      Change("operand", \.operand), Change("sourceStart", \.sourceStart), Change("targetStart", \.targetStart),
    ] + Change.list("sizes", \.sizes) + Change.list("sourceStrides", \.sourceStrides)
    + Change.list("targetStrides", \.targetStrides)
  }
  static var move: [Change<Move>] {
    [false, true].flatMap { last in
      copy.map { change in
        Change("copies.\(change.path)") { move in
          guard !move.copies.isEmpty, !last || move.copies.count > 1 else { return false }
          return change.apply(&move.copies[last ? move.copies.count - 1 : 0])
        }
      }
    } + [
      Change("fill") { $0.fill = ($0.fill ?? 3) + 1; return true },
      Change("fill") { if $0.fill == nil { return false } else { $0.fill = nil; return true } },
      Change("copies.sizes") { $0.copies.popLast() != nil },
    ]
  }

  static var value: [Change<Value>] {
    Change.list("shape", \.shape)
    + [
      Change("type.bits", \.type.bits),
      Change("type.isSigned") { $0.type.isSigned.toggle(); return true },
      Change("scale") { $0.scale = $0.scale.nextUp; return true },
      Change("zeroPoint", \.zeroPoint),
      Change("constant") { $0.constant = $0.constant.map { $0 + [0] } ?? []; return true },
      Change("constant") { if $0.constant == nil { return false } else { $0.constant = nil; return true } },
      Change("constant") { value in
        guard var codes = value.constant, let last = codes.indices.last else { return false }
        codes[last] += 1
        value.constant = codes
        return true
      },
    ]
  }

  static var step: [Change<Step>] {
    Change.list("inputs", \.inputs) + [Change("output", \.output)]
    + [
      Change("inputs") { step in
        guard step.inputs.count > 1, step.inputs[0] != step.inputs[1] else { return false }
        step.inputs.swapAt(0, 1)
        return true
      }
    ]
  }

  static var program: [Change<IntegerProgram>] {
    Change.list("inputs", \.inputs) + Change.list("outputs", \.outputs)
    + [
      Change("values") { program in
        guard let last = program.values.last else { return false }
        program.values.append(last)
        return true
      },
      Change("steps") { program in
        guard let last = program.steps.last else { return false }
        program.steps.append(last)
        return true
      },
      Change("steps") { $0.steps.popLast() != nil },
      Change("steps") { program in
        guard program.steps.count > 1 else { return false }
        program.steps.swapAt(0, 1)
        return true
      },
      // What one list loses, the next gains.
      Change("inputs") { program in
        guard let last = program.inputs.popLast() else { return false }
        program.outputs.insert(last, at: 0)
        return true
      },
    ]
  }

  /// All changes of a step, those of its operation included.
  private func changed(_ step: Step) -> [(path: String, step: Step)] {
    func each<T>(_ name: String, _ subject: T, _ changes: [Change<T>], _ wrap: (T) -> Step.Operation) -> [(String, Step)] {
      changes.compactMap { change in
        var (subject, step) = (subject, step)
        guard change.apply(&subject) else { return nil }
        step.operation = wrap(subject)
        return ("\(name).\(change.path)", step)
      }
    }
    let own = Self.step.compactMap { change in
      var copy = step
      return change.apply(&copy) ? (change.path, copy) : nil
    }
    let others: [(String, Step)] = switch step.operation {
    case .affine(let affine): each("affine", affine, Self.affine) { .affine($0) }
    case .lookup(let lookup): each("lookup", lookup, Self.lookup) { .lookup($0) }
    case .combine(let combine): each("combine", combine, Self.combine) { .combine($0) }
    case .product(let product): each("product", product, Self.product) { .product($0) }
    case .pool(let pool): each("pool", pool, Self.pool) { .pool($0) }
    case .softmax(let softmax): each("softmax", softmax, Self.softmax) { .softmax($0) }
    case .normalize(let normalization): each("normalize", normalization, Self.normalization) { .normalize($0) }
    case .move(let move): each("move", move, Self.move) { .move($0) }
    // `SignalTests` changes theirs.
    case .signal: []
    }
    return own + others
  }

  /// Small programs with every kind of step among them.
  private static let programs: [IntegerProgram] = (1...400 as ClosedRange<UInt64>).lazy
    .compactMap { RandomProgram.make(seed: $0) }
    .filter { $0.canonicalBytes.count < 30_000 }.prefix(60).map { $0 }

  // MARK: The claims

  @Test func everyChangeOfAFieldGivesBytesOfItsOwn() {
    var tested: [String: Int] = [:]
    for program in Self.programs {
      var variants: [(path: String, program: IntegerProgram)] = [("", program)]
      for change in Self.program {
        var copy = program
        if change.apply(&copy) { variants.append((change.path, copy)) }
      }
      for index in program.values.indices {
        for change in Self.value {
          var copy = program
          if change.apply(&copy.values[index]) { variants.append(("values.\(change.path)", copy)) }
        }
      }
      for index in program.steps.indices {
        for (path, step) in changed(program.steps[index]) {
          var copy = program
          copy.steps[index] = step
          variants.append(("steps.\(path)", copy))
        }
      }
      var seen: [[UInt8]: String] = [:]
      for (path, variant) in variants {
        if let other = seen.updateValue(path, forKey: variant.canonicalBytes) {
          Issue.record("\(program.name): a change of \(path) gives the bytes of \(other.isEmpty ? "the program" : other)")
        }
        tested[path, default: 0] += 1
      }
    }
    for change in Self.affine { #expect(tested["steps.affine.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.lookup { #expect(tested["steps.lookup.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.combine { #expect(tested["steps.combine.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.product { #expect(tested["steps.product.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.pool { #expect(tested["steps.pool.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.softmax { #expect(tested["steps.softmax.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.normalization {
      #expect(tested["steps.normalize.\(change.path)", default: 0] > 0, "\(change.path)")
    }
    for change in Self.move { #expect(tested["steps.move.\(change.path)", default: 0] > 0, "\(change.path)") }
    for change in Self.value { #expect(tested["values.\(change.path)", default: 0] > 0, "\(change.path)") }
  }

  /// What random networks of TensorFlow Lite's operators do not have.
  @Test func everyConstantOfRowsDecides() throws {
    let table = ExponentialTable(
      entries: [1 << 40, 1 << 39, 5], mantissa: 1 << 30, exponent: -22, zeroPoint: -128, codes: -128...127)
    let scores = StandardScores(
      isCentred: true, epsilon: 9, fractionBits: 20, largestSpread: 1 << 20, scoreBits: 28, largestScore: 1 << 30,
      gains: [3, 4], offsets: [5, 6], run: 2, codeShift: 30, zeroPoint: 7, codes: -128...127)
    func digest(_ operation: Step.Operation) -> String {
      let value = { Value(name: $0, tensor: nil, shape: [1, 4], type: .int8, scale: 1, zeroPoint: 0) }
      return IntegerProgram(
        name: "rows", values: [value("x"), value("y")],
        steps: [Step(operation, source: Step.Source(index: 0, type: "ROWS", name: "y"), inputs: [0], output: 1)],
        inputs: [0], outputs: [1]
      ).digest
    }
    func softmax(_ table: ExponentialTable) -> String {
      digest(.softmax(Softmax(rows: 1, depth: 4, kind: .tabulated(table))))
    }
    func normalization(_ scores: StandardScores) -> String {
      digest(.normalize(Normalization(rows: 1, depth: 4, zeroPoint: 0, kind: .scores(scores))))
    }
    var (digests, count) = (Set([softmax(table), normalization(scores)]), 2)
    for change in Self.table {
      var table = table
      #expect(change.apply(&table))
      digests.insert(softmax(table))
      count += 1
    }
    for change in Self.scores {
      var scores = scores
      #expect(change.apply(&scores))
      digests.insert(normalization(scores))
      count += 1
    }
    #expect(digests.count == count)
    #expect(leaves(table) == Set(Self.table.map(\.path)))
    #expect(leaves(scores) == Set(Self.scores.map(\.path)))
  }

  /// The paths of all stored numbers, texts and choices below a subject.
  private func leaves(_ subject: Any) -> Set<String> {
    func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    func walk(_ subject: Any, _ path: String) -> Set<String> {
      let mirror = Mirror(reflecting: subject)
      switch mirror.displayStyle {
      case .struct where !mirror.children.isEmpty && !(subject is any BinaryInteger) && !(subject is Float):
        return mirror.children.reduce(into: []) { $0.formUnion(walk($1.value, join(path, $1.label ?? "?"))) }
      case .collection:
        guard let first = mirror.children.first, Mirror(reflecting: first.value).displayStyle == .struct,
          !Mirror(reflecting: first.value).children.isEmpty, !(first.value is any BinaryInteger)
        else { return [path] }
        return walk(first.value, path)
      default: return [path]
      }
    }
    return walk(subject, "")
  }

  /// Else a field that is added one day could be left out of the digest, and no test would say so.
  @Test func noFieldIsForgotten() throws {
    func expectAll<T>(_ subject: T?, _ changes: [Change<T>], ignored: Set<String> = []) throws {
      let paths = leaves(try #require(subject))
      let covered = Set(changes.map { $0.path })
      #expect(paths.subtracting(ignored) == covered.filter { path in !path.hasPrefix("kind.") }, "\(T.self)")
      #expect(paths.isSuperset(of: ignored), "\(T.self)")
    }
    let operations = Self.programs.flatMap { $0.steps.map(\.operation) }
    try expectAll(
      operations.lazy.compactMap { if case .affine(let affine) = $0 { affine } else { nil } }.first, Self.affine,
      ignored: ["accumulators"])
    try expectAll(
      operations.lazy.compactMap { if case .lookup(let lookup) = $0 { lookup } else { nil } }.first, Self.lookup,
      // It makes the table.
      ignored: ["formula"])
    try expectAll(
      operations.lazy.compactMap { if case .combine(let combine) = $0 { combine } else { nil } }.first, Self.combine)
    try expectAll(
      operations.lazy.compactMap { if case .product(let product) = $0 { product } else { nil } }.first, Self.product,
      ignored: ["accumulator"])
    try expectAll(operations.lazy.compactMap { if case .pool(let pool) = $0 { pool } else { nil } }.first, Self.pool)
    try expectAll(
      operations.lazy.compactMap { if case .softmax(let softmax) = $0 { softmax } else { nil } }.first, Self.softmax)
    try expectAll(
      operations.lazy.compactMap { if case .normalize(let normalization) = $0 { normalization } else { nil } }.first,
      Self.normalization)
    try expectAll(operations.lazy.compactMap { if case .move(let move) = $0 { move } else { nil } }.first, Self.move)
    try expectAll(
      Self.programs[0].values[0], Self.value, ignored: ["name", "tensor", "range"])
    let step = leaves(Self.programs[0].steps[0])
    #expect(step == ["operation", "source.index", "source.type", "source.name", "inputs", "output"])
    let labels = Mirror(reflecting: Self.programs[0]).children.compactMap(\.label)
    // Names, notices and what is left to the caller are for people.
    #expect(
      Set(labels) == [
        "name", "values", "steps", "inputs", "outputs", "states", "notices", "preparesInputs", "finish", "inputNames",
        "outputNames",
      ])
  }

  @Test func namesSourcesAndProvedRangesDoNotMatter() {
    for program in Self.programs {
      var other = program
      other.name += " renamed"
      for index in other.values.indices {
        other.values[index].name = "value \(index)"
        other.values[index].tensor = other.values[index].tensor.map { $0 + 1 } ?? 0
        other.values[index].range = -7...9
      }
      for index in other.steps.indices {
        other.steps[index].source = Step.Source(index: 77, type: "OTHER", name: "other")
        switch other.steps[index].operation {
        case .affine(var affine):
          affine.accumulators = affine.accumulators.map { $0.lowerBound - 1...$0.upperBound + 1 }
          other.steps[index].operation = .affine(affine)
        case .product(var product):
          product.accumulator = product.accumulator.lowerBound - 1...product.accumulator.upperBound + 1
          other.steps[index].operation = .product(product)
        case .pool(var pool):
          guard case .sum(let bias, let requantization, let range) = pool.kind else { break }
          pool.kind = .sum(bias: bias, requantization, accumulator: range.lowerBound - 1...range.upperBound + 1)
          other.steps[index].operation = .pool(pool)
        default: break
        }
      }
      #expect(other.canonicalBytes == program.canonicalBytes && other.digest == program.digest, "\(program.name)")
    }
  }

  @Test func equalNetworksGiveEqualDigestsAndOtherOptionsOthers() throws {
    var changed = 0
    for seed in 1...60 as ClosedRange<UInt64> {
      var network = RandomNetwork.make(seed: seed)
      let digest = try IntegerProgram(lowering: network).digest
      let single = try IntegerProgram(lowering: network, options: LoweringOptions(rounding: .single)).digest
      if single != digest { changed += 1 }
      network.name = "other"
      for index in network.tensors.indices { network.tensors[index].name = "tensor \(index)" }
      #expect(try IntegerProgram(lowering: network).digest == digest)
    }
    #expect(changed > 30)
  }

  @Test(.enabled(if: Command.exists("sha256sum"), "skipped: sha256sum is not installed"))
  func theDigestIsTheSHA256OfTheBytes() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appending(path: "output")
    for program in Self.programs.prefix(3) + [try Place.digitsProgram()] {
      let file = folder.appending(path: "bytes")
      try Data(program.canonicalBytes).write(to: file)
      #expect(try Command.run("sha256sum", [], in: folder, input: file, output: output).status == 0)
      #expect(String(decoding: try Data(contentsOf: output).prefix(64), as: UTF8.self) == program.digest)
    }
  }
}
