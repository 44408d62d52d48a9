import Arithmetic
import IntegerProgram
import Network

// What stands between samples and a network's codes. Arithmetic is on unsigned words where it may wrap around.
extension KernelWriter {
  mutating func signal(_ signal: Signal, _ step: Step, _ index: Int, _ text: inout CText) {
    let count = program.values[step.inputs[0]].count
    switch signal {
    case .room:
      input("x", step.inputs[0])
      output("y", step.output)
      Self.room(count, &text)
    case .shifted:
      let low = lowest16()
      input("x", step.inputs[0])
      input("bits", step.inputs[1])
      output("y", step.output)
      text.line("const uint32_t power = (uint32_t)1U << bits[0];")
      text.line("const int32_t factor = (int32_t)power;")
      text.loop("i", count) { $0.line("y[i] = \(low)((int32_t)x[i] * factor);") }
    case .spectrum(let transform):
      let function = spectrum(transform, samples: count)
      input("x", step.inputs[0])
      output("y", step.output)
      text.line("\(function)(x, y);")
    case .samples(let transform):
      let function = samples(transform)
      input("x", step.inputs[0])
      output("y", step.output)
      text.line("\(function)(x, y);")
    case .energy(let bins):
      let store = storeWord()
      input("x", step.inputs[0])
      output("y", step.output)
      // No sum passes 2^31.
      text.loop("i", count / 2) { text in
        text.line("const int32_t real = (int32_t)x[2 * i];")
        text.line("const int32_t imaginary = (int32_t)x[(2 * i) + 1];")
        text.line("const int32_t first = real * real;")
        text.line("const int32_t second = imaginary * imaginary;")
        text.line(
          "\(bins == 0..<count / 2 ? "const " : "")uint32_t energy = (uint32_t)first + (uint32_t)second;")
        if bins != 0..<count / 2 {
          text.block("if ((i < \(bins.lowerBound)) || (i >= \(bins.upperBound)))") { $0.line("energy = 0U;") }
        }
        text.line("\(store)(&y[2 * i], energy);")
      }
    case .filterBank(let bank): filterBank(bank, step, index, &text)
    case .root:
      let (root, store) = (rootFunction(), storeWord())
      input("x", step.inputs[0])
      input("bits", step.inputs[1])
      output("y", step.output)
      text.loop("i", count / 4) { text in
        text.line("uint64_t word = 0U;")
        text.loop("j", 4) { $0.line("word = (word << 16) | (uint64_t)x[(4 * i) + 3 - j];") }
        text.line("\(store)(&y[2 * i], \(root)(word) >> bits[0]);")
      }
    case .noise(let subtraction): noise(subtraction, step, count / 2, &text)
    case .remainder(let subtraction): remainder(subtraction, step, count / 2, &text)
    case .gain(let table, let shift): gain(table, shift: shift, step, index, count / 2, &text)
    case .logarithm(let scale, let bits):
      let (load, logarithm) = (loadWord(), logarithmFunction())
      input("x", step.inputs[0])
      output("y", step.output)
      text.loop("i", count / 2) { text in
        text.line("const uint32_t word = \(load)(&x[2 * i])\(bits == 0 ? "" : " << \(bits)");")
        text.line("uint32_t code = 0U;")
        text.block("if (word > 1U)") { text in
          text.line("code = ((\(logarithm)(word) * \(scale)U) + 32768U) >> 16;")
          text.block("if (code > 32767U)") { $0.line("code = 32767U;") }
        }
        text.line("y[i] = (int16_t)code;")
      }
    }
  }

  private static func room(_ count: Int, _ text: inout CText) {
    text.line("int32_t largest = 0;")
    text.loop("i", count) { text in
      text.line("const int32_t sample = (int32_t)x[i];")
      text.line("const int32_t size = (sample > largest) ? sample : -sample;")
      // As 16 bits hold it.
      text.block("if (size > largest)") { $0.line("largest = (size == 32768) ? -32768 : size;") }
    }
    text.line("uint8_t room = (largest > 0) ? 15U : 0U;")
    text.block("while (largest > 0)") { text in
      text.line("largest /= 2;")
      text.line("room--;")
    }
    text.line("y[0] = room;")
  }

  // MARK: Words

  mutating func lowest16() -> String {
    sharedFunction("lowest16") { name, text in
      text.comment("The 16 lowest bits, as a signed number.")
      text.block("static int16_t \(name)(int32_t x)") { text in
        text.line("const uint32_t bits = ((uint32_t)x + 32768U) & 65535U;")
        text.line("return (int16_t)((int32_t)bits - 32768);")
      }
    }
  }

