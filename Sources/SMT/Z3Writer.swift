import CZ3

/// Builds Z3's expressions in one context, which holds them until it is deleted.
struct Z3Writer: BitVectorWriter {
  let context: Z3_context
  private(set) var assertions: [Z3_ast] = []

  init(_ context: Z3_context) { self.context = context }

  mutating func variable(_ name: String, bits: Int, most: UInt64) -> Z3_ast {
    let variable = Z3_mk_const(context, Z3_mk_string_symbol(context, name), Z3_mk_bv_sort(context, UInt32(bits)))!
    if most != UInt64.max >> UInt64(64 - bits) {
      assertions.append(Z3_mk_bvule(context, variable, literal(most, bits: bits)))
    }
    return variable
  }
  func literal(_ pattern: UInt64, bits: Int) -> Z3_ast {
    let mask = UInt64.max >> UInt64(64 - min(bits, 64))
    return Z3_mk_unsigned_int64(context, pattern & mask, Z3_mk_bv_sort(context, UInt32(bits)))
  }
  func operation(_ operation: BitVectorOperation, _ a: Z3_ast, _ b: Z3_ast) -> Z3_ast {
    switch operation {
    case .add: Z3_mk_bvadd(context, a, b)
    case .subtract: Z3_mk_bvsub(context, a, b)
    case .multiply: Z3_mk_bvmul(context, a, b)
    case .shiftLeft: Z3_mk_bvshl(context, a, b)
    case .arithmeticShiftRight: Z3_mk_bvashr(context, a, b)
    case .logicalShiftRight: Z3_mk_bvlshr(context, a, b)
    case .unsignedDivide: Z3_mk_bvudiv(context, a, b)
    case .signedDivide: Z3_mk_bvsdiv(context, a, b)
    }
  }
  func extended(_ a: Z3_ast, by bits: Int, isSigned: Bool) -> Z3_ast {
    isSigned ? Z3_mk_sign_ext(context, UInt32(bits), a) : Z3_mk_zero_ext(context, UInt32(bits), a)
  }
  func extracted(_ a: Z3_ast, bits: ClosedRange<Int>) -> Z3_ast {
    Z3_mk_extract(context, UInt32(bits.upperBound), UInt32(bits.lowerBound), a)
  }
  func choice(_ a: Z3_ast, less b: Z3_ast, isSigned: Bool, _ c: Z3_ast, _ d: Z3_ast) -> Z3_ast {
    Z3_mk_ite(context, isSigned ? Z3_mk_bvslt(context, a, b) : Z3_mk_bvult(context, a, b), c, d)
  }
  func shared(_ value: Z3_ast, index: Int, bits: Int) -> Z3_ast { value }
  mutating func assert(anyOf bits: [Z3_ast]) {
    let equations: [Z3_ast?] = bits.map { Z3_mk_eq(context, $0, literal(1, bits: 1)) }
    assertions.append(Z3_mk_or(context, UInt32(equations.count), equations))
  }
}
