import IntegerProgram

// Fourier transforms of samples, and back.
extension KernelWriter {
  /// A function that transforms frames of so many samples, in the output's own memory.
  mutating func spectrum(_ transform: FourierTransform, samples: Int) -> String {
    let (points, suffix) = (transform.points, "\(transform.length)")
    let order = table(
      "order_\(suffix)", points <= 256 ? "uint8_t" : "uint16_t", transform.order.map(Int64.init),
      "Which point each place of a transform over \(transform.length) begins with")
    let stages = stages(of: transform)
    return sharedFunction("spectrum_\(suffix)_\(samples)") { name, text in
      text.comment(
        "The lower half of the discrete Fourier transform of \(samples) samples and zeros up to \(transform.length): even "
          + "and odd samples are real and imaginary parts of \(points) points, which stages of radix \(stages.radices) "
          + "transform; then the two spectra are taken apart. Each stage divides by its radix.")
      text.block("static void \(name)(const int16_t *x, int16_t *y)") { text in
        text.loop("i", points) { text in
          text.line("const int32_t at = 2 * (int32_t)\(order)[i];")
          func sample(_ place: String) -> String {
            samples == transform.length ? "x[\(place)]" : "((\(place)) < \(samples)) ? x[\(place)] : 0"
          }
          text.line("y[2 * i] = \(sample("at"));")
          text.line("y[(2 * i) + 1] = \(sample("at + 1"));")
        }
        stages.write(&text)
        stages.split(&text)
      }
    }
  }

  /// A function that makes the samples of a spectrum, in the output's own memory.
  mutating func samples(_ transform: FourierTransform) -> String {
    let (points, suffix) = (transform.points, "\(transform.length)")
    var places = transform.order
    for (place, point) in transform.order.enumerated() { places[point] = place }
    let place = table(
      "places_\(suffix)", points <= 256 ? "uint8_t" : "uint16_t", places.map(Int64.init),
      "The place at which each point of a transform over \(transform.length) begins")
    let stages = stages(of: transform)
    return sharedFunction("samples_\(suffix)") { name, text in
      text.comment(
        "The \(transform.length) samples whose discrete Fourier transform has the lower half x: the spectra of even and odd "
          + "samples are joined to that of \(points) complex points, which stages of radix \(stages.radices) transform back. Each "
          + "stage divides by its radix.")
      text.block("static void \(name)(const int16_t *x, int16_t *y)") { text in
        stages.join(place, &text)
        stages.write(&text)
      }
    }
  }

  private mutating func table(_ name: String, _ type: String, _ elements: [Int64], _ comment: String) -> String {
    if !tables.contains(where: { $0.name == tableName(name) }) { addTable(name, type, elements, comment: comment) }
    return tableName(name)
  }

  /// With the tables of points of the unit circle: those of stages, and those between spectra of samples and of points.
  private mutating func stages(of transform: FourierTransform) -> FourierStages {
    let (points, suffix) = (transform.points, "\(transform.isInverse ? "inverse_" : "")\(transform.length)")
    let direction = transform.isInverse ? "" : ", clockwise"
    // No stage turns by three quarters or more.
    let turns = table(
      "turns_\(suffix)", "int16_t",
      transform.turns.prefix(max(1, points * 3 / 4)).flatMap { [Int64($0.real), Int64($0.imaginary)] },
      "The unit circle in \(points) steps\(direction), real and imaginary parts")
    let halves = table(
      "half_turns_\(suffix)", "int16_t", transform.halfTurns.flatMap { [Int64($0.real), Int64($0.imaginary)] },
      "A quarter of the unit circle, from a quarter on, in \(points / 2) steps\(direction)")
    return FourierStages(transform: transform, turns: turns, halves: halves, turned: turnedFunction(), low: lowest16())
  }

  /// A point divided and turned.
  private mutating func turnedFunction() -> String {
    let low = lowest16()
    return sharedFunction("turned") { name, text in
      text.comment("A point times one of the unit circle, in units of 2^-15, rounded.")
      text.block("static void \(name)(int32_t *z, const int16_t *turn)") { text in
        text.line("const int32_t real = (z[0] * turn[0]) - (z[1] * turn[1]);")
        text.line("const int32_t imaginary = (z[0] * turn[1]) + (z[1] * turn[0]);")
        text.line("z[0] = \(low)((real + 16384) >> 15);")
        text.line("z[1] = \(low)((imaginary + 16384) >> 15);")
      }
    }
  }
}

/// The arithmetic of a transform's function: y holds the points, x what is transformed back.
private struct FourierStages {
  let transform: FourierTransform
  /// Tables of points of the unit circle: of stages, and between spectra of samples and of points.
  let turns, halves: String
  /// Functions: a point turned, and the lowest 16 bits of a sum.
  let turned, low: String

  private var points: Int { transform.points }
  var radices: String { transform.factors.reversed().map(String.init).joined(separator: ", ") }

  func write(_ text: inout CText) {
    var width = 1
    for factor in transform.factors.reversed() {
      stage(factor, width: width, &text)
      width *= factor
    }
  }

