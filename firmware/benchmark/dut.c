#include "benchmark/dut.h"

#include <string.h>

#include "benchmark/text.h"
#include "features/quantise.h"
#include "fw_float.h"
#include "fw_port.h"

#define VERSION "ULPMark for tinyML Firmware V0.0.1"

enum { WARM_UPS_UNLESS_SAID = 10, BYTES_PER_LINE = 8 };

void fw_dut_init(fw_dut_t *dut, const fw_dut_config_t *config) {
  memset(dut, 0, sizeof *dut);
  dut->config = config;
}

static void say_ready(void) {
  fw_say("m-ready\r\n");
}

static void say_error(const char *what) {
  fw_say("e-[");
  fw_say(what);
  fw_say("]\r\n");
}

static void say_counted(const char *before, uint32_t count) {
  fw_say(before);
  fw_say_number(count);
  fw_say("\r\n");
}

static uint64_t now_us(void) {
  const uint64_t ticks = fw_port_ticks();
  const uint64_t seconds = ticks / fw_port_ticks_per_second;
  return seconds * 1000000u + ticks % fw_port_ticks_per_second * 1000000u / fw_port_ticks_per_second;
}

static void say_lap(void) {
  const uint64_t now = now_us();
  fw_say("m-lap-us-");
  fw_say_number(now);
  fw_say("\r\n");
}

void fw_dut_boot(fw_dut_t *dut) {
  (void)dut;
  fw_say("m-timestamp-mode-performance\r\n");
  say_lap();
  fw_say("m-init-done\r\n");
  say_ready();
}

static float element(const fw_tensor_info_t *tensor, const void *data, uint32_t index) {
  int32_t value = 0;
  if (tensor->dtype == FW_FLOAT32) return ((const float *)data)[index];
  if (tensor->dtype == FW_INT8) value = ((const int8_t *)data)[index];
  if (tensor->dtype == FW_UINT8) value = ((const uint8_t *)data)[index];
  if (tensor->dtype == FW_INT16) value = ((const int16_t *)data)[index];
  return tensor->scale * (float)(value - tensor->zero_point);
}

static uint32_t element_count(const fw_tensor_info_t *tensor) {
  const uint32_t size = tensor->dtype == FW_FLOAT32 ? 4u : tensor->dtype == FW_INT16 ? 2u : 1u;
  return tensor->bytes / size;
}

static void say_results(const fw_dut_t *dut) {
  const fw_tensor_info_t *const output = &fw_model.outputs[0];
  const uint8_t *const data = dut->config->arena + output->offset;
  const uint32_t count = element_count(output);
  fw_say("m-results-[");
  if (dut->config->result == FW_DUT_SQUARED_ERROR) {
    const float *const wanted = (const float *)(const void *)dut->config->bytes;
    float sum = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
      const float difference = element(output, data, i) - wanted[i];
      sum += difference * difference;
    }
    fw_say_float(sum / (float)count);
  } else {
    for (uint32_t i = 0; i < count; i++) {
      if (i != 0u) fw_say(",");
      fw_say_float(element(output, data, i));
    }
  }
  fw_say("]\r\n");
}

/* Before the clock starts: float features as the integers of the model's input. */
static int stage(const fw_dut_t *dut) {
  const fw_tensor_info_t *const input = &fw_model.inputs[0];
  if (dut->config->input != FW_DUT_FLOATS) return 1;
  fw_quantiser_t quantiser;
  if (fw_quantiser_init(&quantiser, (fw_dtype_t)input->dtype, input->scale, input->zero_point, FW_ROUND_NEAREST) !=
      FW_OK) {
    return 0;
  }
  const float *const values = (const float *)(const void *)dut->config->bytes;
  const uint32_t count = element_count(input);
  for (uint32_t i = 0; i < count; i++) fw_quantiser_store(&quantiser, dut->config->staged, i, values[i]);
  return 1;
}

/* One inference. The input goes in before each, for a model may use its input's memory for something else. */
static fw_status_t infer_once(const fw_dut_t *dut) {
  const fw_dut_config_t *const config = dut->config;
  const fw_tensor_info_t *const input = &fw_model.inputs[0];
  uint8_t *const tensor = config->arena + input->offset;
  if (config->input == FW_DUT_PIXELS && input->dtype == FW_INT8) {
    for (uint32_t i = 0; i < input->bytes; i++) tensor[i] = config->bytes[i] ^ 0x80u;
  } else {
    memcpy(tensor, config->input == FW_DUT_FLOATS ? config->staged : config->bytes, input->bytes);
  }
  (void)fw_port_ticks(); /* the counter's upper half is kept only if somebody looks */
  return fw_model_invoke(config->arena, config->state);
}

