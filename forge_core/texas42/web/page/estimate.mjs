// E[Q] of one seat: deals that fit what it knows, the value of every play in each, and their averages.
// Equal to forge_core.texas42.eq with oracle=exact or oracle=playout: same draws, same worlds, same values.

import { pointsNeeded } from "./auction.mjs";
import { HAND_POINTS, packState, voidsOf } from "./hand.mjs";

const WORD = (1n << 64n) - 1n;
const TOP = (1n << 63n) - 1n;

/** Return draw number `counter` of the stream `key`, 64 bits: splitmix64, as forge_core.streams.mix. */
export function mix(key, counter) {
  let z = (BigInt(key) + (BigInt(counter) + 1n) * 0x9e3779b97f4a7c15n) & WORD;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return z ^ (z >> 31n);
}

/** Draw n ranks, uniform in 0..count - 1; draw k depends only on the key and k. */
function drawRanks(key, first, n, count) {
  const whole = BigInt(count);
  const last = TOP - ((TOP + 1n) % whole); // beyond it, ranks would not be uniform: draw again
  return BigInt64Array.from({ length: n }, (_, k) => {
    let draw = mix(key, first + k);
    if (draw >> 1n > last) draw = mix(draw, 0);
    return (draw >> 1n) % whole;
  });
}

/** Return what a view says about the hidden hands: unseen dominoes, who may hold each, how many each holds. */
function hiddenOf(rules, view) {
  const known = new Set([...view.hand, ...view.plays]);
  const unseen = Array.from({ length: 28 }, (_, id) => id).filter((id) => !known.has(id));
  const seats = [1, 2, 3].map((offset) => (view.seat + offset) % 4);
  const voids = voidsOf(rules, view.decl, view.plays, view.players);
  const mayHold = (seat, domino) => !voids[seat].some((suit) => rules.follows(view.decl, suit, domino));
  const allowed = Uint8Array.from(unseen, (domino) =>
    seats.reduce((mask, seat, bit) => mask | (Number(mayHold(seat, domino)) << bit), 0),
  );
  const played = seats.map((seat) => view.plays.filter((_, i) => view.players[i] === seat));
  return { unseen, seats, allowed, played, need: played.map((dominoes) => 7 - dominoes.length) };
}

/** Return by slot true for a play that takes the trick whatever the hidden hands hold: forge_core's holds_trick. */
function safePlays(rules, view, hidden) {
  const { decl, plays } = view;
  const trick = plays.slice(plays.length - (plays.length % 4));
  const toCome = (1 << (3 - trick.length)) - 1; // hidden seats that play after the mover, as a mask
  const threats = hidden.unseen.filter((_, i) => hidden.allowed[i] & toCome);
  return view.hand.map((domino) => {
    const suit = rules.ledSuit(decl, trick.length ? trick[0] : domino);
    return [...trick, ...threats].every((other) => rules.rank(decl, suit, other) < rules.rank(decl, suit, domino));
  });
}

/** Return the smallest Q at which the mover's team makes the bid (defenders: sets it); 127 = never, -127 = always. */
function makesAt(view) {
  const missing = pointsNeeded(view.bid) - view.points[view.bidder % 2];
  const left = HAND_POINTS - view.points[0] - view.points[1];
  const bidsItself = view.seat % 2 === view.bidder % 2;
  if (missing <= 0 || missing > left) return missing <= 0 === bidsItself ? -127 : 127;
  return bidsItself ? 2 * missing - left : left - 2 * missing + 1;
}

/** Judge worlds by the solver. Judges return Q [n, 7] in team 0's frame, given deals and states. */
export const bySolver = (kernels, rules, view) => (deals, states) => kernels.rootQ(deals, view.decl, states);

/** Judge worlds by playouts in which the one-hand network plays all seats: oracle=playout with its defaults. */
export const byPlayouts = (kernels, rules, view) => (deals, states) => {
  const voids = voidsOf(rules, view.decl, view.plays, view.players);
  const masks = voids.map((suits) => suits.reduce((mask, suit) => mask | (1 << suit), 0));
  return kernels.playoutQ(deals, view.decl, states, masks, view.bidder);
};

