/* A QEMU plugin that counts what runs while one function is on the stack. Compiled for the host on demand
 * (pytool/fieldwren/emulators/counting.py) and loaded with
 *
 *   qemu-system-arm -plugin count.so,start=0x1234,out=/path …
 *
 * A window opens whenever the code at `start` is entered by a call and closes when the caller is reached
 * again. Every translated block that ran inside windows becomes one line of the output,
 *
 *   block ADDRESS BYTES INSTRUCTIONS RUNS FOLLOWED FOLLOWED_BEFORE
 *
 * with the number of times it ran, and how often the code that ran next began at its end, or two bytes before
 * its end. The latter is needed because QEMU 7.2 reports two bytes too many for a Thumb instruction of two
 * bytes at the end of a page; the reader knows the true length. The first line is `windows COUNT`; a window
 * that never closed is the line `open`. Numbers are decimal.
 *
 * QEMU's plugin header is not part of Debian's packages; the functions that are used are declared here, after
 * QEMU's public documentation (docs/devel/tcg-plugins.rst). They are the same in version 1 of the interface
 * (tried: QEMU 7.2) and in version 2, which QEMU 9 and later demand. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*cb)(unsigned int, void *),
                                          enum qemu_plugin_cb_flags flags, void *userdata);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) extern const int qemu_plugin_version;
const int qemu_plugin_version = FW_PLUGIN_VERSION;

typedef struct block {
  struct block *next;
  uint64_t address;
  uint64_t bytes;
  uint64_t instructions;
  uint64_t runs;
  uint64_t followed;
  uint64_t followed_before;
} block_t;

static block_t *blocks; /* QEMU may translate the same code several times: the reader adds them up */
static block_t *previous;
static uint64_t start_address;
static uint64_t return_address;
static uint64_t windows;
static int counting;
static char out_path[4096];

static void on_block(unsigned int cpu, void *data) {
  (void)cpu;
  block_t *const block = data;
  const uint64_t end = previous != NULL ? previous->address + previous->bytes : 0;
  if (counting) {
    if (block->address == end) previous->followed++;
    if (block->address + 2 == end) previous->followed_before++;
    /* The call's own second half is no place to return to, so both ends can be looked for. */
    if (block->address == return_address || block->address + 2 == return_address) counting = 0;
  } else if (block->address == start_address && previous != NULL) {
    return_address = end;
    windows++;
    counting = 1;
  }
  if (counting) block->runs++;
  previous = block;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  block_t *const block = calloc(1, sizeof *block);
  if (block == NULL) abort();
  block->address = qemu_plugin_tb_vaddr(tb);
  block->instructions = qemu_plugin_tb_n_insns(tb);
  for (size_t i = 0; i < block->instructions; i++)
    block->bytes += qemu_plugin_insn_size(qemu_plugin_tb_get_insn(tb, i));
  block->next = blocks;
  blocks = block;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void write_counts(qemu_plugin_id_t id, void *data) {
  (void)id;
  (void)data;
  FILE *const out = fopen(out_path, "w");
  if (out == NULL) return; /* the reader misses the file and says so */
  fprintf(out, "windows %" PRIu64 "\n", windows);
  if (counting) fprintf(out, "open\n");
  for (const block_t *block = blocks; block != NULL; block = block->next) {
    if (block->runs == 0) continue;
    const uint64_t columns[] = {block->address, block->bytes,    block->instructions,
                                block->runs,    block->followed, block->followed_before};
    fprintf(out, "block");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) fprintf(out, " %" PRIu64, columns[i]);
    fprintf(out, "\n");
  }
  fclose(out);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                                               char **argv);

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "start=", 6) == 0) start_address = strtoull(argv[i] + 6, NULL, 0);
    if (strncmp(argv[i], "out=", 4) == 0) snprintf(out_path, sizeof out_path, "%s", argv[i] + 4);
  }
  if (out_path[0] == '\0') return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, write_counts, NULL);
  return 0;
}
