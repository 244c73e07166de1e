// Eight small programs for the suite `compute`, each an export that takes how often it repeats itself and answers a checksum.
// Build: benchmarks/modules/build.sh
#include <stddef.h>
#include <stdint.h>

#define KERNEL(name) __attribute__((export_name(#name))) uint32_t name(uint32_t times)

static uint32_t seed;

static uint32_t next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

// Bytes in a row: short inner loops.
#define SIEVE_SIZE (1 << 18)
static uint8_t composite[SIEVE_SIZE];

KERNEL(sieve) {
  uint32_t primes = 0;
  for (; times > 0; times--) {
    for (size_t i = 0; i < SIEVE_SIZE; i++) composite[i] = 0;
    for (size_t i = 2; i < SIEVE_SIZE; i++) {
      if (composite[i]) continue;
      primes++;
      for (size_t j = i + i; j < SIEVE_SIZE; j += i) composite[j] = 1;
    }
  }
  return primes;
}

// A table look-up for each byte: one long chain of dependent loads.
static uint32_t crc_table[256];
static uint8_t text[1 << 16];

KERNEL(crc32) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t entry = i;
    for (int bit = 0; bit < 8; bit++) entry = (entry >> 1) ^ (0xedb88320u & (0u - (entry & 1u)));
    crc_table[i] = entry;
  }
  seed = 42;
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)next_random();
  uint32_t crc = ~0u;
  for (; times > 0; times--) {
    for (size_t i = 0; i < sizeof text; i++) crc = crc_table[(crc ^ text[i]) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

// Floating point in three nested loops.
#define MATRIX 128
static double left[MATRIX][MATRIX], right[MATRIX][MATRIX], product[MATRIX][MATRIX];

KERNEL(matmul) {
  for (int i = 0; i < MATRIX; i++)
    for (int j = 0; j < MATRIX; j++) {
      left[i][j] = (double)(i * j % 7);
      right[i][j] = (double)(i + j) / MATRIX;
    }
  double trace = 0;
  for (; times > 0; times--) {
    for (int i = 0; i < MATRIX; i++)
      for (int j = 0; j < MATRIX; j++) {
        double sum = 0;
        for (int k = 0; k < MATRIX; k++) sum += left[i][k] * right[k][j];
        product[i][j] = sum;
      }
    for (int i = 0; i < MATRIX; i++) trace += product[i][i];
  }
  return (uint32_t)trace;
}

// Much work in each turn of a loop, all in registers.
static const uint32_t round_constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
  0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
  0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
  0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
  0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static uint32_t state[8];
static uint32_t schedule[64];

static uint32_t rotate(uint32_t word, int by) { return (word >> by) | (word << (32 - by)); }

static void compress_block(const uint8_t *block) {
  for (int i = 0; i < 16; i++) schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = rotate(schedule[i - 15], 7) ^ rotate(schedule[i - 15], 18) ^ (schedule[i - 15] >> 3);
    uint32_t s1 = rotate(schedule[i - 2], 17) ^ rotate(schedule[i - 2], 19) ^ (schedule[i - 2] >> 10);
    schedule[i] = schedule[i - 16] + s0 + schedule[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + round_constants[i] + schedule[i];
    uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

KERNEL(sha256) {
  static const uint32_t initial[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
  for (int i = 0; i < 8; i++) state[i] = initial[i];
  for (; times > 0; times--) {
    for (size_t at = 0; at < sizeof text; at += 64) compress_block(text + at);
  }
  return state[0] ^ state[7];
}

// Nothing but calls of itself.
static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

KERNEL(fib) {
  uint32_t sum = 0;
  for (; times > 0; times--) sum += fibonacci(24 + (sum & 1));
  return sum;
}

// Four calls of itself, three of them as arguments of the fourth.
static int takeuchi(int x, int y, int z) {
  return y >= x ? z : takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

KERNEL(tak) {
  uint32_t sum = 0;
  for (; times > 0; times--) sum += (uint32_t)takeuchi(14, 10, (int)(sum & 1));
  return sum;
}

// Comparisons through a pointer, as qsort has them.
#define ITEMS 20000
static int32_t items[ITEMS];
typedef int (*comparison)(const void *, const void *);

static int ascending(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}
static int descending(const void *a, const void *b) { return ascending(b, a); }
static volatile comparison comparisons[2] = { ascending, descending };

static void quick_sort(int32_t *low, int32_t *high, comparison compare) {
  while (low < high) {
    int32_t pivot = low[(high - low) / 2], *i = low, *j = high;
    while (i <= j) {
      while (compare(i, &pivot) < 0) i++;
      while (compare(j, &pivot) > 0) j--;
      if (i <= j) {
        int32_t swapped = *i;
        *i++ = *j;
        *j-- = swapped;
      }
    }
    if (j - low < high - i) {
      quick_sort(low, j, compare);
      low = i;
    } else {
      quick_sort(i, high, compare);
      high = j;
    }
  }
}

KERNEL(quicksort) {
  uint32_t sum = 0;
  for (; times > 0; times--) {
    seed = 7 + times;
    for (size_t i = 0; i < ITEMS; i++) items[i] = (int32_t)next_random();
    quick_sort(items, items + ITEMS - 1, comparisons[times & 1]);
    sum += (uint32_t)items[ITEMS / 3];
  }
  return sum;
}

// Pointers from node to node, in an order that no cache foresees.
#define NODES (1 << 14)
struct node { struct node *next; uint32_t value; };
static struct node nodes[NODES];
static uint32_t order[NODES];

KERNEL(list) {
  seed = 99;
  for (uint32_t i = 0; i < NODES; i++) order[i] = i;
  for (uint32_t i = NODES - 1; i > 0; i--) {
    uint32_t j = next_random() % (i + 1), swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  for (uint32_t i = 0; i < NODES; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
    nodes[order[i]].value = i;
  }
  uint32_t sum = 0;
  const struct node *at = nodes;
  for (; times > 0; times--) {
    for (uint32_t i = 0; i < NODES; i++) {
      sum += at->value;
      at = at->next;
    }
  }
  return sum;
}
