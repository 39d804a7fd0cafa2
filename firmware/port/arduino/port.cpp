// The platform's functions over Arduino's: Serial is the link (USB or UART, as the board has it), the core's own
// scheduler sleeps in delay().
#include <Arduino.h>

#include "fw_board.h"
#include "fw_port.h"

static const uint32_t write_most_ms = 2000;

extern "C" {

const uint32_t fw_port_instructions_per_tick_q8 = 0;
const uint32_t fw_port_ticks_per_second = 1000000u;

void fw_port_init(void) {
#if defined(ARDUINO_ARCH_ESP32)
  Serial.setRxBufferSize(4096);  // before begin: more than the host sends without being answered
#endif
  Serial.begin(FW_LINK_BAUD);
}

uint32_t fw_port_millis(void) {
  return (uint32_t)millis();
}

// Nothing here wakes up early: what came in meanwhile waits in the core's buffers.
void fw_port_idle(void) {
  if (Serial.available() <= 0) delay(1);
}

uint32_t fw_port_read(uint8_t *bytes, uint32_t size) {
  uint32_t count = 0;
  while (count < size && Serial.available() > 0) bytes[count++] = (uint8_t)Serial.read();
  return count;
}

// A host that takes nothing for two seconds gets nothing more of this message.
void fw_port_write(const uint8_t *bytes, uint32_t size) {
  uint32_t start = (uint32_t)millis();
  while (size > 0 && (uint32_t)millis() - start < write_most_ms) {
    const uint32_t count = (uint32_t)Serial.write(bytes, (size_t)size);
    bytes += count;
    size -= count;
    if (count > 0) {
      start = (uint32_t)millis();
    } else {
      delay(1);
    }
  }
}

uint64_t fw_port_ticks(void) {
  static uint32_t turns, before;
  const uint32_t now = (uint32_t)micros();
  if (now < before) turns++;
  before = now;
  return ((uint64_t)turns << 32) | now;
}

void fw_port_irq_off(void) {
  noInterrupts();
}

void fw_port_irq_on(void) {
  interrupts();
}

void fw_port_reset(void) {
#if defined(ARDUINO_ARCH_ESP32)
  ESP.restart();
#else
  NVIC_SystemReset();
#endif
  for (;;) {
  }
}

void fw_port_exit(int code) {
  (void)code;
  fw_port_reset();
}

int32_t fw_port_bulk_open(const char *name, fw_bulk_mode_t mode) {
  (void)name, (void)mode;
  return (int32_t)FW_E_UNKNOWN;
}

int32_t fw_port_bulk_read(int32_t handle, void *bytes, uint32_t size) {
  (void)handle, (void)bytes, (void)size;
  return (int32_t)FW_E_UNKNOWN;
}

int32_t fw_port_bulk_write(int32_t handle, const void *bytes, uint32_t size) {
  (void)handle, (void)bytes, (void)size;
  return (int32_t)FW_E_UNKNOWN;
}

void fw_port_bulk_close(int32_t handle) {
  (void)handle;
}

void fw_port_stack_paint(void) {
}

uint32_t fw_port_stack_used(void) {
  return 0;
}

void fw_app_main(void);

}  // extern "C"

void setup() {
  fw_app_main();
}

void loop() {
}
