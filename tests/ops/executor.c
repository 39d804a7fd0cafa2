/* Executes Programs for the operator tests: requests on stdin, replies on stdout, one process for thousands
 * of them. Built with AddressSanitizer; bytes that no buffer of a Program owns are poisoned, so that a kernel
 * that leaves its operands ends the process with a report.
 *
 * request: uint32 command, uint32 bytes, payload; reply: int32 status, uint32 bytes, payload (little-endian)
 *   'O' open    uint32 zones, zones × {uint32 place, uint32 offset, uint32 bytes}, Program
 *   'R' reset   nothing
 *   'I' invoke  all inputs; the reply holds all outputs */
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/fw_run.h"

typedef struct {
  uint32_t place;
  uint32_t offset;
  uint32_t bytes;
} zone_t;

static fw_program_t program;
static uint8_t *block;
static uint8_t *arena;
static uint8_t *state;
static zone_t *zones;
static uint32_t zone_count;
static uint32_t invocations;

static void *allocate(uint32_t bytes) {
  /* AddressSanitizer's malloc aligns to 16, and fw_program_open checks it. */
  uint8_t *memory = malloc(bytes);
  if (!memory) abort();
  return memory;
}

static void poison(int on) {
  uint8_t *const places[3] = {arena, block + program.header->consts_offset, state};
  for (uint32_t i = 0; i < zone_count; ++i) {
    uint8_t *start = places[zones[i].place] + zones[i].offset;
    if (on) {
      ASAN_POISON_MEMORY_REGION(start, zones[i].bytes);
    } else {
      ASAN_UNPOISON_MEMORY_REGION(start, zones[i].bytes);
    }
  }
}

static void reset(void) {
  poison(0);
  fw_run_reset(&program, state);
  poison(1);
}

static fw_status_t open_program(uint8_t *payload, uint32_t bytes) {
  if (block) {
    poison(0);
    free(block);
    free(arena);
    free(state);
    free(zones);
    block = 0;
  }
  memcpy(&zone_count, payload, 4);
  const uint32_t zone_bytes = zone_count * (uint32_t)sizeof(zone_t);
  const uint32_t block_bytes = bytes - 4u - zone_bytes;
  zones = malloc(zone_bytes + 1u);
  if (!zones) abort();
  memcpy(zones, payload + 4, zone_bytes);
  block = allocate(block_bytes);
  memcpy(block, payload + 4 + zone_bytes, block_bytes);
  const fw_status_t status = fw_program_open(&program, block, block_bytes);
  if (status != FW_OK) {
    free(block);
    free(zones);
    block = 0;
    return status;
  }
  arena = allocate(program.header->arena_bytes);
  state = allocate(program.header->state_bytes);
  reset();
  return FW_OK;
}

static uint32_t output_bytes(void) {
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < program.header->output_count; ++i) bytes += fw_program_output(&program, i)->bytes;
  return bytes;
}

static void invoke(const uint8_t *inputs, uint8_t *outputs) {
  poison(0);
  /* The arena's content is not defined before an inference. */
  memset(arena, (int)(0x5A + invocations++ * 31u), program.header->arena_bytes);
  poison(1);
  for (uint32_t i = 0; i < program.header->input_count; ++i) {
    const fw_tensor_info_t *port = fw_program_input(&program, i);
    memcpy(arena + port->offset, inputs, port->bytes);
    inputs += port->bytes;
  }
  fw_run_invoke(&program, arena, state);
  for (uint32_t i = 0; i < program.header->output_count; ++i) {
    const fw_tensor_info_t *port = fw_program_output(&program, i);
    memcpy(outputs, arena + port->offset, port->bytes);
    outputs += port->bytes;
  }
}

static void reply(int32_t status, const uint8_t *payload, uint32_t bytes) {
  const uint32_t head[2] = {(uint32_t)status, bytes};
  fwrite(head, sizeof head, 1, stdout);
  if (bytes) fwrite(payload, 1, bytes, stdout);
  fflush(stdout);
}

int main(void) {
  uint32_t head[2];
  while (fread(head, sizeof head, 1, stdin) == 1) {
    uint8_t *payload = malloc((size_t)head[1] + 1u);
    if (!payload || fread(payload, 1, head[1], stdin) != head[1]) return 1;
    if (head[0] == 'O') {
      reply(open_program(payload, head[1]), 0, 0);
    } else if (head[0] == 'R') {
      reset();
      reply(FW_OK, 0, 0);
    } else if (head[0] == 'I') {
      const uint32_t bytes = output_bytes();
      uint8_t *outputs = malloc((size_t)bytes + 1u);
      if (!outputs) return 1;
      invoke(payload, outputs);
      reply(FW_OK, outputs, bytes);
      free(outputs);
    } else {
      return 2;
    }
    free(payload);
  }
  return 0;
}
