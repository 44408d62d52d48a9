import IntegerProgram

// The codes of windows, spread for the products.
extension DSPProductKernel {
  /// Spreads words of four codes at every `block`-th place of `to`, X before Y.
  func spread(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction(form.isPlain ? "widen" : "spread") { name, text in
      // X goes from r0 on and Y from r8 on, 8 · block bytes a word, which is r6; r7 is three times that.
      func word(_ place: String) -> [String] {
        ["ldr r4, [r1], #4"] + form.spreadWord + ["str r4, [r0\(place)]", "str r12, [r8\(place)]"]
      }
      let four = ["", ", r6", ", r6, lsl #1", ", r7"].flatMap(word)
      let atOnce =
        ["subs r9, r2, #4", "blt 3f", "2:"] + four
        + ["add r0, r0, r6, lsl #2", "add r8, r8, r6, lsl #2", "subs r9, r9, #4", "bge 2b", "3:"]
        // The count's lowest bits, as the carry and the sign.
        + ["lsls r9, r2, #31", "bcc 4f"] + word("") + word(", r6")
        + ["add r0, r0, r6, lsl #1", "add r8, r8, r6, lsl #1", "4:", "bpl 5f"] + word("") + ["add r0, r0, r6", "5:"]
      let oneByOne = ["mov r9, r2", "2:"] + word("") + ["add r0, r0, r6", "add r8, r8, r6", "subs r9, r9, #1", "bne 2b"]
      text.comment(
        "Spreads `runs` times `words` words of four codes x0 to x3 as X = (x1, x3) and Y = "
          + (form.isPlain ? "(x0, x2)" : "(256 x0 + 127 - x1, 256 x2 + 127 - x3)")
          + ", for a block of so many pixels; after each run, `from` and `to` go on by so many bytes. Returns the place after "
          + "the last.")
      text.assembly(
        "uint32_t *\(name)(\n  uint32_t *to, const int8_t *from, int32_t words, uint32_t block, uint32_t runs, int32_t from_step, int32_t to_step)",
        ["push {r4-r11, lr}"] + (form.isPlain ? [] : ["mov r5, #0x007F007F"])
          + ["lsl r6, r3, #3", "add r7, r6, r6, lsl #1", "ldr lr, [sp, #36]", "ldrd r10, r11, [sp, #40]", "1:"]
          + ["add r8, r0, r3, lsl #2"] + (goal == .size ? oneByOne : atOnce)
          + ["add r0, r0, r11", "add r1, r1, r10", "subs lr, lr, #1", "bne 1b", "pop {r4-r11, pc}"])
    }
  }