/**
 * Estimate every play of a view. Calls onBatch with the estimates so far, and returns the last of them:
 * {worlds, count, mean, spread, pMake, best}: arrays by slot of the hand as dealt, NaN if illegal, in the mover's
 * frame, and the best slot. Of plays with equal means, that is one that is certain to take the trick, then the first.
 * nWorlds: how many to draw; all are taken if no more than that fit. key: 64 bits that determine the draws.
 * judge: bySolver or byPlayouts.
 */
export function estimate(kernels, rules, view, nWorlds, key, judge = bySolver, batch = nWorlds, onBatch = () => {}) {
  const hidden = hiddenOf(rules, view);
  const table = kernels.worlds(hidden.allowed, hidden.need);
  const isComplete = table.count <= nWorlds;
  const n = isComplete ? table.count : nWorlds;
  const ranks = isComplete ? BigInt64Array.from({ length: n }, (_, i) => BigInt(i)) : drawRanks(key, 0, n, table.count);
  const owner = table.unrank(ranks);
  const sums = { n: 0, q: Array(7).fill(0), squares: Array(7).fill(0), made: Array(7).fill(0), legal: Array(7).fill(false) };
  const sign = view.seat % 2 ? -1 : 1;
  const threshold = makesAt(view);
  const safe = safePlays(rules, view, hidden);
  const valuesIn = judge(kernels, rules, view);
  let found;
  for (let first = 0; first < n; first += batch) {
    const size = Math.min(batch, n - first);
    const { deals, states } = dealsOf(view, hidden, owner, first, size);
    const values = valuesIn(deals, states);
    for (let i = 0; i < 7 * size; i++) {
      if (values[i] === -128) continue;
      const [slot, q] = [i % 7, sign * values[i]];
      sums.legal[slot] = true;
      sums.q[slot] += q;
      sums.squares[slot] += q * q;
      if (q >= threshold) sums.made[slot] += 1;
    }
    sums.n += size;
    found = read(sums, table.count, safe);
    onBatch(found);
  }
  return found;
}

function read(sums, count, safe) {
  const each = (value) => sums.legal.map((isLegal, slot) => (isLegal ? value(slot) : NaN));
  const mean = each((slot) => sums.q[slot] / sums.n);
  const highest = Math.max(...mean.filter((value) => !Number.isNaN(value)));
  const equal = mean.flatMap((value, slot) => (value === highest ? [slot] : []));
  return {
    worlds: sums.n,
    count,
    best: equal.find((slot) => safe[slot]) ?? equal[0],
    mean,
    spread: each((slot) => Math.sqrt(Math.max(0, sums.squares[slot] / sums.n - mean[slot] ** 2))),
    pMake: each((slot) => sums.made[slot] / sums.n),
  };
}

/** Return the worlds first..first + size - 1 as deals [size, 4, 7] and packed states [size]. */
function dealsOf(view, hidden, owner, first, size) {
  const u = hidden.unseen.length;
  const deals = new Int8Array(28 * size);
  const states = new BigInt64Array(size);
  for (let k = 0; k < size; k++) {
    const hands = [];
    hands[view.seat] = view.hand;
    hidden.seats.forEach((seat, j) => {
      const dealt = hidden.unseen.filter((_, i) => owner[(first + k) * u + i] === j);
      hands[seat] = [...hidden.played[j], ...dealt].sort((a, b) => a - b);
    });
    hands.forEach((hand, seat) => deals.set(hand, 28 * k + 7 * seat));
    states[k] = packState(hands, view.plays, view.players, view.leader);
  }
  return { deals, states };
}

/** Return the value of every legal play with all hands visible, in the mover's frame: [7], NaN if illegal. */
export function valuesOf(kernels, deal, view) {
  const state = packState(deal, view.plays, view.players, view.leader);
  const q = kernels.rootQ(Int8Array.from(deal.flat()), view.decl, BigInt64Array.of(state));
  return Array.from(q, (value) => (value === -128 ? NaN : view.seat % 2 ? -value : value));
}