  private func stage(_ factor: Int, width: Int, _ text: inout CText) {
    let step = points / (width * factor)
    text.block("for (int32_t start = 0; start < \(points); start += \(width * factor))") { text in
      text.loop("place", width) { text in
        text.line("int16_t *const point = &y[2 * (start + place)];")
        text.line("int32_t z[\(factor)][2];")
        text.loop("part", factor) { text in
          text.loop("i", 2) { text in
            text.line(
              "z[part][i] = ((int32_t)point[(part * \(2 * width)) + i] * \(32_767 / factor) + 16384) >> 15;")
          }
          text.block("if (part > 0)") { text in
            text.line("\(turned)(z[part], &\(turns)[2 * (part * place\(step == 1 ? "" : " * \(step)"))]);")
          }
        }
        text.loop("i", 2) { text in
          if factor == 2 {
            text.line("point[i] = \(low)(z[0][i] + z[1][i]);")
            text.line("point[\(2 * width) + i] = \(low)(z[0][i] - z[1][i]);")
          } else {
            // A quarter turn of the odd points' difference.
            let (a, b) = transform.isInverse ? (3, 1) : (1, 3)
            text.line("const int32_t quarter = (i == 0) ? (z[\(a)][1] - z[\(b)][1]) : (z[\(b)][0] - z[\(a)][0]);")
            text.line("point[i] = \(low)(z[0][i] + z[1][i] + z[2][i] + z[3][i]);")
            text.line("point[\(2 * width) + i] = \(low)((z[0][i] - z[2][i]) + quarter);")
            text.line("point[\(4 * width) + i] = \(low)((z[0][i] + z[2][i]) - (z[1][i] + z[3][i]));")
            text.line("point[\(6 * width) + i] = \(low)((z[0][i] - z[2][i]) - quarter);")
          }
        }
      }
    }
  }

  private func half(_ code: String) -> String { "((((int32_t)\(code)) * 16383) + 16384) >> 15" }

  /// Joins the spectra of even and odd samples; `place` is the table of places at which points begin.
  func join(_ place: String, _ text: inout CText) {
    text.line("y[0] = (int16_t)(\(half("\(low)((int32_t)x[0] + x[\(2 * points)])")));")
    text.line("y[1] = (int16_t)(\(half("\(low)((int32_t)x[0] - x[\(2 * points)])")));")
    text.loop("bin", from: "1", below: "\(points / 2 + 1)") { text in
      text.line("const int16_t *const b = &x[2 * (\(points) - bin)];")
      text.line("int16_t *const first = &y[2 * (int32_t)\(place)[bin]];")
      text.line("int16_t *const second = &y[2 * (int32_t)\(place)[\(points) - bin]];")
      parts("x[2 * bin]", "x[(2 * bin) + 1]", &text)
      text.line("first[0] = \(low)(sum[0] + difference[0]);")
      text.line("first[1] = \(low)(sum[1] + difference[1]);")
      // The point in the middle is its own mirror.
      text.line("second[0] = \(low)(sum[0] - difference[0]);")
      text.line("second[1] = \(low)(-(int32_t)\(low)(sum[1] - difference[1]));")
    }
  }

  /// Half of the sum of a point and the conjugate of `b`, and half of their difference, turned.
  private func parts(_ real: String, _ imaginary: String, _ text: inout CText) {
    text.line("const int32_t left[2] = {\(half(real)), \(half(imaginary))};")
    text.line("const int32_t right[2] = {\(half("b[0]")), \(half("\(low)(-(int32_t)b[1])"))};")
    text.line("const int32_t sum[2] = {\(low)(left[0] + right[0]), \(low)(left[1] + right[1])};")
    text.line("int32_t difference[2] = {\(low)(left[0] - right[0]), \(low)(left[1] - right[1])};")
    text.line("\(turned)(difference, &\(halves)[2 * (bin - 1)]);")
  }

  /// Takes the spectra of even and odd samples apart.
  func split(_ text: inout CText) {
    text.line("const int32_t even = \(half("y[0]"));")
    text.line("const int32_t odd = \(half("y[1]"));")
    text.line("y[0] = \(low)(even + odd);")
    text.line("y[1] = 0;")
    text.line("y[\(2 * points)] = \(low)(even - odd);")
    text.line("y[\(2 * points + 1)] = 0;")
    text.loop("bin", from: "1", below: "\(points / 2 + 1)") { text in
      text.line("int16_t *const a = &y[2 * bin];")
      text.line("int16_t *const b = &y[2 * (\(points) - bin)];")
      parts("a[0]", "a[1]", &text)
      text.line("a[0] = (int16_t)((sum[0] + difference[0]) >> 1);")
      text.line("a[1] = (int16_t)((sum[1] + difference[1]) >> 1);")
      text.line("b[0] = (int16_t)((sum[0] - difference[0]) >> 1);")
      text.line("b[1] = (int16_t)((difference[1] - sum[1]) >> 1);")
    }
  }
}
