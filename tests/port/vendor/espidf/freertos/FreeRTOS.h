#pragma once
#include <stdint.h>
typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
typedef struct {
  uint32_t owner;
  uint32_t count;
} portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED \
  { .owner = 0xB33FFFFFu, .count = 0 }
#define portMAX_DELAY           ((TickType_t)0xFFFFFFFFu)
#define portTICK_PERIOD_MS      ((TickType_t)1)
#define pdTRUE                  ((BaseType_t)1)
#define pdMS_TO_TICKS(ms)       ((TickType_t)(ms))
#define pdPASS                  ((BaseType_t)1)
#define taskENTER_CRITICAL(mux) vPortEnterCritical(mux)
#define taskEXIT_CRITICAL(mux)  vPortExitCritical(mux)
void vPortEnterCritical(portMUX_TYPE *mux);
void vPortExitCritical(portMUX_TYPE *mux);
