// MD5 (RFC 1321) of sixteen messages side by side, as the compiler's vectors: of whatever width
// the processor has.
#include <stddef.h>
#include <string.h>

#include "lanes.h"

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

static const uint32_t sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static inline __attribute__((always_inline)) void hash(uint32_t *state, const uint8_t *messages, const uint32_t *blocks)
{
	lanes s[4], w[16], left;
	uint32_t most = 0;
	memcpy(s, state, sizeof s);
	memcpy(&left, blocks, sizeof left);
	for (int l = 0; l < LANES; l++)
		most = blocks[l] > most ? blocks[l] : most;
	for (uint32_t n = 0; n < most; n++) {
		for (int i = 0; i < 16; i++)
			for (int l = 0; l < LANES; l++) {
				const uint8_t *m = messages + (size_t)l * STRIDE + n * 64 + i * 4;
				w[i][l] = m[0] | m[1] << 8 | m[2] << 16 | (uint32_t)m[3] << 24;
			}
		lanes a = s[0], b = s[1], c = s[2], d = s[3];
#pragma GCC unroll 64
		for (int i = 0; i < 64; i++) {
			lanes f;
			int k;
			switch (i / 16) {
			case 0: f = d ^ (b & (c ^ d)); k = i; break;
			case 1: f = c ^ (d & (b ^ c)); k = (5 * i + 1) % 16; break;
			case 2: f = b ^ c ^ d; k = (3 * i + 5) % 16; break;
			default: f = c ^ (b | ~d); k = 7 * i % 16; break;
			}
			f += a + w[k] + sines[i];
			int by = shifts[i / 16][i % 4];
			a = d, d = c, c = b;
			b += (f << by) | (f >> (32 - by));
		}
		lanes more = (lanes)(left > n); // a lane that is through keeps what it has
		s[0] += a & more, s[1] += b & more, s[2] += c & more, s[3] += d & more;
	}
	memcpy(state, s, sizeof s);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void hash512(uint32_t *s, const uint8_t *m, const uint32_t *b) { hash(s, m, b); }
__attribute__((target("avx2"))) static void hash256(uint32_t *s, const uint8_t *m, const uint32_t *b) { hash(s, m, b); }
#endif

void md5_lanes(uint32_t *state, const uint8_t *messages, const uint32_t *blocks)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f")) {
		hash512(state, messages, blocks);
		return;
	}
	if (__builtin_cpu_supports("avx2")) {
		hash256(state, messages, blocks);
		return;
	}
#endif
	hash(state, messages, blocks);
}