  private mutating func loadWord() -> String {
    sharedFunction("load_word") { name, text in
      text.comment("A word of 32 bits, whose lower half lies first.")
      text.block("static uint32_t \(name)(const uint16_t *x)") { text in
        text.line("return (uint32_t)x[0] | ((uint32_t)x[1] << 16);")
      }
    }
  }

  private mutating func storeWord() -> String {
    sharedFunction("store_word") { name, text in
      text.comment("Stores a word of 32 bits, its lower half first.")
      text.block("static void \(name)(uint16_t *y, uint32_t word)") { text in
        text.line("y[0] = (uint16_t)(word & 65535U);")
        text.line("y[1] = (uint16_t)(word >> 16);")
      }
    }
  }

  private mutating func rootFunction() -> String {
    sharedFunction("root") { name, text in
      text.comment("The square root, rounded, but not to more than 16 bits of a word of 32, and not to more than 32.")
      text.block("static uint32_t \(name)(uint64_t word)") { text in
        text.line("uint64_t rest = word;")
        text.line("uint64_t root = 0U;")
        text.line("uint64_t bit = (uint64_t)1U << 62;")
        text.block("while (bit > word)") { $0.line("bit >>= 2;") }
        text.block("while (bit != 0U)") { text in
          text.line("const uint64_t trial = root + bit;")
          text.line("root >>= 1;")
          text.block("if (rest >= trial)") { text in
            text.line("rest -= trial;")
            text.line("root += bit;")
          }
          text.line("bit >>= 2;")
        }
        text.line("uint64_t most = 65535U;")
        text.block("if ((word >> 32) != 0U)") { $0.line("most = 4294967295U;") }
        text.block("if ((rest > root) && (root != most))") { $0.line("root++;") }
        text.line("return (uint32_t)root;")
      }
    }
  }

  private mutating func logarithmFunction() -> String {
    let table = tableName("logarithm")
    if !tables.contains(where: { $0.name == table }) {
      addTable(
        "logarithm", "uint16_t", logarithmCorrections,
        comment: "By how much the binary logarithm of 1 + i/128 passes i/128, in units of 2^-16")
    }
    return sharedFunction("scaled_logarithm") { name, text in
      text.comment("The natural logarithm in units of 2^-16, of 1 or more.")
      text.block("static uint32_t \(name)(uint32_t word)") { text in
        text.line("uint32_t exponent = 0U;")
        text.block("while ((word >> exponent) > 1U)") { $0.line("exponent++;") }
        text.line("const uint32_t rest = word - ((uint32_t)1U << exponent);")
        text.line("const uint32_t part = (exponent < 16U) ? (rest << (16U - exponent)) : (rest >> (exponent - 16U));")
        text.line("const int32_t fraction = (int32_t)part;")
        text.line("const int32_t segment = fraction / 512;")
        text.line("const int32_t low = (int32_t)\(table)[segment];")
        text.line("const int32_t way = ((int32_t)\(table)[segment + 1] - low) * (fraction - (segment * 512));")
        text.line("const int32_t binary = (int32_t)(exponent << 16) + fraction + low + (way >> 16);")
        text.line("return (uint32_t)((((uint64_t)binary * \(logarithmOfTwo)U) + 32768U) >> 16);")
      }
    }
  }

  // MARK: Channels

  private mutating func filterBank(_ bank: Signal.FilterBank, _ step: Step, _ index: Int, _ text: inout CText) {
    let load = loadWord()
    let label = "\(step.source.type) of step \(index)"
    func table(_ suffix: String, _ elements: [Int64], _ comment: String) -> String {
      addTable("\(suffix)_\(index)", "uint16_t", elements, comment: "\(comment), \(label)")
      return tableName("\(suffix)_\(index)")
    }
    let bins = table("bins", bank.bins.map { Int64($0.lowerBound) }, "The first bin of each channel")
    let widths = table("widths", bank.bins.map { Int64($0.count) }, "How many bins each channel has")
    let weights = table("weights", bank.weights.map(Int64.init), "Weights of each channel's bins in it")
    let next = table("next", bank.nextWeights.map(Int64.init), "Weights of each channel's bins in the one behind it")
    input("x", step.inputs[0])
    output("y", step.output)
    text.line("uint64_t carried = 0U;")
    text.line("int32_t at = 0;")
    text.loop("channel", bank.bins.count) { text in
      text.line("uint64_t sum = carried;")
      text.line("const int32_t first = (int32_t)\(bins)[channel];")
      text.line("const int32_t width = (int32_t)\(widths)[channel];")
      text.line("carried = 0U;")
      text.loop("i", below: "width") { text in
        text.line("const uint64_t energy = \(load)(&x[2 * (first + i)]);")
        text.line("sum += energy * \(weights)[at];")
        text.line("carried += energy * \(next)[at];")
        text.line("at++;")
      }
      // The first channel is not output.
      text.block("if (channel > 0)") { text in
        text.loop("i", 4) { text in
          text.line("y[(4 * (channel - 1)) + i] = (uint16_t)(sum & 65535U);")
          text.line("sum >>= 16;")
        }
      }
    }
  }