static void infer(const fw_dut_t *dut, const char *at, const char *end) {
  uint32_t runs = 1;
  uint32_t warm_ups = WARM_UPS_UNLESS_SAID;
  const fw_word_t first = fw_word_next(&at, end);
  const fw_word_t second = fw_word_next(&at, end);
  if (first.count != 0u && (!fw_word_number(first, &runs) || runs == 0u)) {
    say_error("Inference iterations must be >0");
    return;
  }
  if (second.count != 0u && !fw_word_number(second, &warm_ups)) {
    say_error("Inference warmup must be >=0");
    return;
  }
  if (dut->loaded != dut->config->byte_count || dut->expected != dut->config->byte_count) {
    fw_say("e-[Input has ");
    fw_say_number(dut->loaded);
    fw_say(" bytes, expected ");
    fw_say_number(dut->config->byte_count);
    fw_say("]\r\n");
    return;
  }
  fw_status_t status = stage(dut) ? FW_OK : FW_E_ARGUMENT;
  fw_model_reset(dut->config->state);
  say_counted("m-warmup-start-", warm_ups);
  for (uint32_t i = 0; i < warm_ups && status == FW_OK; i++) status = infer_once(dut);
  fw_say("m-warmup-done\r\n");
  say_counted("m-infer-start-", runs);
  say_lap();
  for (uint32_t i = 0; i < runs && status == FW_OK; i++) status = infer_once(dut);
  say_lap();
  fw_say("m-infer-done\r\n");
  if (status == FW_OK) {
    say_results(dut);
  } else {
    say_error("Inference failed");
  }
}

static void load(fw_dut_t *dut, fw_word_t size) {
  uint32_t bytes = 0;
  if (size.count == 0u) {
    say_error("Command 'db load' requires the # of bytes");
  } else if (!fw_word_number(size, &bytes) || bytes == 0u) {
    say_error("Command 'db load' must be >0 bytes");
  } else if (bytes > dut->config->byte_count) {
    fw_say("e-[Supplied buffer size ");
    fw_say_number(bytes);
    fw_say(" exceeds maximum of ");
    fw_say_number(dut->config->byte_count);
    fw_say("]\r\n");
  } else {
    dut->expected = bytes;
    dut->loaded = 0;
    fw_say("m-[Expecting ");
    fw_say_number(bytes);
    fw_say(" bytes]\r\n");
  }
}

static void print(const fw_dut_t *dut) {
  for (uint32_t i = 0; i < dut->loaded; i++) {
    const int last = (i + 1u) % BYTES_PER_LINE == 0u || i + 1u == dut->loaded;
    if (i % BYTES_PER_LINE == 0u) fw_say("m-buffer-");
    fw_say_hex(dut->config->bytes[i]);
    fw_say(last ? "\r\n" : "-");
  }
}

static void take_digits(fw_dut_t *dut, fw_word_t digits) {
  if ((digits.count & 1u) != 0u) {
    say_error("Insufficent number of hex digits");
    return;
  }
  for (uint32_t i = 0; i < digits.count && dut->loaded < dut->expected; i += 2u) {
    const int high = fw_hex_digit(digits.text[i]);
    const int low = fw_hex_digit(digits.text[i + 1u]);
    if (high < 0 || low < 0) {
      fw_say("e-[Invalid hex digit '");
      fw_say_word((fw_word_t){digits.text + i, 2});
      fw_say("']\r\n");
      return;
    }
    dut->config->bytes[dut->loaded++] = (uint8_t)(high << 4 | low);
    if (dut->loaded == dut->expected) fw_say("m-load-done\r\n");
  }
}

static void db(fw_dut_t *dut, const char *at, const char *end) {
  const fw_word_t what = fw_word_next(&at, end);
  if (what.count == 0u) {
    say_error("Command 'db' requires a subcommand");
  } else if (fw_word_is(what, "load")) {
    load(dut, fw_word_next(&at, end));
  } else if (fw_word_is(what, "print")) {
    print(dut);
  } else {
    take_digits(dut, what);
  }
}

static void help(void) {
  fw_say(VERSION
         "\r\n\r\n"
         "help         : this list\r\n"
         "name         : the device's name\r\n"
         "profile      : version of the protocol, and the model\r\n"
         "timestamp    : microseconds since start\r\n"
         "db load N    : expect N bytes\r\n"
         "db HH        : some of them, as hexadecimal digits\r\n"
         "db print     : show them\r\n"
         "infer N [W]  : N inferences after W (unless said, 10) that are not timed\r\n"
         "results      : the last outputs as real numbers\r\n");
}

static void run(fw_dut_t *dut, const char *at, const char *end) {
  const fw_word_t command = fw_word_next(&at, end);
  if (fw_word_is(command, "name")) {
    fw_say("m-name-dut-[");
    fw_say(dut->config->name);
    fw_say("]\r\n");
  } else if (fw_word_is(command, "profile")) {
    fw_say("m-profile-[" VERSION "]\r\nm-model-[");
    fw_say(dut->config->model);
    fw_say("]\r\n");
  } else if (fw_word_is(command, "timestamp")) {
    say_lap();
  } else if (fw_word_is(command, "help")) {
    help();
  } else if (fw_word_is(command, "db")) {
    db(dut, at, end);
  } else if (fw_word_is(command, "infer")) {
    infer(dut, at, end);
  } else if (fw_word_is(command, "results")) {
    say_results(dut);
  } else {
    fw_say("e-[Unknown command: ");
    fw_say_word(command);
    fw_say("]\r\n");
  }
}

void fw_dut_receive(fw_dut_t *dut, char character) {
  if (character == '%') {
    if (dut->too_long != 0u) {
      say_error("Command is too long");
    } else {
      run(dut, dut->command, dut->command + dut->count);
    }
    dut->count = 0;
    dut->too_long = 0;
    say_ready();
  } else if (character == '\r' || character == '\n') {
    return; /* a terminal's line ends */
  } else if (dut->count < FW_DUT_COMMAND_BYTES) {
    dut->command[dut->count++] = character;
  } else {
    dut->too_long = 1;
  }
}
