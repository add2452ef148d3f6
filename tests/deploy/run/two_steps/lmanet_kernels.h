#pragma once
#include <stdint.h>

void lm_negate(const int8_t *in, int8_t *out, int32_t count);
void lm_sum(const int8_t *in, int8_t *out, int32_t count, int32_t sums);
