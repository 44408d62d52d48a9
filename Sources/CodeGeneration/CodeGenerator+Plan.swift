import Foundation
import IntegerProgram
import Network

extension CodeGenerator {
  /// The memory plan for people: each block's place and life, and a map of the arena over the steps.
  func planText() -> String {
    var text = "Memory plan of \(options.names.prefix): arena \(plan.arenaSize) bytes\n"
    text += "(values alive at once: up to \(plan.largestLiveSet) bytes; steps may write over what they have read)\n\n"
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    text += " offset     end    size  steps       holds\n"
    let order = plan.blocks.indices.sorted {
      (plan.blocks[$0].firstStep, plan.blocks[$0].offset, $0) < (plan.blocks[$1].firstStep, plan.blocks[$1].offset, $1)
    }
    for index in order {
      let block = plan.blocks[index]
      let first = block.firstStep < 0 ? "in" : "\(block.firstStep)"
      let last = block.lastStep >= program.steps.count ? "out" : "\(block.lastStep)"
      let held =
        block.scratchOfStep.map { "scratch of step \($0)" }
        ?? block.values.map { program.values[$0].name.printable(60) }.joined(separator: " = ")
      text += right("\(block.offset)", 7) + " " + right("\(block.offset + block.size)", 7) + " "
      text += right("\(block.size)", 7) + "  " + "\(first)…\(last)".padding(toLength: 11, withPad: " ", startingAt: 0)
      text += " \(held)\n"
    }
    text += "\nThe arena from 0 to \(plan.arenaSize), a row a step; a letter is a block, * what two share:\n"
    let width = 64
    for step in program.steps.indices {
      var row = [Character](repeating: ".", count: width)
      for (position, index) in order.enumerated() {
        let block = plan.blocks[index]
        guard block.firstStep <= step, step <= block.lastStep, block.size > 0 else { continue }
        let letter = Character(UnicodeScalar(UInt8(position % 26) + (position / 26 % 2 == 0 ? 97 : 65)))
        let first = block.offset * width / max(1, plan.arenaSize)
        let last = (block.offset + block.size - 1) * width / max(1, plan.arenaSize)
        for column in first...max(first, min(last, width - 1)) { row[column] = row[column] == "." ? letter : "*" }
      }
      text += right("\(step)", 5) + " |" + String(row) + "| " + program.steps[step].source.type + "\n"
    }
    return text
  }

  private struct PlanFile: Encodable {
    struct Block: Encodable {
      var offset, size, firstStep, lastStep: Int
      var values: [String]
      var scratchOfStep: Int?
    }
    struct Step: Encodable {
      var step, layer: Int
      var type, name: String
      var shape: [Int]
      var accumulator: [Int64]?
      var codes: [Int64]
      var offset: Int
    }
    var name, modelDigest, programDigest: String
    var arena, alignment, tables, multiplyAccumulates: Int
    var blocks: [Block]
    var steps: [Step]
  }

  /// The same for programs.
  func planJSON() -> String {
    let file = PlanFile(
      name: options.names.prefix, modelDigest: options.modelDigest, programDigest: digest, arena: plan.arenaSize,
      alignment: own.alignment, tables: tableBytes, multiplyAccumulates: program.multiplyAccumulates,
      blocks: plan.blocks.map { block in
        PlanFile.Block(
          offset: block.offset, size: block.size, firstStep: block.firstStep, lastStep: block.lastStep,
          values: block.values.map { program.values[$0].name }, scratchOfStep: block.scratchOfStep)
      },
      steps: program.steps.enumerated().map { index, step in
        let output = program.values[step.output]
        return PlanFile.Step(
          step: index, layer: step.source.index, type: step.source.type, name: step.source.name, shape: output.shape,
          accumulator: step.accumulatorRange.map { [$0.lowerBound, $0.upperBound] },
          codes: [output.range.lowerBound, output.range.upperBound], offset: plan.offset(ofValue: step.output) ?? 0)
      })
    return prettyJSON(file)
  }

  /// A JSON file: the same text for the same content.
  func prettyJSON(_ content: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(content) else { return "{}\n" }
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}

extension Step {
  /// The proved range of a step's accumulators, over all channels.
  public var accumulatorRange: ClosedRange<Int64>? {
    switch operation {
    case .affine(let affine):
      guard let low = affine.accumulators.map(\.lowerBound).min(),
        let high = affine.accumulators.map(\.upperBound).max()
      else { return nil }
      return low...high
    case .product(let product): return product.accumulator
    case .pool(let pool): if case .sum(_, _, let range) = pool.kind { return range } else { return nil }
    case .lookup, .combine, .softmax, .normalize, .signal, .move: return nil
    }
  }
}
