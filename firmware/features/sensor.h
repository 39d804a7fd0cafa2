/* Windows over rows of sensor values: what frontend.c calls for FW_FRONTEND_SENSOR. */
#ifndef FW_FEATURES_SENSOR_H
#define FW_FEATURES_SENSOR_H

#include "fw_frontend.h"

fw_status_t fw_sensor_check(const fw_frontend_config_t *config);

/* Rows that are remembered: the longest difference and the row itself. */
uint32_t fw_sensor_history_rows(const fw_sensor_config_t *sensor);

void fw_sensor_reset(fw_frontend_t *fe);

/* Puts the row's frame into the ring's next slot and returns 1, or returns 0 when the row makes no frame. */
int fw_sensor_frame(fw_frontend_t *fe, const float *row);

fw_status_t fw_sensor_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                   int32_t zero_point);

#endif