  /// Copies bytes, a word at a time as long as there are so many.
  func copyFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_words") { name, text in
      text.comment("Copies codes, four at a time while there are so many.")
      text.assembly(
        "void \(name)(int8_t *to, const int8_t *from, int32_t count)",
        [
          "subs r2, r2, #4", "blt 2f", "1:", "ldr r3, [r1], #4", "subs r2, r2, #4", "str r3, [r0], #4", "bge 1b", "2:",
          "adds r2, r2, #4", "beq 4f", "3:", "ldrb r3, [r1], #1", "subs r2, r2, #1", "strb r3, [r0], #1", "bne 3b", "4:",
          "bx lr",
        ])
    }
  }

  /// Copies the rows of a window as bytes.
  private func copyRowsFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_rows") { name, text in
      text.comment("Copies rows of `count` codes, which start so many bytes apart.")
      text.assembly(
        "void \(name)(\n  int8_t *to, const int8_t *from, int32_t count, int32_t rows, int32_t to_step, int32_t from_step)",
        [
          "push {r4-r7, lr}", "ldrd r6, r7, [sp, #20]", "sub r6, r6, r2", "sub r7, r7, r2", "1:", "subs r4, r2, #4", "blt 3f",
          "2:", "ldr r5, [r1], #4", "subs r4, r4, #4", "str r5, [r0], #4", "bge 2b", "3:", "adds r4, r4, #4", "beq 5f", "4:",
          "ldrb r5, [r1], #1", "subs r4, r4, #1", "strb r5, [r0], #1", "bne 4b", "5:", "add r0, r0, r6", "add r1, r1, r7",
          "subs r3, r3, #1", "bne 1b", "pop {r4-r7, pc}",
        ])
    }
  }

  /// Spreads a window.
  private func window(_ writer: inout KernelWriter) -> String {
    let spread = spread(&writer)
    let copy = usesPatch ? copyRowsFunction(&writer) : ""
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction((usesPatch ? "byte_window" : "window") + (form.isPlain ? "_wide" : "")) { name, text in
      text.comment(
        "Spreads the window of the pixel at `row` and `column`"
          + (usesPatch ? ", by way of a copy where its rows, or what the image has of them, are no whole words" : "")
          + ". The shape: its rows, taps of a row, codes of a row; the codes of a row of the image, the channels; the steps down and "
          + "to the right; the padding above and on the left; the last places down and to the right where it lies in the image; "
          + "the padding spread as X and Y, and as four codes.")
      let patch = usesPatch ? ", uint32_t *patch" : ""
      text.block(
        "\(kernel) static void \(name)(\n  uint32_t *to, const int8_t *x, const int32_t *shape, int32_t row, int32_t column, uint32_t block\(patch))"
      ) { text in
        text.line("const int32_t top = (row * shape[5]) - shape[7];")
        text.line("const int32_t left = (column * shape[6]) - shape[8];")
        text.line("const int32_t width = shape[2];")
        text.line("const int32_t line = shape[3];")
        text.line("int32_t rows = shape[0];")
        text.line("int32_t count = width;")
        text.line("int32_t start = 0;")
        text.line("int32_t from = (top * line) + (left * shape[4]);")
        text.block("if ((top < 0) || (top > shape[9]) || (left < 0) || (left > shape[10]))") { text in
          text.line("/* What lies outside the image keeps the padding. */")
          text.line("const int32_t above = (top < 0) ? -top : 0;")
          text.line("const int32_t below = (top > shape[9]) ? (top - shape[9]) : 0;")
          text.line("const int32_t before = (left < 0) ? -left : 0;")
          text.line("const int32_t beyond = (left > shape[10]) ? (left - shape[10]) : 0;")
          text.line("rows -= above + below;")
          text.line("count -= (before + beyond) * shape[4];")
          text.line("start = (above * width) + (before * shape[4]);")
          text.line("from += (above * line) + (before * shape[4]);")
          func pad(_ text: inout CText) {
            text.line("uint32_t *end = to;")
            text.block("for (int32_t i = shape[0] * width; i > 0; i -= 4)") { text in
              text.line("end[0] = (uint32_t)shape[11];")
              text.line("end[block] = (uint32_t)shape[12];")
              text.line("end = &end[2u * block];")
            }
          }
          if usesPatch {
            text.block("if ((count < width) || ((width % 4) != 0))") { text in
              text.block("for (int32_t i = 0; i < (shape[0] * width); i += 4)") { $0.line("patch[i / 4] = (uint32_t)shape[13];") }
            }
            text.block("else", pad)
          } else {
            pad(&text)
          }
        }
        func words(_ text: inout CText) {
          text.block("if ((rows > 0) && (count > 0))") { text in
            text.line("(void)\(spread)(")
            text.line("  &to[((uint32_t)start / 2u) * block], &x[from], count / 4, block, (uint32_t)rows, line - count,")
            text.line("  (width - count) * 2 * (int32_t)block);")
          }
        }
        guard usesPatch else { return words(&text) }
        text.block("if ((count < width) || ((width % 4) != 0))") { text in
          text.block("if ((rows > 0) && (count > 0))") {
            $0.line("\(copy)(&((int8_t *)patch)[start], &x[from], count, rows, width, line);")
          }
          text.line("(void)\(spread)(to, (const int8_t *)patch, ((shape[0] * width) + 3) / 4, block, 1u, 0, 0);")
        }
        text.block("else", words)
      }
    }
  }

  /// Spreads the windows of a block.
  func windows(_ writer: inout KernelWriter) -> String {
    let spread = spread(&writer)
    let window = window(&writer)
    let copyRows = usesPatch ? copyRowsFunction(&writer) : ""
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction((usesPatch ? "byte_windows" : "windows") + (form.isPlain ? "_wide" : "")) { name, text in
      text.comment(
        "Spreads the windows of a block, from the pixel at `place`, a row and a column, on. The shape: the pixels of a row, the "
          + "first and the last column and row where windows lie in the image, and the windows' own.")
      let patch = usesPatch ? ", uint32_t *patch" : ""
      text.block(
        "\(kernel) static void \(name)(\n  uint32_t *to, const int8_t *x, const int32_t *shape, uint32_t block, int32_t *place\(patch))"
      ) { text in
        text.line("const int32_t width = shape[7];")
        text.line("const int32_t line = shape[8];")
        text.line("const int32_t step = shape[11] * shape[9];")
        text.line("int32_t row = place[0];")
        text.line("int32_t column = place[1];")
        text.block("for (uint32_t pixel = 0; pixel < block;)") { text in
          text.line("/* Pixels of the row whose windows lie in the image, or one whose window does not. */")
          text.line("int32_t inside = (shape[2] + 1) - column;")
          text.line("inside = (inside < (int32_t)(block - pixel)) ? inside : (int32_t)(block - pixel);")
          text.block("if ((inside > 0) && (column >= shape[1]) && (row >= shape[3]) && (row <= shape[4]))") { text in
            text.line("const int8_t *from =")
            text.line("  &x[(((row * shape[10]) - shape[12]) * line) + (column * step) - (shape[13] * shape[9])];")
            text.line("column += inside;")
            text.block("for (; inside > 0; inside--)") { text in
              let runs = "(void)\(spread)(&to[pixel], from, width / 4, block, (uint32_t)shape[5], line - width, 0);"
              if usesPatch {
                text.block("if ((width % 4) == 0)") { $0.line(runs) }
                text.block("else") { text in
                  text.line("\(copyRows)((int8_t *)patch, from, width, shape[5], width, line);")
                  text.line("(void)\(spread)(&to[pixel], (const int8_t *)patch, ((shape[5] * width) + 3) / 4, block, 1u, 0, 0);")
                }
              } else {
                text.line(runs)
              }
              text.line("from = &from[step];")
              text.line("pixel++;")
            }
          }
          text.block("else") { text in
            text.line("\(window)(&to[pixel], x, &shape[5], row, column, block\(usesPatch ? ", patch" : ""));")
            text.line("column++;")
            text.line("pixel++;")
          }
          text.block("if (column == shape[0])") { text in
            text.line("column = 0;")
            text.line("row++;")
          }
        }
        text.line("place[0] = row;")
        text.line("place[1] = column;")
      }
    }
  }
}
