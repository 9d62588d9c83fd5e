#include <stdint.h>

#define LANES 16
#define STRIDE 512 // octets from one message to the next

void md5_lanes(uint32_t *state, const uint8_t *messages, const uint32_t *blocks);
