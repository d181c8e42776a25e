// Deals by seed, equal to forge_core's: Python's random.Random(seed).shuffle, a Mersenne Twister.

const N = 624;
const SHIFT = 397;

class MersenneTwister {
  constructor(seed) {
    const words = [];
    for (let rest = BigInt(seed); rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
    if (!words.length) words.push(0);
    const state = new Uint32Array(N);
    state[0] = 19650218;
    for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    let i = 1;
    const step = (factor, added) => {
      state[i] = (state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), factor)) + added;
      i += 1;
      if (i === N) {
        state[0] = state[N - 1];
        i = 1;
      }
    };
    for (let k = 0; k < Math.max(N, words.length); k++) {
      const j = k % words.length;
      step(1664525, words[j] + j);
    }
    for (let k = 1; k < N; k++) step(1566083941, -i);
    state[0] = 0x80000000;
    this.state = state;
    this.next = N;
  }

  word() {
    const s = this.state;
    if (this.next === N) {
      for (let i = 0; i < N; i++) {
        const y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
        s[i] = s[(i + SHIFT) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.next = 0;
    }
    let y = s[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** Return a number in 0..n - 1, for n from 1 to 2^31. */
  below(n) {
    const unused = Math.clz32(n);
    let drawn;
    do drawn = this.word() >>> unused;
    while (drawn >= n);
    return drawn;
  }
}

/** Return the four hands of a seed (a whole number of at least 0, as a string or number), ids ascending. */
export function dealFromSeed(seed) {
  const twister = new MersenneTwister(seed);
  const dominoes = Array.from({ length: 28 }, (_, id) => id);
  for (let i = 27; i > 0; i--) {
    const j = twister.below(i + 1);
    [dominoes[i], dominoes[j]] = [dominoes[j], dominoes[i]];
  }
  return [0, 1, 2, 3].map((seat) => dominoes.slice(7 * seat, 7 * seat + 7).sort((a, b) => a - b));
}
