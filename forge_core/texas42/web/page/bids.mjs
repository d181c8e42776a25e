// What a hand is worth in the auction: every declaration played out in deals of the other 21 dominoes.

import { mix } from "./estimate.mjs";

const N_BIDS = 13; // 30..42
const N_DECLARATIONS = 10;

/** Return a deal in which seat 0 holds the hand: draw number k of the stream `key`. */
function drawDeal(hand, key, k) {
  const rest = Array.from({ length: 28 }, (_, id) => id).filter((id) => !hand.includes(id));
  const stream = mix(key, k);
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Number(mix(stream, i) % BigInt(i + 1));
    [rest[i], rest[j]] = [rest[j], rest[i]];
  }
  const others = [0, 7, 14].map((first) => rest.slice(first, first + 7).sort((a, b) => a - b));
  return [hand, ...others].flat();
}

/**
 * Return {n, pMake}: P(make) [10 * 13] of each declaration and bid, from n deals in which the one-hand network
 * plays all seats. Calls onBatch with the numbers so far.
 */
export function tableOf(kernels, hand, key, n, batch, onBatch = () => {}) {
  const made = new Float64Array(N_DECLARATIONS * N_BIDS);
  let found;
  for (let first = 0; first < n; first += batch) {
    const size = Math.min(batch, n - first);
    const dealt = Array.from({ length: size }, (_, k) => drawDeal(hand, key, first + k)).flat();
    for (let decl = 0; decl < N_DECLARATIONS; decl++) {
      const points = kernels.dealPoints(Int8Array.from(dealt), decl);
      for (const taken of points) {
        for (let bid = 30; bid <= Math.min(42, taken); bid++) made[N_BIDS * decl + bid - 30] += 1;
      }
    }
    found = { n: first + size, pMake: made.map((count) => count / (first + size)) };
    onBatch(found);
  }
  return found;
}

/** Return P(make) of one bid under a declaration. */
export const chanceOf = (table, decl, bid) => table.pMake[N_BIDS * decl + Math.min(bid, 42) - 30];
