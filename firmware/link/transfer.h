/* Frames: checked, applied to the transfer they belong to, acknowledged. Private to firmware/link. */
#ifndef FW_LINK_TRANSFER_H
#define FW_LINK_TRANSFER_H

#include "fw_link.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Handles the frame body in the demultiplexer's buffer (COBS, `count` bytes). */
fw_link_event_t fw_transfer_frame(fw_link_t *link, uint8_t *body, uint32_t count);

/* A frame could not be read: says where the transfer under way, if any, should go on. */
void fw_transfer_broken(fw_link_t *link);

#ifdef __cplusplus
}
#endif

#endif
