// The compiled kernels of Liuzhou (liuzhou.wasm), with the network of model.safetensors. A row is a BigInt64Array [4].

import { compile, Compiled, fetchFiles, tensorsOf } from "./shared/compiled.mjs";

export class Kernels extends Compiled {
  static async load() {
    const [code, network] = await fetchFiles(import.meta.url, "liuzhou.wasm", "model.safetensors");
    return new Kernels(await compile(code), tensorsOf(network));
  }

  constructor(compiled, tensors) {
    super(compiled);
    const { weights_bytes, arranged_bytes, tree_bytes, SLOTS } = this.layout;
    [this.row, this.weights, this.arranged, this.tree] = [32, weights_bytes, arranged_bytes, tree_bytes].map((size) => this.filled(size));
    [this.actions, this.visits, this.prior, this.q] = [1, 2, 3, 4].map(() => this.filled(8 * SLOTS));
    this.putTensors(this.weights, tensors);
    this.call("arrange", this.weights, this.arranged);
  }

  set(row) {
    this.at(BigInt64Array, this.row, 4).set(row);
  }

  /** Return the row before the first action. */
  start() {
    this.call("start", this.row);
    return this.get(BigInt64Array, this.row, 4);
  }

  /** Return the legal actions of a row, ascending; none once the game is over. */
  legal(row) {
    this.set(row);
    const n = this.call("legal", this.row, this.actions);
    return Array.from(this.at(BigInt64Array, this.actions, n), Number);
  }

  /** Return the row after a legal action. */
  after(row, action) {
    this.set(row);
    this.call("take", this.row, BigInt(action));
    return this.get(BigInt64Array, this.row, 4);
  }

  /** Begin a search of a row. */
  begin(row) {
    this.set(row);
    this.call("begin", this.row, this.tree, this.weights, this.arranged);
  }

  simulate(n) {
    this.call("simulate", this.tree, this.weights, this.arranged, BigInt(n));
  }

  /** Return what the search has found: by legal action {action, visits, prior, q}, q in the mover's frame. */
  found() {
    const n = this.call("root", this.tree, this.actions, this.visits, this.prior, this.q);
    const [actions, visits] = [this.actions, this.visits].map((place) => Array.from(this.at(BigInt64Array, place, n), Number));
    const [prior, q] = [this.prior, this.q].map((place) => this.get(Float64Array, place, n));
    return actions.map((action, i) => ({ action, visits: visits[i], prior: prior[i], q: q[i] }));
  }

  /** Return the action of a player that counts stones. time: actions taken in the game. */
  byStones(row, withReply, seed, time) {
    this.set(row);
    return this.call("stones_action", this.row, BigInt(withReply), BigInt(seed), BigInt(time), this.actions, this.visits);
  }

  /** Return the action of the network, or with sims above 0 of a search. */
  byNetwork(row, sims, seed, time) {
    this.begin(row);
    this.simulate(sims);
    const n = this.found().length;
    return this.call("choice", BigInt(n), this.actions, this.visits, this.prior, BigInt(sims === 0), BigInt(seed), BigInt(time));
  }
}
