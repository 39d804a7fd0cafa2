/* Everything a port owes, in one image. With a bulk file in.bin: copies it, then reports on time and stack in
 * report.bin and exits with 7. Without one: echoes the link until a zero byte, then exits with 3. */
#include "fw_measure.h"
#include "fw_port.h"

static uint8_t buffer[300];

static __attribute__((noinline)) uint32_t deep(uint32_t n) {
  volatile uint8_t bytes[600];
  for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i + n);
  return bytes[n];
}

static __attribute__((noinline)) void nothing(void) {
  __asm__ volatile("");
}

static __attribute__((noinline)) void seven(void) {
  __asm__ volatile("nop\n nop\n nop\n nop\n nop\n nop\n nop");
}

/* Three instructions a turn on every core but the Cortex-M55, whose low-overhead loop makes do with two. */
static __attribute__((noinline)) void work(uint32_t turns) {
  while (turns-- != 0u) __asm__ volatile("nop");
}

static void copy(int32_t in) {
  const int32_t out = fw_port_bulk_open("out.bin", FW_BULK_WRITE);
  for (;;) {
    const int32_t count = fw_port_bulk_read(in, buffer, sizeof buffer);
    if (count <= 0) break;
    if (fw_port_bulk_write(out, buffer, (uint32_t)count) != count) fw_port_exit(9);
  }
  fw_port_bulk_close(out);
}

static void report(void) {
  uint32_t values[12];
  fw_port_stack_paint();
  values[0] = fw_port_stack_used();
  values[1] = deep(5);
  values[2] = fw_port_stack_used();

  fw_measure_begin();
  nothing();
  values[3] = (uint32_t)fw_measure_end();
  fw_measure_begin();
  seven();
  values[4] = (uint32_t)fw_measure_end();
  fw_measure_begin();
  work(100000u);
  values[5] = (uint32_t)fw_measure_end();

  fw_port_irq_off();
  const uint64_t start = fw_port_ticks();
  work(100000u);
  const uint64_t ticks = fw_port_ticks() - start;
  fw_port_irq_on();
  values[6] = (uint32_t)ticks;
  values[7] = fw_port_instructions_per_tick_q8;

  const uint32_t before = fw_port_millis();
  uint32_t idles = 0;
  while (fw_port_millis() - before < 20u) {
    fw_port_idle();
    idles++;
  }
  values[8] = idles;
  const uint32_t masked = fw_port_millis();
  fw_port_irq_off();
  work(5000000u);
  fw_port_irq_on();
  values[9] = fw_port_millis() - masked;
  values[10] = (uint32_t)fw_port_bulk_open("no such file", FW_BULK_READ);
  values[11] = 0x600Du;

  const int32_t out = fw_port_bulk_open("report.bin", FW_BULK_WRITE);
  if (fw_port_bulk_write(out, values, sizeof values) != (int32_t)sizeof values) fw_port_exit(9);
  fw_port_bulk_close(out);
}

static void echo(void) {
  fw_port_write((const uint8_t *)"hello\n", 6);
  for (;;) {
    const uint32_t count = fw_port_read(buffer, sizeof buffer);
    if (count == 0u) {
      fw_port_idle();
      continue;
    }
    fw_port_write(buffer, count);
    if (buffer[count - 1u] == 0u) fw_port_exit(3);
  }
}

int main(void) {
  fw_port_init();
  const int32_t in = fw_port_bulk_open("in.bin", FW_BULK_READ);
  if (in < 0) echo();
  copy(in);
  report();
  return 7;
}
