import IntegerProgram

/// Convolutions and dense layers of 16-bit codes with 8-bit weights, made for a processor: sums of several products an
/// instruction, of two pixels and several output channels, or of one pixel and more channels, which share loads.
struct WideProductKernel: StepKernel {
  var need: ProcessorNeed? { products.need }
  private let affine: Affine
  private let products: any WideProducts
  private let usesPatch: Bool
  let scratch: (bytes: Int, alignment: Int)
  var operandAlignment: Int { products.operandAlignment }

  /// `isVector` says that the processor has Arm's vector extension, in place of the DSP extension.
  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal, isVector: Bool) {
    guard case .affine(let affine) = step.operation, affine.groups == 1, affine.weightsPerOutput >= 4,
      program.values[step.inputs[0]].type == .int16, affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    let input = program.values[step.inputs[0]]
    self.affine = affine
    let requantization =
      program.values[step.output].type == .int16
      ? WideRequantization(affine.requantization, accumulators: affine.accumulators, isLong: affine.isLong) : nil
    products =
      isVector
      ? MVEWideProducts(affine, requantization, goal) : DSPWideProducts(affine, requantization, codes: input.range)
    // Whole groups of codes are read.
    usesPatch = affine.usesPatch || affine.weightsPerOutput % products.groupSize != 0 || input.constant != nil
    let g = affine.geometry
    let atOnce = affine.isOfOnePixel ? 1 : 2
    let sums = requantization == nil ? (affine.isLong ? 8 : 4) * atOnce * g.outputChannels : 0
    scratch = (sums + (usesPatch ? 2 * products.codes * atOnce : 0), affine.isLong ? 8 : 4)
  }

  private var requantization: WideRequantization? { products.requantization }
  private var isDense: Bool { affine.isOfOnePixel }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    let g = affine.geometry
    guard g.batch == 1, let widths = StepOverlap.Widths(program.values[step.inputs[position]], program.values[step.output])
    else { return nil }
    let pairs = stride(from: 0, to: g.outputPixels, by: 2).map { $0..<min($0 + 2, g.outputPixels) }
    return StepOverlap.distance(g, widths, blocks: pairs, areCopied: usesPatch)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let g = affine.geometry
    let label = "\(step.source.type) of step \(index)"
    let (channels, isLong) = (g.outputChannels, affine.isLong)
    writer.addTable(
      "stream_\(index)", "int32_t",
      Swift.stride(from: 0, to: channels, by: products.lanes).flatMap { products.stream($0..<$0 + products.lanes) },
      comment: "\(label), \(products.note)")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let function = products.function(&writer)
    let finish: ((_ pixels: Int, _ place: String, inout CText) -> Void)?
    let target: String
    if requantization == nil {
      let requantize = writer.requantization(affine.requantization, accumulators: affine.accumulators, step, index)
      let sums = isLong ? "int64_t" : "int32_t"
      writer.scratch("sums", sums, index)
      target = "sums"
      finish = { pixels, place, text in
        func pixel(_ first: String, _ text: inout CText) {
          text.loop("output", channels) {
            $0.line("y[\(place)\(first)output] = \(requantize("sums[\(first)output]", "output"));")
          }
        }
        if pixels == 1 { return pixel("", &text) }
        text.loop("half", pixels) { pixel("\(times("half", channels)) + ", &$0) }
      }
    } else {
      if usesPatch { writer.scratch("patches", "int16_t", index) }
      target = ""
      finish = nil
    }
    let table = writer.tableName("stream_\(index)")
    let codeBytes = requantization != nil ? 2 : isLong ? 8 : 4
    /// Pixels whose codes are `distance` codes apart; where they are one and the same, it is computed twice.
    func outputs(_ pixels: Int, _ source: String, _ distance: Int, _ place: String, _ text: inout CText) {
      let to = requantization == nil ? target : place.isEmpty ? "y" : "&y[\(place)]"
      let steps = isDense ? "" : ", \(pixels == 2 ? 2 * distance : 0), \(pixels == 2 ? codeBytes * channels : 0)"
      text.line("\(function)(\(source), \(table), \(to), \(products.counts)\(steps)\(products.lastArgument));")
      finish?(pixels, place.isEmpty ? "" : "\(place) + ", &text)
    }
    func patches(_ text: inout CText) {
      let atOnce = isDense ? 1 : 2
      if requantization == nil {
        text.line("int16_t *const patches = (int16_t *)(void *)&sums[\(atOnce * channels)];")
      }
      for patch in 0..<atOnce {
        for place in affine.weightsPerOutput..<products.codes {
          text.line("patches[\(products.codes * patch + place)] = 0;")
        }
      }
    }
    let pixels = g.batch * g.outputPixels
    if usesPatch { patches(&text) }
    if !affine.usesPatch {
      let copy = usesPatch ? products.copyFunction(&writer) : ""
      func some(_ count: Int, _ row: String, _ place: String, _ text: inout CText) {
        if usesPatch {
          for patch in 0..<count {
            let from = patch == 0 ? row : "&\(row)[\(patch * g.inputChannels)]"
            text.line("\(copy)(\(patch == 0 ? "patches" : "&patches[\(products.codes)]"), \(from), \(g.inputChannels));")
          }
        }
        outputs(count, usesPatch ? "patches" : row, usesPatch ? products.codes : g.inputChannels, place, &text)
      }
      if pixels == 1 { return some(1, "x", "", &text) }
      text.loop("pair", pixels / 2) { text in
        text.line("const int16_t *const row = &x[\(times("pair", 2 * g.inputChannels))];")
        some(2, "row", times("pair", 2 * channels), &text)
      }
      if pixels % 2 == 1 {
        text.line("const int16_t *const last = &x[\((pixels - 1) * g.inputChannels)];")
        some(1, "last", "\((pixels - 1) * channels)", &text)
      }
      return
    }
    let copy = products.copyFunction(&writer)
    if pixels == 1 {
      text.line("int16_t *const patch = patches;")
      writer.pixels(g, &text) { writer, text in
        writer.gather(affine, "int16_t", firstChannel: "0", copier: copy, &text)
      }
      return outputs(1, "patches", 0, "", &text)
    }
    text.line("int32_t at = 0;")
    text.line("int32_t waiting = 0;")
    writer.pixels(g, &text) { writer, text in
      text.line("int16_t *const patch = &patches[\(times("waiting", products.codes))];")
      writer.gather(affine, "int16_t", firstChannel: "0", copier: copy, &text)
      text.line("waiting++;")
      text.block("if (waiting == 2)") { text in
        outputs(2, "patches", products.codes, "at", &text)
        text.line("at += \(2 * channels);")
        text.line("waiting = 0;")
      }
    }
    if pixels % 2 == 1 { outputs(1, "patches", 0, "at", &text) }
  }
}
