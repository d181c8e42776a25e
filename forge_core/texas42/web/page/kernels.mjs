// The compiled kernels of Texas 42 (texas42.wasm, with the networks one_hand.bin and plays.bin): calls with typed arrays.

import { compile, Compiled, fetchFiles } from "./shared/compiled.mjs";

const ILLEGAL = -128;
// Levels that one pass answers: indices into POLICIES of forge_core.texas42.one_hand.choose.
export const POLICIES = { heuristic: 0n, network: 1n };
const NETWORK = 1n;
const UNTIL = 8n; // plays left from which playouts are exact: the default of oracle=playout
const N_CHANCES = 130; // 10 declarations x 13 bids

const repeated = (number, n) => new BigInt64Array(n).fill(BigInt(number));

/** Return numbers of half precision, as their 16 bits, in single precision. */
function singles(halves) {
  return Float32Array.from(halves, (bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = exponent ? 1024 + (bits & 1023) : bits & 1023;
    return (bits >> 15 ? -1 : 1) * fraction * 2 ** (Math.max(exponent, 1) - 25);
  });
}

export class Kernels extends Compiled {
  /** Fetch and compile texas42.wasm. */
  static async load() {
    const [code, ...networks] = await fetchFiles(import.meta.url, "texas42.wasm", "one_hand.bin", "plays.bin");
    return new Kernels(await compile(code), ...networks.map((weights) => singles(new Uint16Array(weights))));
  }

  /** weights: of the network that plays in playouts. others: of the one that models how others play, for beliefs. */
  constructor(compiled, weights, others) {
    super(compiled);
    this.sight = this.filled(this.layout.sight_bytes);
    this.scratch = this.filled(this.layout.memory_bytes);
    this.weights = this.put(weights);
    this.others = this.put(others);
    this.search = 0; // address of the memory of the exact search, taken when it is first used
    this.base = this.top;
  }

  /** Return the tables of the rules: ledSuit [10, 28], follows and rank [10, 8, 28], points [28]. */
  rules() {
    this.top = this.base;
    const sizes = [280, 2240, 2240, 28];
    const places = sizes.map((size) => this.allocate(size));
    this.call("rules", ...places);
    const [ledSuit, follows, rank, points] = places.map((place, i) => this.get(Int8Array, place, sizes[i]));
    return { ledSuit, follows, rank, points };
  }

  /** Begin a call: forget the arrays of the last one, and have the memory of the search at hand. */
  enter() {
    this.top = this.base;
    if (this.search) return;
    this.search = this.filled(this.layout.search_bytes);
    this.base = this.top;
  }

  /** Return Q [n, 7] by slot in team 0's frame, -128 if illegal. deals: Int8Array [n, 4, 7]; states: BigInt64Array [n]. */
  rootQ(deals, decl, states) {
    this.enter();
    const inputs = [deals, repeated(decl, states.length), states].map((array) => this.put(array));
    return this.valuesOf(states, (q) => this.call("root_q", this.search, ...inputs, q, states.length));
  }

  /** Return the values of playouts by the network, as rootQ. voids: by seat, a mask of suits. */
  playoutQ(deals, decl, states, voids, bidder) {
    this.enter();
    const n = states.length;
    const masks = Uint8Array.from({ length: 4 * n }, (_, i) => voids[i % 4]);
    const inputs = [deals, repeated(decl, n), states, masks, repeated(bidder, n)].map((array) => this.put(array));
    return this.valuesOf(states, (q) =>
      this.call("playout_q", this.search, this.sight, this.scratch, ...inputs, NETWORK, this.weights, UNTIL, q, n),
    );
  }

  valuesOf(states, fill) {
    const size = 7 * states.length;
    const q = this.filled(size, ILLEGAL);
    fill(q);
    const broken = this.get(BigInt64Array, this.result, 1)[0];
    if (broken !== -1n) throw new Error(`state ${states[Number(broken)]} cannot occur`);
    return this.get(Int8Array, q, size);
  }

  /** Return the points [n] of seat 0's team in deals [n, 4, 7] in which the network plays all seats and seat 0 leads. */
  dealPoints(deals, decl) {
    this.enter();
    const n = deals.length / 28;
    const inputs = [deals, repeated(decl, n)].map((array) => this.put(array));
    const gained = this.filled(8 * n);
    this.call("deal_points", this.search, this.sight, this.scratch, ...inputs, NETWORK, this.weights, gained, n);
    return Array.from(this.get(BigInt64Array, gained, n), (margin) => (42 + Number(margin)) / 2);
  }

