/* The device under test of the MLPerf Tiny benchmark: commands that end with '%' in, lines out.
 *
 * Input bytes come as hexadecimal digits (`db load N%`, `db HEX…%`) and become the model's input as the task says;
 * `infer N W%` runs W + N inferences between two time stamps. Every answer ends with the line `m-ready`. Whatever
 * comes in, nothing is written past the buffers: a command that cannot be understood is answered by a line `e-[…]`. */
#ifndef FW_BENCHMARK_DUT_H
#define FW_BENCHMARK_DUT_H

#include <stdint.h>

#include "fw_model.h"

/* How the bytes of `db` become the input tensor. */
typedef enum {
  FW_DUT_RAW = 1,    /* they are the tensor */
  FW_DUT_PIXELS = 2, /* 0 … 255; for an int8 tensor 128 is subtracted */
  FW_DUT_FLOATS = 3  /* float32, little-endian, quantised for the tensor */
} fw_dut_input_t;

/* What `results` shows. */
typedef enum {
  FW_DUT_VALUES = 1,       /* the output tensor as real numbers */
  FW_DUT_SQUARED_ERROR = 2 /* the mean of (output - input)^2 over the elements; needs FW_DUT_FLOATS */
} fw_dut_result_t;

typedef struct {
  const char *name;  /* of the device */
  const char *model; /* kws01, vww01, ic01, ad01 */
  fw_dut_input_t input;
  fw_dut_result_t result;
  uint8_t *bytes; /* what `db` fills; 4-byte aligned */
  uint32_t byte_count;
  uint8_t *staged; /* the quantised input tensor, for FW_DUT_FLOATS only; as large as the tensor, 4-byte aligned */
  uint8_t *arena;
  void *state; /* NULL for a model without state */
} fw_dut_config_t;

enum { FW_DUT_COMMAND_BYTES = 128 };

typedef struct {
  const fw_dut_config_t *config;
  uint32_t expected; /* bytes that `db load` announced */
  uint32_t loaded;
  uint32_t count; /* characters of the command so far */
  uint8_t too_long;
  char command[FW_DUT_COMMAND_BYTES];
} fw_dut_t;

void fw_dut_init(fw_dut_t *dut, const fw_dut_config_t *config);

/* The lines after reset, up to the first `m-ready`. */
void fw_dut_boot(fw_dut_t *dut);

/* One received character; '%' runs the command and answers it. */
void fw_dut_receive(fw_dut_t *dut, char character);

#endif