  private mutating func noise(_ s: SpectralSubtraction, _ step: Step, _ count: Int, _ text: inout CText) {
    let (load, store) = (loadWord(), storeWord())
    input("x", step.inputs[0])
    input("old", step.inputs[1])
    output("y", step.output)
    text.loop("i", count) { text in
      text.line("const uint32_t energy = \(load)(&x[2 * i]) << \(s.smoothingBits);")
      text.line("const uint64_t before = \(load)(&old[2 * i]);")
      func estimate(_ channel: Int) -> String {
        "((uint64_t)energy * \(s.smoothing[channel])U) + (before * \(s.oneMinusSmoothing[channel])U)"
      }
      let isAlike = s.smoothing[0] == s.smoothing[1] && s.oneMinusSmoothing[0] == s.oneMinusSmoothing[1]
      text.line(
        isAlike
          ? "const uint64_t sum = \(estimate(0));"
          : "const uint64_t sum = ((i % 2) == 0) ? (\(estimate(0))) : (\(estimate(1)));")
      text.line("\(s.isClamped ? "" : "const ")uint32_t noise = (uint32_t)((sum >> \(s.bits)) & 4294967295U);")
      if s.isClamped { text.block("if (noise > energy)") { $0.line("noise = energy;") } }
      text.line("\(store)(&y[2 * i], noise);")
    }
  }

  private mutating func remainder(_ s: SpectralSubtraction, _ step: Step, _ count: Int, _ text: inout CText) {
    let (load, store) = (loadWord(), storeWord())
    input("x", step.inputs[0])
    input("noise", step.inputs[1])
    output("y", step.output)
    text.loop("i", count) { text in
      text.line("const uint32_t energy = \(load)(&x[2 * i]);")
      text.line("const uint32_t scaled = energy << \(s.smoothingBits);")
      text.line("const uint32_t estimate = \(load)(&noise[2 * i]);")
      text.line("const uint32_t least = (uint32_t)((((uint64_t)energy * \(s.least)U) >> \(s.bits)) & 4294967295U);")
      text.line("uint32_t rest = (estimate > scaled) ? 0U : ((scaled - estimate) >> \(s.smoothingBits));")
      text.block("if (rest < least)") { $0.line("rest = least;") }
      text.line("\(store)(&y[2 * i], rest);")
    }
  }

  private mutating func gain(
    _ table: [Int16], shift: Int, _ step: Step, _ index: Int, _ count: Int, _ text: inout CText
  ) {
    let (load, store, low) = (loadWord(), storeWord(), lowest16())
    addTable(
      "gain_\(index)", "int16_t", table.map(Int64.init),
      comment: "Gains by noise, parabolas between powers of two, \(step.source.type) of step \(index)")
    let gains = tableName("gain_\(index)")
    input("x", step.inputs[0])
    input("noise", step.inputs[1])
    output("y", step.output)
    text.loop("i", count) { text in
      text.line("const uint32_t word = \(load)(&noise[2 * i]);")
      text.line("int32_t gain = (int32_t)\(gains)[0];")
      text.block("if (word <= 2U)") { $0.line("gain = (int32_t)\(gains)[word];") }
      text.block("else") { text in
        text.line("uint32_t bits = 1U;")
        text.block("while ((bits < 32U) && ((word >> bits) != 0U))") { $0.line("bits++;") }
        text.line("const uint32_t place = (bits < 11U) ? (word << (11U - bits)) : (word >> (bits - 11U));")
        text.line("const uint32_t rest = place & 1023U;")
        text.line("const int32_t way = (int32_t)rest;")
        text.line("const int16_t *piece = &\(gains)[(4U * bits) - 6U];")
        text.line("const int32_t slope = (((int32_t)piece[2] * way) >> 5) + ((int32_t)piece[1] * 32);")
        text.line("gain = (int32_t)\(low)((((slope * way) + 16384) >> 15) + (int32_t)piece[0]);")
      }
      text.line("const uint64_t product = (uint64_t)\(load)(&x[2 * i]) * (uint32_t)gain;")
      text.line("const uint32_t ratio = (uint32_t)((product >> \(shift)) & 4294967295U);")
      text.line("\(store)(&y[2 * i], (ratio < 8192U) ? ((ratio * ratio) >> 20) : ((ratio >> 6) - 64U));")
    }
  }
}
