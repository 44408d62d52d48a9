import Testing

@testable import CodeGeneration
@testable import Profiling

/// The decoders, instruction by instruction; the bytes are an assembler's.
struct InstructionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let instruction: ThumbInstruction
    let kind: ThumbInstruction.Kind
    let stack: Int

    /// `code` is one halfword or two, the first above.
    init(_ text: String, _ code: Int, _ kind: ThumbInstruction.Kind, stack: Int = 0) {
      testDescription = text
      instruction = code > 0xFFFF ? ThumbInstruction(code >> 16, code & 0xFFFF) : ThumbInstruction(code, nil)
      self.kind = kind
      self.stack = stack
    }
  }

  static let kinds = [
    Case("adds r0, r1, r2", 0x1888, .simple),
    Case("muls r3, r0", 0x4343, .multiply),
    Case("cmp r8, r9", 0x45C8, .simple),
    Case("mov r8, r9", 0x46C8, .simple),
    Case("mov pc, r1", 0x468F, .branch),
    Case("bx lr", 0x4770, .branch),
    Case("ldr r0, [pc, #8]", 0x4802, .load(to: 0, from: [15])),
    Case("strb r1, [r2, r3]", 0x54D1, .storeRegisterOffset(from: [2, 3])),
    Case("ldrsh r1, [r2, r3]", 0x5ED1, .load(to: 1, from: [2, 3])),
    Case("str r4, [r5, #4]", 0x606C, .store(from: [5])),
    Case("ldrh r4, [r5, #2]", 0x886C, .load(to: 4, from: [5])),
    Case("ldr r4, [sp, #4]", 0x9C01, .load(to: 4, from: [13])),
    Case("sub sp, #24", 0xB086, .simple, stack: 24),
    Case("add sp, #24", 0xB006, .simple, stack: -24),
    Case("cbz r3", 0xB11B, .branch),
    Case("sxth r3, r3", 0xB21B, .simple),
    Case("push {r4-r7, lr}", 0xB5F0, .multiple(5, isReturn: false), stack: 20),
    Case("pop {r4-r7, pc}", 0xBDF0, .multiple(5, isReturn: true), stack: -20),
    Case("ldmia r0!, {r4-r7}", 0xC8F0, .multiple(4, isReturn: false)),
    Case("bne", 0xD1F0, .branch),
    Case("svc 0", 0xDF00, .system),
    Case("b", 0xE7F0, .branch),
    Case("push.w {r4-r11, lr}", 0xE92D_4FF0, .multiple(9, isReturn: false), stack: 36),
    Case("pop.w {r4-r11, pc}", 0xE8BD_8FF0, .multiple(9, isReturn: true), stack: -36),
    Case("ldrd r10, r11, [sp, #8]", 0xE9DD_AB02, .loadDouble),
    Case("strd r0, r1, [sp, #-8]!", 0xE96D_0102, .storeDouble, stack: 8),
    Case("tbb [pc, r0]", 0xE8DF_F000, .tableBranch),
    Case("ldrex r1, [r2]", 0xE852_1F00, .load(to: 1, from: [2])),
    Case("pkhbt r0, r1, r2, lsl #16", 0xEAC1_4002, .simple),
    Case("vldrw.u32 q0, [r0]", 0xED90_1F00, .coprocessor),
    Case("vpush {d8-d15}", 0xED2D_8B10, .coprocessor, stack: 64),
    Case("vpop {d8-d15}", 0xECBD_8B10, .coprocessor, stack: -64),
    Case("sub.w sp, sp, #1024", 0xF5AD_6D80, .simple, stack: 1024),
    Case("addw sp, sp, #1028", 0xF20D_4D04, .simple, stack: -1028),
    Case("ssat r0, #8, r0, asr #12", 0xF320_3007, .simple),
    Case("bl", 0xF000_F800, .call),
    Case("b.w", 0xF000_B800, .branch),
    Case("beq.w", 0xF000_8000, .branch),
    Case("mrs r0, primask", 0xF3EF_8010, .system),
    Case("dsb", 0xF3BF_8F4F, .system),
    Case("le lr", 0xF00F_C805, .branch),
    Case("ldr.w r3, [r1], #4", 0xF851_3B04, .load(to: 3, from: [1])),
    Case("ldr.w r3, [r1, r2, lsl #2]", 0xF851_3022, .load(to: 3, from: [1, 2])),
    Case("strb.w r3, [r1, r2]", 0xF801_3002, .storeRegisterOffset(from: [1, 2])),
    Case("str r0, [sp, #-4]!", 0xF84D_0D04, .store(from: [13]), stack: 4),
    Case("pld [r0]", 0xF890_F000, .simple),
    Case("sxtb16 r4, r3, ror #8", 0xFA2F_F493, .simple),
    Case("mul r0, r1, r2", 0xFB01_F002, .multiply),
    Case("mla r0, r1, r2, r3", 0xFB01_3002, .multiplyAccumulate),
    Case("smlad r0, r1, r2, r3", 0xFB21_3002, .multiplyAccumulate),
    Case("smull r0, r1, r2, r3", 0xFB82_0103, .multiplyLong),
    Case("smlal r0, r1, r2, r3", 0xFBC2_0103, .multiplyLongAccumulate),
    Case("sdiv r0, r1, r2", 0xFB91_F0F2, .divide),
  ]
  @Test(arguments: kinds) func aThumbInstructionIsOfItsKind(_ example: Case) {
    #expect(example.instruction.kind == example.kind)
    #expect(example.instruction.instruction(at: 0).stack == .lowered(example.stack))
  }

  @Test func targetsOfThumbBranches() {
    func flow(_ first: Int, _ second: Int? = nil) -> Instruction.Flow {
      ThumbInstruction(first, second).instruction(at: 0x1000).flow
    }
    #expect(flow(0xE7FE) == .jump(0x1000))
    #expect(flow(0xD1FD) == .branch(0xFFE))
    #expect(flow(0xB100) == .branch(0x1004))
    #expect(flow(0xF7FF, 0xFFFE) == .call(0x1000))
    #expect(flow(0xF000, 0xF87E) == .call(0x1100))
    #expect(flow(0xF7FF, 0xBFFE) == .jump(0x1000))
    #expect(flow(0xF43F, 0xAFFE) == .branch(0x1000))
    #expect(flow(0x4770) == .leave && flow(0x4718) == .unknownJump && flow(0x4798) == .unknownCall)
    #expect(flow(0xBD10) == .leave && flow(0xF85D, 0xFB04) == .leave)
  }

  @Test func riscVInstructions() throws {
    func decoded(_ number: Int, bytes: Int) throws -> Instruction {
      let code = (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      return try #require(InstructionSet.riscV.decode(code[...], at: 0x1000))
    }
    // addi sp,sp,-64; c.addi16sp sp,-32; c.addi sp,-16; addi sp,sp,16
    #expect(try decoded(0xFC01_0113, bytes: 4).stack == .lowered(64))
    #expect(try decoded(0x1101, bytes: 2).stack == .lowered(32))
    #expect(try decoded(0x1141, bytes: 2).stack == .lowered(16))
    #expect(try decoded(0x0101_0113, bytes: 4).stack == .lowered(-16))
    // jal ra,.+16; j .+16 (compressed); ret; jr t1; jalr a5; beq a0,a1,.+8; c.beqz a0,.+8
    #expect(try decoded(0x0100_00EF, bytes: 4).flow == .call(0x1010))
    #expect(try decoded(0xA801, bytes: 2).flow == .jump(0x1010))
    #expect(try decoded(0x8082, bytes: 2).flow == .leave)
    #expect(try decoded(0x8302, bytes: 2).flow == .unknownJump)
    #expect(try decoded(0x9782, bytes: 2).flow == .unknownCall)
    #expect(try decoded(0x00B5_0463, bytes: 4).flow == .branch(0x1008))
    #expect(try decoded(0xC501, bytes: 2).flow == .branch(0x1008))
  }

  @Test func avrInstructions() throws {
    func decoded(_ words: Int...) throws -> Instruction {
      let code = words.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      return try #require(InstructionSet.avr.decode(code[...], at: 0x100))
    }
    // push r28; pop r28; rcall .+0; out SPL, r28; sts 0x0100, r24
    #expect(try decoded(0x93CF).stack == .lowered(1))
    #expect(try decoded(0x91CF).stack == .lowered(-1))
    #expect(try decoded(0xD000) == Instruction(bytes: 2, stack: .lowered(2)))
    #expect(try decoded(0xBFCD).stack == .unknown)
    #expect(try decoded(0x9380, 0x0100).bytes == 4)
    // call 0x200; rjmp .-2; brne .-4; ret; sbrc r24, 0 over an rjmp, and over a call
    #expect(try decoded(0x940E, 0x0100) == Instruction(bytes: 4, flow: .call(0x200)))
    #expect(try decoded(0xCFFF).flow == .jump(0x100))
    #expect(try decoded(0xF7F1).flow == .branch(0xFE))
    #expect(try decoded(0x9508).flow == .leave)
    #expect(try decoded(0xFD80, 0xC000).flow == .branch(0x104))
    #expect(try decoded(0xFD80, 0x940E).flow == .branch(0x106))
  }

  @Test func theTimingTableIsAppliedToWhatRan() throws {
    // ldr r0,[r1]; ldr r2,[r3]; ldr r4,[r2]; push {r4-r7,lr}; bne, ten times, left seven times for its target.
    let text = "0 100 10 7 0868 1a68 1468 f0b5 f0d1\n1 200 1 1 f0bd\nentered 1\n"
    let counted = try #require(BlockCounts(text))
    #expect(counted.entered == 1 && counted.blocks.count == 2)
    var mix = InstructionMix()
    mix.add(counted.blocks[0])
    #expect(mix.instructions == 50)
    #expect(mix.counts == [.load: 20, .loadBehindLoad: 10, .multiple: 10, .multipleRegister: 50, .branch: 10, .taken: 7])
    let timing = Target.Timing(source: "", cycles: ["load": 2, "taken": 3, "popReturn": 5])
    #expect(mix.cycles(timing) == 20 * 2 + 10 + 10 + 50 + 10 + 7 * 3)
    mix.add(counted.blocks[1])
    #expect(mix.counts[.popReturn] == 1 && mix.instructions == 51)
    #expect(BlockCounts("0 100 10 7 0868\n") == nil && BlockCounts("0 100 10 7 086\nentered 1\n") == nil)
  }
}
