import Testing

/// What is asked of networks whose inputs the caller prepares, or whose one output is held to a threshold.
@Suite struct PreparedInputTests {
  /// A network of one dense layer, with or without a quotient in front of its first quantiser, in a file.
  private func dense(
    outputs: Int, isPrepared: Bool = false, zeroPoint: Int8 = 0, softmax: Bool = false, in folder: TemporaryFolder
  ) throws -> String {
    var graph = GraphWriter()
    let (scale, zero) = (graph.constant([Float(0.03125)]), graph.constant([Int8(0)]))
    let x = isPrepared ? graph.node("Div", ["x", graph.constant([Float(0.25)])]) : "x"
    let codes = graph.node("DequantizeLinear", [graph.node("QuantizeLinear", [x, scale, zero]), scale, zero])
    let weights = graph.node(
      "DequantizeLinear", [graph.constant((0..<3 * outputs).map { Int8($0 * 17 - 20) }, [3, outputs]), scale, zero])
    let steps = [graph.constant([Float(0.0625)]), graph.constant([zeroPoint])]
    var y = graph.node("QuantizeLinear", [graph.node("MatMul", [codes, weights])] + steps)
    if softmax { y = graph.node("Softmax", [graph.node("DequantizeLinear", [y] + steps)]) }
    return try folder.write(graph.file(inputShape: [1, 3], output: y), "dense\(isPrepared)\(softmax).onnx")
  }

  private static let property = """
    (declare-const X_0 Real)
    (declare-const X_1 Real)
    (declare-const X_2 Real)
    (declare-const Y_0 Real)
    (declare-const Y_1 Real)
    (assert (>= X_0 0))
    (assert (<= X_0 1))
    (assert (>= X_1 0))
    (assert (<= X_1 1))
    (assert (>= X_2 0))
    (assert (<= X_2 1))
    (assert (>= Y_0 Y_1))
    """

  @Test("what is left to the caller in front of the codes is told, and nothing is said of real values that it would change")
  func preparedInputs() throws {
    let folder = try TemporaryFolder()
    let prepared = try dense(outputs: 2, isPrepared: true, in: folder)
    let plain = try dense(outputs: 2, isPrepared: false, in: folder)
    let samples = try folder.write("0.5,0.25,-0.5\n0.1,0.2,0.3\n".utf8, "x.csv")
    let property = try folder.write(Self.property.utf8, "p.vnnlib")
    let notice = "notice: the Div that makes"
    for (model, isTold) in [(prepared, true), (plain, false)] {
      let real = try CommandRun("verify", model, "--property", property, "--real")
      #expect(real.error.contains(notice) == isTold && (real.status == 64) == isTold, "\(real.output)\(real.error)")
      let codes = try CommandRun("verify", model, "--property", property)
      #expect(codes.error.contains(notice) == isTold && codes.status < 2, "\(codes.output)\(codes.error)")
      let against = try CommandRun("evaluate", model, "--images", samples, "--against", plain)
      #expect(
        against.error.contains(notice) == isTold && against.status == (isTold ? 65 : 0), "\(against.output)\(against.error)")
    }
  }

  @Test("of a softmax that is left to the caller real properties hold that only compare its results")
  func softmax() throws {
    let folder = try TemporaryFolder()
    let model = try dense(outputs: 2, softmax: true, in: folder)
    for (last, isTaken) in [("(>= Y_0 Y_1)", true), ("(>= Y_0 0.05)", false), ("(>= Y_0 (+ Y_1 0.5))", false)] {
      let property = Self.property.replacing("(>= Y_0 Y_1)", with: last)
      let run = try CommandRun("verify", model, "--property", try folder.write(property.utf8, "p.vnnlib"), "--real")
      #expect((run.status == 65) == !isTaken, "\(last): \(run.output)\(run.error)")
      #expect(run.error.contains("notice: the Softmax in front of the output"))
    }
  }

  @Test("the threshold that a message names is one that the command takes", arguments: [Int8(0), -128, 127])
  func thresholds(zeroPoint: Int8) throws {
    let folder = try TemporaryFolder()
    let model = try dense(outputs: 1, zeroPoint: zeroPoint, in: folder)
    let ask = [
      "verify", model, "--images", try folder.write("0.5,0.25,-0.5\n".utf8, "x.csv"), "--epsilon", "1",
    ]
    let unnamed = try CommandRun(ask)
    let code = try #require(unnamed.error.firstMatch(of: /for instance (-?\d+), which stands for/)?.output.1, "\(unnamed.error)")
    let asked = try CommandRun(ask + ["--threshold=\(code)"])
    #expect(unnamed.status == 64 && asked.status < 2, "\(asked.output)\(asked.error)")
  }
}
