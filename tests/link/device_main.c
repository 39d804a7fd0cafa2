/* The device that the link tests talk to: the app loop of templates/app_main.c.j2 and, besides, two blobs.
 *
 * `mail` can be put and got; `post` says how often mail was taken, and how long the last one was (two uint32). */
#include "app_config.h"
#include "fw_device.h"
#include "fw_port.h"

enum { MAIL_BYTES = 5000, BYTES_AT_ONCE = 64 };

static fw_app_t app;
static fw_device_t device;
static uint8_t mail[MAIL_BYTES];
static uint32_t post[2];
static const fw_blob_t blobs[] = {
    {"mail", mail, sizeof mail, FW_BLOB_READ | FW_BLOB_WRITE},
    {"post", (uint8_t *)post, sizeof post, FW_BLOB_READ},
};

static void send(void) {
  if (device.link.transmit_count != 0u) fw_port_write(device.link.transmit, device.link.transmit_count);
  fw_link_sent(&device.link);
}

int main(void) {
  uint8_t bytes[BYTES_AT_ONCE];
  fw_port_init();
  if (fw_app_init(&app, &app_config, &app_memory) != FW_OK) fw_port_exit(2);
  if (fw_device_init(&device, &app, &app_link_memory, blobs, 2) != FW_OK) fw_port_exit(3);
  fw_device_boot(&device);
  send();
  for (;;) {
    const uint32_t count = fw_port_read(bytes, sizeof bytes);
    uint32_t used = 0;
    int busy;
    while (used < count) {
      used += fw_device_receive(&device, bytes + used, count - used, fw_port_millis());
      send();
    }
    busy = fw_device_poll(&device);
    send();
    if (fw_device_take_blob(&device, 0, &post[1])) post[0]++;
    if (fw_device_wants_reboot(&device)) fw_port_reset();
    if (!busy && count == 0u) fw_port_idle();
  }
}
