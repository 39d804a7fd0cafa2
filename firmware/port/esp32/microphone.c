/* An I2S microphone (24 bits, left-justified in 32, left channel), read by a task of its own: samples are lost only if
 * the app itself is late. Under ESP-IDF 5 through i2s_std, before that (Arduino's core 2) through the older driver. */
#include <esp_idf_version.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "fw_board.h"
#include "fw_port.h"

enum { STACK_BYTES = 3072, PRIORITY = 10 };

static int32_t raw[FW_MICROPHONE_BLOCK];
static int16_t samples[FW_MICROPHONE_BLOCK];

#if ESP_IDF_VERSION_MAJOR >= 5
#include <driver/i2s_std.h>

static i2s_chan_handle_t channel;

static esp_err_t open_microphone(void) {
  const i2s_chan_config_t channel_config = I2S_CHANNEL_DEFAULT_CONFIG(I2S_NUM_0, I2S_ROLE_MASTER);
  const i2s_std_config_t config = {
      .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(FW_MICROPHONE_RATE_HZ),
      .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
      .gpio_cfg = {.mclk = I2S_GPIO_UNUSED,
                   .bclk = FW_I2S_CLOCK_PIN,
                   .ws = FW_I2S_SELECT_PIN,
                   .dout = I2S_GPIO_UNUSED,
                   .din = FW_I2S_DATA_PIN},
  };
  esp_err_t error = i2s_new_channel(&channel_config, NULL, &channel);
  if (error == ESP_OK) error = i2s_channel_init_std_mode(channel, &config);
  if (error == ESP_OK) error = i2s_channel_enable(channel);
  return error;
}

static esp_err_t read_microphone(size_t *bytes) {
  return i2s_channel_read(channel, raw, sizeof raw, bytes, portMAX_DELAY);
}
#else
#include <driver/i2s.h>

static esp_err_t open_microphone(void) {
  const i2s_config_t config = {
      .mode = (i2s_mode_t)(I2S_MODE_MASTER | I2S_MODE_RX),
      .sample_rate = FW_MICROPHONE_RATE_HZ,
      .bits_per_sample = I2S_BITS_PER_SAMPLE_32BIT,
      .channel_format = I2S_CHANNEL_FMT_ONLY_LEFT,
      .communication_format = I2S_COMM_FORMAT_STAND_I2S,
      .dma_buf_count = 4,
      .dma_buf_len = FW_MICROPHONE_BLOCK,
  };
  const i2s_pin_config_t pins = {
      .mck_io_num = I2S_PIN_NO_CHANGE,
      .bck_io_num = FW_I2S_CLOCK_PIN,
      .ws_io_num = FW_I2S_SELECT_PIN,
      .data_out_num = I2S_PIN_NO_CHANGE,
      .data_in_num = FW_I2S_DATA_PIN,
  };
  esp_err_t error = i2s_driver_install(I2S_NUM_0, &config, 0, NULL);
  if (error == ESP_OK) error = i2s_set_pin(I2S_NUM_0, &pins);
  return error;
}

static esp_err_t read_microphone(size_t *bytes) {
  return i2s_read(I2S_NUM_0, raw, sizeof raw, bytes, portMAX_DELAY);
}
#endif

static void listen(void *unused) {
  (void)unused;
  for (;;) {
    size_t bytes = 0;
    if (read_microphone(&bytes) != ESP_OK) {
      vTaskDelay(1);
      continue;
    }
    const uint32_t count = (uint32_t)(bytes / sizeof raw[0]);
    for (uint32_t i = 0; i < count; i++) samples[i] = (int16_t)(raw[i] >> 16);
    fw_port_audio(samples, count);
  }
}

fw_status_t fw_port_audio_start(void) {
  if (open_microphone() != ESP_OK) return FW_E_TIMEOUT;
  return xTaskCreate(listen, "microphone", STACK_BYTES, NULL, PRIORITY, NULL) == pdPASS ? FW_OK : FW_E_SPACE;
}
