/* TensorFlow Lite Micro's micro front end: what frontend.c calls for FW_FRONTEND_MICRO. */
#ifndef FW_FEATURES_MICRO_H
#define FW_FEATURES_MICRO_H

#include "fw_frontend.h"

fw_status_t fw_micro_check(const fw_frontend_config_t *config);

/* Bytes of fe->work: the spectrum, then the noise estimates, which are kept from frame to frame. */
uint32_t fw_micro_work_bytes(const fw_micro_config_t *micro);

/* Forgets the noise estimates. */
void fw_micro_reset(fw_frontend_t *fe);

/* Computes the frame of fe->samples into the ring's next slot. */
void fw_micro_frame(fw_frontend_t *fe);

fw_status_t fw_micro_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype);

/* Filter bank energies (square roots taken) to features: noise reduction, gain control, logarithm. */
void fw_micro_channels(const fw_micro_config_t *micro, uint32_t *noise, const uint32_t *channels, uint16_t *features);

#endif
