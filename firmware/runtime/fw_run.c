#include "runtime/fw_run.h"

#include <string.h>

#include "kernels/skip.h"
#include "runtime/crc32.h"
#include "runtime/kernel_table.h"

enum { PLACE_ARENA = 0, PLACE_CONST = 1, PLACE_STATE = 2, PLACE_ABSENT = 3 };

typedef struct {
  uint16_t kernel;
  uint8_t parameter_words;
  uint8_t operands;
} call_head_t;

static const fw_kernel_entry_t *find_kernel(uint16_t id) {
  for (uint32_t i = 0; i < fw_kernel_table_size; ++i) {
    if (fw_kernel_table[i].id == id) return &fw_kernel_table[i];
  }
  return 0;
}

static const uint8_t *block_of(const fw_program_t *program) {
  return (const uint8_t *)program->header;
}

static const uint32_t *words_at(const fw_program_t *program, uint32_t offset) {
  return (const uint32_t *)(const void *)(block_of(program) + offset);
}

static uint32_t call_words(call_head_t head) {
  return 1u + head.parameter_words + head.operands;
}

static call_head_t call_head(const uint32_t *call) {
  call_head_t head = {(uint16_t)(*call & 0xFFFFu), (uint8_t)(*call >> 16), (uint8_t)(*call >> 24)};
  return head;
}

static int range_fits(uint32_t offset, uint64_t bytes, uint32_t total) {
  return (offset & 3u) == 0 && offset <= total && bytes <= (uint64_t)total - offset;
}

static fw_status_t check_call(const fw_program_header_t *h, const uint32_t *call, call_head_t head) {
  const uint32_t limits[3] = {h->arena_bytes, h->const_bytes, h->state_bytes};
  const fw_kernel_entry_t *kernel = find_kernel(head.kernel);
  if (!kernel) return FW_E_UNKNOWN;
  for (uint32_t i = 0; i < head.operands; ++i) {
    const uint32_t operand = call[1u + head.parameter_words + i];
    if (operand >> 30 != PLACE_ABSENT && (operand & 0x3FFFFFFFu) > limits[operand >> 30]) return FW_E_FORMAT;
  }
  return FW_OK;
}

/* A skip has its one parameter, and no more calls behind it to leave out than there are. */
static int skip_fits(call_head_t head, const uint32_t *call, uint32_t behind) {
  return head.parameter_words == 1 && head.operands == 1 && call[1] <= behind;
}

fw_status_t fw_program_open(fw_program_t *program, const void *block, uint32_t bytes) {
  const fw_program_header_t *h = block;
  if (((uintptr_t)block & 15u) != 0) return FW_E_ARGUMENT;
  if (bytes < sizeof *h || memcmp(h->magic, "FWPR", 4) != 0 || h->version != FW_PROGRAM_VERSION) return FW_E_FORMAT;
  if (h->bytes != bytes || fw_crc32(0, h->sha256, bytes - 16u) != h->crc) return FW_E_FORMAT;
  const uint64_t ports = (uint64_t)h->input_count + h->output_count;
  if (!range_fits(h->ports_offset, ports * sizeof(fw_tensor_info_t), bytes) ||
      !range_fits(h->consts_offset, h->const_bytes, bytes) || !range_fits(h->calls_offset, 0, bytes) ||
      !range_fits(h->initial_offset, h->initial_offset ? h->state_bytes : 0, bytes) ||
      !range_fits(h->name_offset, 1, bytes)) {
    return FW_E_FORMAT;
  }
  program->header = h;
  const fw_tensor_info_t *port = fw_program_input(program, 0);
  for (uint64_t i = 0; i < ports; ++i, ++port) {
    if (!range_fits(port->offset, port->bytes, h->arena_bytes)) return FW_E_FORMAT;
  }
  uint32_t position = h->calls_offset;
  for (uint32_t i = 0; i < h->call_count; ++i) {
    if (!range_fits(position, sizeof(uint32_t), bytes)) return FW_E_FORMAT;
    const uint32_t *call = words_at(program, position);
    const call_head_t head = call_head(call);
    const uint32_t size = 4u * call_words(head);
    if (head.operands > FW_MAX_OPERANDS || !range_fits(position, size, bytes)) return FW_E_FORMAT;
    const fw_status_t status = check_call(h, call, head);
    if (status != FW_OK) return status;
    if (head.kernel == FW_SKIP_ID && !skip_fits(head, call, h->call_count - 1u - i)) return FW_E_FORMAT;
    position += size;
  }
  return FW_OK;
}

const fw_tensor_info_t *fw_program_input(const fw_program_t *program, uint32_t index) {
  return (const fw_tensor_info_t *)(const void *)words_at(program, program->header->ports_offset) + index;
}

const fw_tensor_info_t *fw_program_output(const fw_program_t *program, uint32_t index) {
  return fw_program_input(program, program->header->input_count + index);
}

void fw_run_reset(const fw_program_t *program, void *state) {
  const fw_program_header_t *h = program->header;
  if (h->state_bytes == 0) return;
  if (h->initial_offset) {
    memcpy(state, block_of(program) + h->initial_offset, h->state_bytes);
  } else {
    memset(state, 0, h->state_bytes);
  }
}

/* Executes a call; the number of calls to leave out after it. */
static uint32_t execute(const fw_program_t *program, const uint32_t *call, uint8_t *arena, uint8_t *state) {
  const call_head_t head = call_head(call);
  const uint32_t *encoded = call + 1 + head.parameter_words;
  /* Constants are never written: every kernel declares the operands it gets from there const. */
  uint8_t *consts = (uint8_t *)(uintptr_t)(block_of(program) + program->header->consts_offset);
  void *operands[FW_MAX_OPERANDS];
  for (uint32_t i = 0; i < head.operands; ++i) {
    const uint32_t offset = encoded[i] & 0x3FFFFFFFu;
    switch (encoded[i] >> 30) {
      case PLACE_ARENA:
        operands[i] = arena + offset;
        break;
      case PLACE_CONST:
        operands[i] = consts + offset;
        break;
      case PLACE_STATE:
        operands[i] = state + offset;
        break;
      default:
        operands[i] = 0;
        break;
    }
  }
  find_kernel(head.kernel)->function(call + 1, operands);
  if (head.kernel != FW_SKIP_ID) return 0;
  int32_t is_waiting;
  memcpy(&is_waiting, operands[0], sizeof is_waiting);
  return is_waiting ? call[1] : 0;
}

/* The call behind `call` and `skipped` more. */
static const uint32_t *next_call(const uint32_t *call, uint32_t skipped) {
  for (uint32_t i = 0; i <= skipped; ++i) call += call_words(call_head(call));
  return call;
}

void fw_run_invoke(const fw_program_t *program, void *arena, void *state) {
  const uint32_t *call = words_at(program, program->header->calls_offset);
  for (uint32_t i = 0; i < program->header->call_count; ++i) {
    const uint32_t skipped = execute(program, call, arena, state);
    call = next_call(call, skipped);
    i += skipped;
  }
}

uint32_t fw_run_step(const fw_program_t *program, void *arena, void *state, uint32_t *cursor) {
  if (*cursor == 0) *cursor = program->header->calls_offset;
  const uint32_t *call = words_at(program, *cursor);
  const uint32_t skipped = execute(program, call, arena, state);
  *cursor = (uint32_t)((const uint8_t *)next_call(call, skipped) - block_of(program));
  return skipped;
}