  /** Return the log weights [n] of deals [n, 4, 7] by how the others played and declared: belief=both with its defaults. */
  logWeights(deals, view) {
    this.top = this.base;
    const n = deals.length / 28;
    const games = this.filled(8 * n);
    const dealt = this.put(deals);
    const seen = this.putView(view);
    const found = this.filled(8 * n);
    this.call("log_weights", this.sight, this.scratch, dealt, games, ...seen, this.others, found, view.plays.length, n);
    return this.get(Float64Array, found, n);
  }

  /** Return the addresses of the numbers and plays of a view. */
  putView({ decl, seat, bidder, plays, players }) {
    const numbers = BigInt64Array.from([decl, seat, bidder], BigInt);
    return [numbers, Int8Array.from(plays), Int8Array.from(players)].map((array) => this.put(array));
  }

  /** Return the slot that a policy plays in one view. policy: a value of POLICIES. */
  policySlot(view, policy) {
    this.top = this.base;
    const inputs = [...this.putView(view), this.put(Int8Array.from(view.hand))];
    const slot = this.filled(8);
    this.call("policy_slot", this.sight, this.scratch, ...inputs, policy, this.weights, slot, view.plays.length);
    return Number(this.get(BigInt64Array, slot, 1)[0]);
  }

  /** Return P(make) [10 * 13] of a hand as forge_core's RuleBidder estimates it. */
  rulePMake(hand) {
    this.top = this.base;
    const found = this.filled(8 * N_CHANCES);
    this.call("rule_p_make", this.put(Int8Array.from(hand)), found);
    return this.get(Float64Array, found, N_CHANCES);
  }

  /** Return the best {call, decl} by P(make). situation: {calls, marks}; marks: those of the caller's team first. */
  bestCall(pMake, { calls, marks: [own, other] }) {
    this.top = this.base;
    const inputs = [pMake, BigInt64Array.from([...calls, 0], BigInt)].map((array) => this.put(array));
    const best = this.filled(16);
    this.call("best_call", ...inputs, calls.length, BigInt(own), BigInt(other), 0n, best);
    const [call, decl] = this.get(BigInt64Array, best, 2);
    return { call: Number(call), decl: decl < 0n ? null : Number(decl) };
  }

  /** Return the tokens of positions with all hands visible: {tokens [n, 32, 12] int8, mask [n, 32], legal [n, 7]}. */
  encode(deals, decl, states) {
    this.top = this.base;
    const n = states.length;
    const dealOf = BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
    const inputs = [deals, repeated(decl, n), dealOf, states].map((array) => this.put(array));
    const sizes = [32 * 12, 32, 7].map((size) => size * n);
    const places = sizes.map((size) => this.filled(size));
    this.call("encode", ...inputs, ...places, n, n);
    return this.tokensAt(places, sizes);
  }

  /** Return the tokens of what a view knows: {tokens [36, 12] int8, mask [36], legal [7]}. */
  encodeTranscript({ hand, decl, seat, plays, players }) {
    this.top = this.base;
    const padded = (list) => Int8Array.from({ length: 28 }, (_, i) => list[i] ?? 0);
    const inputs = [hand, [decl, seat, plays.length]].map((list) => this.put(Int8Array.from(list)));
    inputs.push(this.put(padded(plays)), this.put(padded(players)), this.filled(36 * 8));
    const sizes = [36 * 12, 36, 7];
    const places = sizes.map((size) => this.filled(size));
    this.call("encode_transcript", ...inputs, ...places);
    return this.tokensAt(places, sizes);
  }

  tokensAt(places, sizes) {
    const [tokens, mask, legal] = places.map((place, i) => this.get(i ? Uint8Array : Int8Array, place, sizes[i]));
    return { tokens, mask, legal };
  }

  /**
   * Return the number of worlds, and a function from ranks (BigInt64Array [n]) to owners (Int8Array [n, u]).
   * allowed: Uint8Array [u], the hidden seats that may hold each unseen domino; need: what each of three holds.
   */
  worlds(allowed, need) {
    this.top = this.base;
    const { cells, side } = this.layout;
    const u = allowed.length;
    const seats = this.put(allowed);
    const ways = this.filled((u + 1) * cells * 4);
    this.call("count_worlds", seats, ways, u);
    const cell = side * (need[0] + 1) + need[1] + 1;
    const count = this.get(Int32Array, ways, cells)[cell];
    const root = this.put(BigInt64Array.of(BigInt(cell)));
    const unrank = (ranks) => {
      const owner = this.allocate(ranks.length * u);
      this.call("unrank_worlds", seats, root, ways, this.put(ranks), owner, u, ranks.length);
      return this.get(Int8Array, owner, ranks.length * u);
    };
    return { count, unrank };
  }
}
