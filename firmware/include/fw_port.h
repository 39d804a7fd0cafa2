/* What a platform owes to the firmware: the few functions in port/<platform>/.
 * Nothing here blocks longer than it says; every wait on hardware is bounded. */
#ifndef FW_PORT_H
#define FW_PORT_H

#include <stdint.h>

#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Clocks, link, interrupts. Called once, before everything else. */
void fw_port_init(void);

/* Milliseconds since fw_port_init(), wraps after 49 days. */
uint32_t fw_port_millis(void);

/* Sleeps until an interrupt (bytes, samples, tick) has something to do; returns at once if that is already so. */
void fw_port_idle(void);

/* Link: takes up to `size` received bytes without waiting; returns how many. Reception is interrupt + ring. */
uint32_t fw_port_read(uint8_t *bytes, uint32_t size);

/* Link: sends all bytes, waiting (bounded) while the transmitter is busy. */
void fw_port_write(const uint8_t *bytes, uint32_t size);

/* Microphone, on boards that have one: from fw_port_audio_start() on, the platform calls fw_port_audio(), which the
 * app defines, from its interrupt with each block of samples. FW_E_TIMEOUT: the microphone's clock does not start. */
fw_status_t fw_port_audio_start(void);
void fw_port_audio(const int16_t *samples, uint32_t count);

/* The board's light, where it has one: on (1) or off (0). */
void fw_port_light(uint32_t on);

/* Buttons, on boards that have them: bit i is set while button i of the board's definition is held down. The first call
 * sets their pins up; none waits. */
uint32_t fw_port_buttons(void);

/* A free-running counter for measuring, and what it counts: on emulated boards `fw_port_instructions_per_tick_q8`
 * is the number of executed instructions per tick × 256 under QEMU's -icount shift=0. */
uint64_t fw_port_ticks(void);
extern const uint32_t fw_port_instructions_per_tick_q8;

/* How many of them are a second. */
extern const uint32_t fw_port_ticks_per_second;

/* Interrupts off/on around a measurement. */
void fw_port_irq_off(void);
void fw_port_irq_on(void);

/* Ends the program (emulators, host) or resets the board. Codes from 124 on are the port's own. */
enum {
  FW_EXIT_RESET = 124, /* the program asked for a restart where there is nothing to restart (host) */
  FW_EXIT_FAULT = 125  /* the processor took a fault */
};
__attribute__((noreturn)) void fw_port_exit(int code); /* for C++ too, which has no _Noreturn */

/* Restarts the board. */
__attribute__((noreturn)) void fw_port_reset(void); /* for C++ too, which has no _Noreturn */

/* Bulk channel of emulated boards and the host: plain files in the emulator's working folder. Returns a handle >= 0
 * or a negative status; read returns the bytes read (0 at the end). Boards without one return FW_E_UNKNOWN. */
typedef enum { FW_BULK_READ = 0, FW_BULK_WRITE = 1 } fw_bulk_mode_t;
int32_t fw_port_bulk_open(const char *name, fw_bulk_mode_t mode);
int32_t fw_port_bulk_read(int32_t handle, void *bytes, uint32_t size);
int32_t fw_port_bulk_write(int32_t handle, const void *bytes, uint32_t size);
void fw_port_bulk_close(int32_t handle);

/* Stack: paints the free part with a pattern, and later says how many bytes were touched at the deepest
 * (0 on the host, where it is not measured). */
void fw_port_stack_paint(void);
uint32_t fw_port_stack_used(void);

#ifdef __cplusplus
}
#endif

#endif
