// E[Q] of one seat: deals that fit what it knows, the value of every play in each, and their averages.
// Equal to forge_core.texas42.eq with oracle=exact or oracle=playout: same draws, same worlds, same values.
// The players that use it: see LEVEL.

import { pointsNeeded } from "./auction.mjs";
import { HAND_POINTS, packState, stateOf, voidsOf } from "./hand.mjs";

export const EXACT_WORLDS = 50; // as many as `forge eq` uses by default

/** The player STRONGEST of forge_core.texas42.web. */
const STRONGEST = { nWorlds: 600, candidates: 4, bonus: 20 };

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
 * Draw deals of the hidden hands that fit a view: {count, weights, positions, safe}. nWorlds: how many to draw; all
 * are taken if no more than that fit. key: 64 bits that determine the draws. candidates: deals drawn per deal that is
 * taken; with more than one, beliefs about how the others play and declare choose among them. weights: of the deals.
 * positions(first, size) returns deals and states.
 */
export function drawWorlds(kernels, rules, view, nWorlds, key, candidates = 1) {
  const hidden = hiddenOf(rules, view);
  const table = kernels.worlds(hidden.allowed, hidden.need);
  const isListed = table.count <= nWorlds * candidates;
  const n = isListed ? table.count : nWorlds * candidates;
  const ranks = isListed ? BigInt64Array.from({ length: n }, (_, i) => BigInt(i)) : drawRanks(key, 0, n, table.count);
  let dealt = dealOut(view, hidden, table.unrank(ranks));
  if (candidates > 1) dealt = believe(dealt, kernels.logWeights(dealt.deals, view), table.count <= nWorlds ? null : nWorlds);
  const { deals, states, weights } = dealt;
  const positions = (first, size) => ({ deals: deals.subarray(28 * first, 28 * (first + size)), states: states.subarray(first, first + size) });
  return { count: table.count, weights, positions, safe: safePlays(rules, view, hidden) };
}

/**
 * Weight deals by the logs of their weights. most: choose as many of them by systematic resampling, as forge_core's
 * estimate does: a deal is chosen k times, with k within 1 of its share. null: take them all.
 */
function believe({ deals, states }, logs, most) {
  const highest = logs.reduce((a, b) => Math.max(a, b));
  const weights = logs.map((log) => Math.exp(log - highest));
  if (most === null) return { deals, states, weights };
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const chosen = [];
  let [sum, before] = [0, 0];
  weights.forEach((weight, k) => {
    sum += weight / total;
    const after = Math.floor(most * sum + 0.5);
    if (after > before) chosen.push([k, after - before]);
    before = after;
  });
  const kept = new Int8Array(28 * chosen.length);
  chosen.forEach(([k], i) => kept.set(deals.subarray(28 * k, 28 * (k + 1)), 28 * i));
  return { deals: kept, states: BigInt64Array.from(chosen, ([k]) => states[k]), weights: Float64Array.from(chosen, ([, times]) => times) };
}

/** Return points in hundredths, as forge_core.learning.choice rounds them: in float32, ties to even. */
function grainsOf(points) {
  const rounding = 1.5 * 2 ** 52; // adding and subtracting it rounds to a whole number
  return Math.fround(Math.fround(points) / Math.fround(0.01)) + rounding - rounding;
}

/** Sums over worlds, and the estimates that follow from them. worlds: see drawWorlds. */
export class Tally {
  constructor(view, worlds) {
    const zeros = () => Array(7).fill(0);
    Object.assign(this, { worlds, threshold: makesAt(view), n: 0, weight: 0, q: zeros(), squares: zeros(), made: zeros(), legal: Array(7).fill(false) });
  }
  /** Add Q [n, 7] of the next n worlds in the mover's frame; NaN where illegal. */
  add(q) {
    q.forEach((value, i) => {
      const slot = i % 7;
      const weight = this.worlds.weights[this.n + (i - slot) / 7];
      if (slot === 0) this.weight += weight;
      if (Number.isNaN(value)) return;
      this.legal[slot] = true;
      this.q[slot] += weight * value;
      this.squares[slot] += weight * value * value;
      if (value >= this.threshold) this.made[slot] += weight;
    });
    this.n += q.length / 7;
  }
  /**
   * Return {worlds, count, mean, spread, pMake, best}: arrays by slot of the hand as dealt, NaN if illegal, in the
   * mover's frame, and the best slot. Of plays with equal means, rounded as in grainsOf, that is one that is certain
   * to take the trick, then the first. bonus: points added in proportion to pMake before plays are compared.
   */
  read(bonus = 0) {
    const { n, weight, worlds } = this;
    const each = (value) => this.legal.map((isLegal, slot) => (isLegal ? value(slot) : NaN));
    const mean = each((slot) => this.q[slot] / weight);
    const pMake = each((slot) => this.made[slot] / weight);
    const grains = each((slot) => grainsOf(Math.fround(mean[slot]) + Math.fround(bonus * Math.fround(pMake[slot]))));
    const highest = Math.max(...grains.filter((value) => !Number.isNaN(value)));
    const equal = grains.flatMap((value, slot) => (value === highest ? [slot] : []));
    return {
      worlds: n,
      count: worlds.count,
      best: equal.find((slot) => worlds.safe[slot]) ?? equal[0],
      mean,
      spread: each((slot) => Math.sqrt(Math.max(0, this.squares[slot] / weight - mean[slot] ** 2))),
      pMake,
    };
  }
}

