/* The platform's functions over ESP-IDF's: UART0 is the link, a FreeRTOS task runs the app. */
#include <driver/uart.h>
#include <esp_system.h>
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "fw_board.h"
#include "fw_port.h"

enum { RECEIVE_BYTES = 4096, LINK = UART_NUM_0 };

const uint32_t fw_port_instructions_per_tick_q8 = 0;
const uint32_t fw_port_ticks_per_second = 1000000u;

static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

void fw_app_main(void);

void fw_port_init(void) {
  const uart_config_t config = {
      .baud_rate = FW_LINK_BAUD,
      .data_bits = UART_DATA_8_BITS,
      .parity = UART_PARITY_DISABLE,
      .stop_bits = UART_STOP_BITS_1,
      .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
  };
  (void)uart_driver_install(LINK, RECEIVE_BYTES, 0, 0, NULL, 0);
  (void)uart_param_config(LINK, &config);
}

uint32_t fw_port_millis(void) {
  return (uint32_t)(esp_timer_get_time() / 1000);
}

/* One tick of FreeRTOS: the idle task sleeps, received bytes wait in the driver's buffer. */
void fw_port_idle(void) {
  size_t waiting = 0;
  (void)uart_get_buffered_data_len(LINK, &waiting);
  if (waiting == 0) vTaskDelay(1);
}

uint32_t fw_port_read(uint8_t *bytes, uint32_t size) {
  const int count = uart_read_bytes(LINK, bytes, size, 0);
  return count > 0 ? (uint32_t)count : 0u;
}

/* Without a buffer for transmission the driver returns when the bytes are in its FIFO: a time bounded by the baud rate.
 */
void fw_port_write(const uint8_t *bytes, uint32_t size) {
  (void)uart_write_bytes(LINK, bytes, size);
}

uint64_t fw_port_ticks(void) {
  return (uint64_t)esp_timer_get_time();
}

void fw_port_irq_off(void) {
  taskENTER_CRITICAL(&lock);
}

void fw_port_irq_on(void) {
  taskEXIT_CRITICAL(&lock);
}

_Noreturn void fw_port_reset(void) {
  esp_restart();
  for (;;) {
  }
}

_Noreturn void fw_port_exit(int code) {
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

enum { STACK_BYTES = 8192, PRIORITY = 5 };

static void task(void *unused) {
  (void)unused;
  fw_app_main();
}

void app_main(void) {
  (void)xTaskCreate(task, "fieldwren", STACK_BYTES, NULL, PRIORITY, NULL);
}
