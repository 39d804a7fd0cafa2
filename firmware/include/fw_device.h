/* The app at the end of the link: commands (docs/link.md) and detections on one byte stream.
 *
 *     fw_device_init(&device, &app, &link_memory, blobs, blob_count);
 *     fw_device_boot(&device);                            // the first line
 *     for (;;) {
 *       // each step leaves at most one message in device.link.transmit, which is sent before the next
 *       count = fw_port_read(bytes, sizeof bytes);
 *       for (used = 0; used < count; send(&device)) used += fw_device_receive(&device, bytes + used, count -
 * used, now); busy = fw_device_poll(&device); send(&device); if (!busy && count == 0) fw_port_idle(); if
 * (fw_device_wants_reboot(&device)) fw_port_reset();
 *     }
 */
#ifndef FW_DEVICE_H
#define FW_DEVICE_H

#include <stdint.h>

#include "fw_app.h"
#include "fw_link.h"
#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FW_BLOB_READ = 1, FW_BLOB_WRITE = 2 };

/* Memory that the host may get or put as a whole, under a name of 1 … 24 characters that is none of a
 * tensor's (in0, out0 …). What is put arrives byte by byte: treat `bytes` as a mailbox and look at it after
 * fw_device_take_blob(). */
typedef struct {
  const char *name;
  uint8_t *bytes;
  uint32_t size;   /* most that may be put; what may be got, until something was put */
  uint32_t access; /* FW_BLOB_READ | FW_BLOB_WRITE */
} fw_blob_t;

#define FW_DEVICE_BLOBS 8u

/* Values of a regression that are shown in a line; more would not fit. */
#define FW_DEVICE_VALUES 16u

typedef struct {
  fw_app_t *app;
  fw_link_t link;
  const fw_blob_t *blobs;
  uint32_t blob_count;
  uint32_t now_ms;
  uint32_t shown;        /* detections written as lines */
  uint32_t missed;       /* detections overwritten before they were written */
  uint32_t inputs_ready; /* bit i: input tensor i was put completely since the last inference */
  uint32_t blobs_ready;  /* bit i: blob i was put completely and not taken yet */
  uint32_t blob_sizes[FW_DEVICE_BLOBS];
  int32_t file;          /* bulk handle + 1 of the file that feeds the app; 0: none */
  uint8_t outputs_ready; /* the outputs in the arena are those of the last `infer` */
  uint8_t reboot;
  uint8_t has_sensor;
  uint8_t idle_source; /* fw_source_t: who feeds the app while the host does not */
} fw_device_t;

/* `app` is initialised; if it has been started with FW_SOURCE_SENSOR, it goes back to that whenever no host
 * feeds it. FW_E_ARGUMENT: too many blobs, or what fw_link_open() says. */
fw_status_t fw_device_init(fw_device_t *device, fw_app_t *app, const fw_link_memory_t *memory, const fw_blob_t *blobs,
                           uint32_t blob_count);

/* Writes the first line: who this is. */
void fw_device_boot(fw_device_t *device);

/* Takes bytes from the host up to the first message that needs an answer, and answers it. Returns how many
 * were taken. `now_ms`: the board's clock, for the uptime. */
uint32_t fw_device_receive(fw_device_t *device, const uint8_t *bytes, uint32_t count, uint32_t now_ms);

/* The board's clock, which an app that learns must be told now and then, to save what it learned. */
void fw_device_clock(fw_device_t *device, uint32_t now_ms);

/* One step of the app, or one line about what it found. Returns 0 if there was nothing to do. */
int fw_device_poll(fw_device_t *device);

/* 1 after the command `reboot`: restart when its answer is sent. */
int fw_device_wants_reboot(const fw_device_t *device);

/* 1, once, when blob `index` was put completely; *size is how many bytes. */
int fw_device_take_blob(fw_device_t *device, uint32_t index, uint32_t *size);

#ifdef __cplusplus
}
#endif

#endif