/** Return values in the mover's frame, NaN where illegal, from a kernel's answers in team 0's frame. */
const ofMover = (values, seat) => Array.from(values, (value) => (value === -128 ? NaN : seat % 2 ? -value : value));

/**
 * Estimate every play of a view: see Tally.read. Calls onBatch with the estimates so far. nWorlds, key, candidates: see
 * drawWorlds. judge: bySolver or byPlayouts. bonus: see Tally.read.
 */
function estimate(kernels, rules, view, key, { nWorlds, judge, candidates = 1, bonus = 0, batch = Infinity, onBatch = () => {} }) {
  const worlds = drawWorlds(kernels, rules, view, nWorlds, key, candidates);
  const n = worlds.weights.length;
  const tally = new Tally(view, worlds);
  const valuesIn = judge(kernels, rules, view);
  let found;
  for (let first = 0; first < n; first += batch) {
    const { deals, states } = worlds.positions(first, Math.min(batch, n - first));
    tally.add(ofMover(valuesIn(deals, states), view.seat));
    found = tally.read(bonus);
    onBatch(found);
  }
  return found;
}

/** Estimate every play by the solver in nWorlds worlds; onBatch is called after each batch of worlds. */
export const estimateExactly = (kernels, rules, view, key, nWorlds, batch, onBatch) =>
  estimate(kernels, rules, view, key, { nWorlds, judge: bySolver, batch, onBatch });

/** Estimate every play as the level `strongest` does. */
export const estimateStrongly = (kernels, rules, view, key) =>
  estimate(kernels, rules, view, key, { ...STRONGEST, judge: byPlayouts });

/**
 * Return the worlds as deals [n, 4, 7] and packed states [n], with weights 1. owner: [n, u] the place in hidden.seats of
 * the seat that holds each unseen domino.
 */
function dealOut(view, hidden, owner) {
  const u = hidden.unseen.length;
  const n = u ? owner.length / u : 1;
  const deals = new Int8Array(28 * n);
  const states = new BigInt64Array(n);
  const holder = new Int8Array(28); // the seat of each domino
  for (const domino of view.hand) holder[domino] = view.seat;
  view.plays.forEach((domino, i) => (holder[domino] = view.players[i]));
  const isPlayed = Array(28).fill(false);
  for (const domino of view.plays) isPlayed[domino] = true;
  const trick = view.plays.slice(view.plays.length - (view.plays.length % 4));
  const place = new Int8Array(28); // the place of each domino in the deal
  const taken = new Int8Array(4);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < u; i++) holder[hidden.unseen[i]] = hidden.seats[owner[k * u + i]];
    taken.fill(0);
    let held = 0;
    for (let domino = 0; domino < 28; domino++) {
      const seat = holder[domino];
      place[domino] = 7 * seat + taken[seat]++;
      deals[28 * k + place[domino]] = domino;
      if (!isPlayed[domino]) held |= 1 << place[domino];
    }
    states[k] = stateOf(held, view.leader, trick.map((domino) => place[domino] % 7));
  }
  return { deals, states, weights: new Float64Array(n).fill(1) };
}

/** Return the value of every legal play with all hands visible, in the mover's frame: [7], NaN if illegal. */
export function valuesOf(kernels, deal, view) {
  const state = packState(deal, view.plays, view.players, view.leader);
  const q = kernels.rootQ(Int8Array.from(deal.flat()), view.decl, BigInt64Array.of(state));
  return ofMover(q, view.seat);
}
