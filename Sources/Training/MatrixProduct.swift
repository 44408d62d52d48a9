import COpenBLAS

typealias Floats = UnsafeMutablePointer<Float>

/// Matrices are row-major. Each product is `c = a · b + keep · c`.
enum MatrixProduct {
  /// c [rows × columns] of a [rows × inner] and b [inner × columns].
  static func plain(_ a: Floats, _ b: Floats, into c: Floats, rows: Int, inner: Int, columns: Int, keep: Float = 0) {
    guard rows > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(rows), Int32(columns), Int32(inner), 1, a, Int32(inner), b,
      Int32(columns), keep, c, Int32(columns))
  }

  /// c [rows × inner] of a [rows × columns] and the transpose of b [inner × columns].
  static func transposedRight(
    _ a: Floats, _ b: Floats, into c: Floats, rows: Int, inner: Int, columns: Int, keep: Float = 0
  ) {
    guard rows > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(inner), Int32(columns), 1, a, Int32(columns), b,
      Int32(columns), keep, c, Int32(inner))
  }

  /// c [inner × columns] of the transpose of a [rows × inner] and b [rows × columns].
  static func transposedLeft(
    _ a: Floats, _ b: Floats, into c: Floats, rows: Int, inner: Int, columns: Int, keep: Float = 0
  ) {
    guard rows > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, CblasTrans, CblasNoTrans, Int32(inner), Int32(columns), Int32(rows), 1, a, Int32(inner), b,
      Int32(columns), keep, c, Int32(columns))
  }

  /// Products run on the thread that asks for them: batches are spread over threads by the trainer.
  static let isSingleThreaded: Void = openblas_set_num_threads(1)
}
