# Start-up of a RISC-V hart: stack, traps, memory, main.
  # Named here, since GCC 12 has no libraries for an architecture with this in its name.
  .option arch, +zicsr
  .section .vectors, "ax"
  .globl reset
reset:
  la sp, link_stack_top
  la t0, fault
  csrw mtvec, t0
  la a0, link_data_load
  la a1, link_data_start
  la a2, link_data_end
1:
  bgeu a1, a2, 2f
  lw t0, 0(a0)
  sw t0, 0(a1)
  addi a0, a0, 4
  addi a1, a1, 4
  j 1b
2:
  la a1, link_bss_start
  la a2, link_bss_end
3:
  bgeu a1, a2, 4f
  sw zero, 0(a1)
  addi a1, a1, 4
  j 3b
4:
  call main
  call runner_exit
  .balign 4
fault:
  li a0, 100
  call runner_exit
