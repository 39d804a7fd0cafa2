/* fw_run executes a Program from data: the portable executor of the host, of tests and of size-optimised images.
 *
 * A Program is one block of little-endian bytes, 16-byte aligned (written by pytool/fieldwren/plan/encode.py):
 *   header   fw_program_header_t; `crc` is the CRC-32 (IEEE 802.3) of all bytes behind it
 *   ports    inputs, then outputs, as fw_tensor_info_t
 *   calls    { uint16 kernel id, uint8 parameter words, uint8 operands, parameters[], operands[] } each;
 *            an operand's two top bits tell the place (0 arena, 1 constants, 2 state, 3 absent), the rest its offset
 *   name     zero-terminated
 *   initial  the state after a reset (absent, its offset 0, when all zeros)
 *   consts   weights and tables
 * The block is used in place; it must stay valid, and may lie in flash. */
#ifndef FW_RUN_H
#define FW_RUN_H

#include "fw_model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_PROGRAM_VERSION 1
#define FW_MAX_OPERANDS    20

typedef struct {
  uint8_t magic[4]; /* "FWPR" */
  uint32_t version;
  uint32_t bytes; /* of the whole block */
  uint32_t crc;
  uint8_t sha256[32]; /* of the .tflite */
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint32_t const_bytes;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t call_count;
  uint32_t ports_offset;
  uint32_t calls_offset;
  uint32_t name_offset;
  uint32_t initial_offset;
  uint32_t consts_offset;
} fw_program_header_t;

typedef struct {
  const fw_program_header_t *header;
} fw_program_t;

/* Checks magic, version, CRC, every offset and every kernel id of the `bytes` long block at `block`; nothing of it is
 * executed before. FW_E_FORMAT: damaged or another format; FW_E_UNKNOWN: a kernel that this build lacks. */
fw_status_t fw_program_open(fw_program_t *program, const void *block, uint32_t bytes);

const fw_tensor_info_t *fw_program_input(const fw_program_t *program, uint32_t index);
const fw_tensor_info_t *fw_program_output(const fw_program_t *program, uint32_t index);

/* The state after a reset. `state` has header->state_bytes, 16-byte aligned. */
void fw_run_reset(const fw_program_t *program, void *state);

/* One inference. `arena` has header->arena_bytes, 16-byte aligned. */
void fw_run_invoke(const fw_program_t *program, void *arena, void *state);

/* Executes the next call only, for comparing layers: *cursor is 0 before the first call. The caller counts calls, those
 * that this one leaves out too: they are the result. */
uint32_t fw_run_step(const fw_program_t *program, void *arena, void *state, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif
