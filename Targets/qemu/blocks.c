/* A plugin for QEMU: how often each block of code ran, and for which step of a network.
 *
 * A block is a stretch of instructions that run one after another, as QEMU translates them. It is counted for the step
 * that was entered last, so that what several steps call is counted for each of them; code of the function that calls
 * the steps is counted for itself. Nothing is counted outside a call of that function. Arguments, addresses in
 * hexadecimal, ends not included:
 *   output=FILE        what is written at the end
 *   run=FIRST-END      the function that calls the steps; may come several times
 *   outside=FIRST-END  its caller
 *   step=ADDRESS       where each step begins, in the order of their calls; 0 where it begins as some other step
 *
 * A line of the output is a block that ran: the step's number in that order (the caller of the steps has the number that
 * follows the last), the address, how often it ran, how often something else than the code that follows it in memory
 * came next, then the bytes of each instruction. The last line is "entered" and the number of steps that were.
 *
 * On Arm, code is taken to be Thumb. QEMU's header is not packaged everywhere: what is used of it (version 1 of the interface) is declared here. Blocks are
 * counted without locks, which takes a single processor.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct {
  const char *target_name;
  /* More follows. */
} qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(
  struct qemu_plugin_tb *, void (*)(unsigned, void *), enum qemu_plugin_cb_flags, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
int qemu_plugin_install(qemu_plugin_id_t, const qemu_info_t *, int, char **);

int qemu_plugin_version = 1;

struct count {
  uint64_t executions, departures;
};

struct block {
  struct block *next;
  uint64_t address, end;
  enum { STEP, RUN, OUTSIDE } place;
  /* The text of its instructions. */
  char *instructions;
  /* For each step, and for their caller. */
  struct count counts[];
};

struct range {
  uint64_t first, end;
};

static struct range runs[16], outsides[16];
static size_t run_count, outside_count;
static uint64_t *steps;
static size_t step_count;
static FILE *output;

static enum { ARM, RISCV, OTHER } processor;

static struct block *blocks;
/* The block that ran last, if it is counted, and what for. */
static struct block *last;
/* Whose code runs: a step, their caller, or nobody's. */
static size_t owner, entered;
static int is_inside;

static int contains(const struct range *ranges, size_t count, uint64_t address) {
  for (size_t i = 0; i < count; i++) {
    if (address >= ranges[i].first && address < ranges[i].end) return 1;
  }
  return 0;
}

/* Whether the step that is called next begins here. */
static int begins_step(uint64_t address) {
  if (entered == step_count) return 0;
  if (steps[entered] != 0) return address == steps[entered];
  for (size_t i = 0; i < step_count; i++) {
    if (address == steps[i]) return 1;
  }
  return 0;
}

static void executed(unsigned cpu, void *data) {
  struct block *const block = data;
  (void)cpu;
  if (last != NULL && block->address != last->end) last->counts[owner].departures++;
  if (block->place == OUTSIDE) {
    is_inside = 0;
  } else if (block->place == RUN) {
    is_inside = 1;
    owner = step_count;
  } else if (is_inside && owner == step_count && begins_step(block->address)) {
    owner = entered++;
  }
  last = is_inside ? block : NULL;
  if (is_inside) block->counts[owner].executions++;
}

/* The bytes of an instruction. QEMU 7 counts bytes that it looked at behind a block, at the end of a page, to its last
 * instruction.
 */
static size_t length(const struct qemu_plugin_insn *instruction) {
  const uint8_t *const data = qemu_plugin_insn_data(instruction);
  switch (processor) {
    case ARM: return data[1] >= 0xE8 ? 4 : 2;
    case RISCV: return (data[0] & 3) == 3 ? 4 : 2;
    default: return qemu_plugin_insn_size(instruction);
  }
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  const size_t count = qemu_plugin_tb_n_insns(tb);
  struct block *const block = calloc(1, sizeof *block + (step_count + 1) * sizeof *block->counts);
  size_t bytes = 0;
  (void)id;
  for (size_t i = 0; i < count; i++) bytes += length(qemu_plugin_tb_get_insn(tb, i));
  char *text = malloc(2 * bytes + count + 1);
  if (block == NULL || text == NULL) abort();
  block->address = qemu_plugin_tb_vaddr(tb);
  block->end = block->address + bytes;
  block->place = contains(runs, run_count, block->address) ? RUN
    : contains(outsides, outside_count, block->address)    ? OUTSIDE
                                                           : STEP;
  block->instructions = text;
  for (size_t i = 0; i < count; i++) {
    const struct qemu_plugin_insn *const instruction = qemu_plugin_tb_get_insn(tb, i);
    const uint8_t *const data = qemu_plugin_insn_data(instruction);
    *text++ = ' ';
    for (size_t j = 0; j < length(instruction); j++) text += sprintf(text, "%02x", data[j]);
  }
  *text = 0;
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void finish(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  for (const struct block *block = blocks; block != NULL; block = block->next) {
    for (size_t i = 0; i <= step_count; i++) {
      const struct count count = block->counts[i];
      if (count.executions == 0) continue;
      fprintf(
        output, "%zu %" PRIx64 " %" PRIu64 " %" PRIu64 "%s\n", i, block->address, count.executions, count.departures,
        block->instructions);
    }
  }
  fprintf(output, "entered %zu\n", entered);
  fclose(output);
}

static int add_range(struct range *ranges, size_t *count, const char *text) {
  char *end;
  if (*count == 16) return 0;
  ranges[*count].first = strtoull(text, &end, 16);
  if (*end != '-') return 0;
  ranges[(*count)++].end = strtoull(end + 1, &end, 16);
  return *end == 0;
}

/* Whether the argument is understood. */
static int take(const char *argument) {
  if (strncmp(argument, "output=", 7) == 0) return (output = fopen(argument + 7, "w")) != NULL;
  if (strncmp(argument, "run=", 4) == 0) return add_range(runs, &run_count, argument + 4);
  if (strncmp(argument, "outside=", 8) == 0) return add_range(outsides, &outside_count, argument + 8);
  if (strncmp(argument, "step=", 5) == 0) {
    steps[step_count++] = strtoull(argument + 5, NULL, 16);
    return 1;
  }
  return 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int count, char **arguments) {
  processor = strcmp(info->target_name, "arm") == 0 ? ARM : strncmp(info->target_name, "riscv", 5) == 0 ? RISCV : OTHER;
  steps = calloc((size_t)count + 1, sizeof *steps);
  if (steps == NULL) return -1;
  for (int i = 0; i < count; i++) {
    if (!take(arguments[i])) {
      fprintf(stderr, "blocks: cannot use the argument %s\n", arguments[i]);
      return -1;
    }
  }
  if (output == NULL) return -1;
  owner = step_count;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, finish, NULL);
  return 0;
}
