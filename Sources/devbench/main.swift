import Foundation
import Arithmetic
import IntegerProgram
import Properties
import Certificates
import Verification

func load(_ path: String) -> IntegerProgram {
  let data = [UInt8](FileManager.default.contents(atPath: path)!)
  var pos = 0
  func i32() -> Int { defer { pos += 4 }; return Int(Int32(bitPattern: UInt32(data[pos]) | UInt32(data[pos+1])<<8 | UInt32(data[pos+2])<<16 | UInt32(data[pos+3])<<24)) }
  func i16() -> Int16 { defer { pos += 2 }; return Int16(bitPattern: UInt16(data[pos]) | UInt16(data[pos+1])<<8) }
  let layers = i32()
  var values: [Value] = []; var steps: [Step] = []
  for l in 0..<layers {
    let n = i32(), m = i32(), shift = i32(), lo = i32(), hi = i32()
    if l == 0 { values.append(Value(name: "x", tensor: nil, shape: [1, n], type: .uint8, scale: 1, zeroPoint: 0)) }
    let w = (0..<n*m).map { _ in i16() }
    let b = (0..<m).map { _ in Int32(i32()) }
    let bits = lo < 0 ? (hi+1).trailingZeroBitCount + 1 : (hi+1).trailingZeroBitCount
    values.append(Value(name: "h\(l)", tensor: nil, shape: [1, m], type: CodeType(bits: bits, isSigned: lo < 0), scale: 1, zeroPoint: 0))
    let r = values[l].range
    let acc = (0..<m).map { o -> ClosedRange<Int64> in
      var a = Int64(b[o]), c = a
      for i in 0..<n { let p = Int64(w[o*n+i]) * r.lowerBound, q = Int64(w[o*n+i]) * r.upperBound; a += min(p,q,0); c += max(p,q,0) }
      return a...c }
    steps.append(Step(.affine(Affine(geometry: .dense(batch: 1, inputs: n, outputs: m), groups: 1, paddingCode: 0, weights: w, bias: b, accumulators: acc,
      requantization: Requantization(multipliers: [.powerOfTwo(-shift)], rounding: .halfUpShift, zeroPoint: 0, clamp: Int64(lo)...Int64(hi)))),
      source: Step.Source(index: l, type: "GEMM", name: "l\(l)"), inputs: [l], output: l+1))
  }
  return IntegerProgram(name: path, values: values, steps: steps, inputs: [0], outputs: [layers])
}
let args = CommandLine.arguments
let program = load(args[1])
let data = [UInt8](FileManager.default.contents(atPath: args[2])!)
let count = data.count / 785
let range = args[3].split(separator: "-").map { Int($0)! }
let eps = args[4].split(separator: ",").map { Int32($0)! }
let timeout = args.count > 5 ? Double(args[5])! : 60
let verifier = try! Verifier(program)
let wantVerbose = args.contains("-v")
for e in eps {
  var tally: [String: Int] = [:]; var stages: [String: Int] = [:]; var total = 0.0; var slow: (Double, Int) = (0, -1); var bytes = 0; var nodes = 0
  for s in range[0]...range[1] {
    let x = data[s*784..<(s+1)*784].map { Int32($0) }
    let label = Int(data[count*784+s])
    let p = try! Property.robustness(of: program, around: x, radii: Array(repeating: e, count: 784), label: label, statement: "s\(s)")
    let point = try! Property.robustness(of: program, around: x, radii: Array(repeating: 0, count: 784), label: label, statement: "s\(s)")
    var o0 = VerificationOptions(); o0.stages = [.attack, .intervals]
    if case .violated = verifier.verify(point, options: o0).verdict { tally["mis", default: 0] += 1; continue }
    var o = VerificationOptions(); o.timeout = timeout; if args.contains("-j2") { o.jobs = 2 }
    if args.contains("-noattack") { o.stages.remove(.attack) }
    let r = verifier.verify(p, options: o)
    total += r.seconds; nodes += r.nodes
    if r.seconds > slow.0 { slow = (r.seconds, s) }
    var v = ""
    switch r.verdict {
    case .proved(let c): v = "proved"; bytes += c.fileBytes.count
    case .violated: v = "violated"
    case .unknown(let u): v = "unknown"; print("  unknown", s, u.reason, u.bounds.compactMap { $0 }.prefix(4), u.openFraction)
    }
    tally[v, default: 0] += 1; stages[v + " " + r.stage.rawValue, default: 0] += 1
    if wantVerbose { print("  ", s, v, r.stage, String(format: "%.3f", r.seconds), r.nodes) }
  }
  print("eps", e, tally, stages, String(format: "total %.2f s", total), "slowest", slow, "nodes", nodes, "bytes", bytes)
}
